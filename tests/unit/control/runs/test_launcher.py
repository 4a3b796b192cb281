"""Workers behind a socket, as systemd starts them: one a connection, with the connection as standard input."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.control.runs.node import ROOM, make_job
from tests.unit.control.runs.test_reconciler import find_commands

from homeprod.control.runs.launcher import SocketChannel, SocketLauncher
from homeprod.core.errors import ControlError

SHORT = Path(__file__).with_name("short_worker.py")


@contextmanager
def accept_workers(path: Path, notes: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """What a systemd socket with Accept=yes does."""
    workers: list[subprocess.Popen[bytes]] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    env = {**os.environ, "RUNTIME_DIRECTORY": str(ROOM)}
                    argv = [sys.executable, str(SHORT), str(notes)]
                    workers.append(subprocess.Popen(argv, stdin=connection.fileno(), env=env))

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield workers
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for worker in workers:
                assert worker.wait(30) in (0, 1)


def test_a_run_goes_over_the_socket_and_its_worker_ends_with_it(tmp_path: Path) -> None:
    async def story() -> None:
        channel = await SocketLauncher(tmp_path / "run.sock").launch()
        await channel.hand_over(make_job(tmp_path, host="lab-proxy", playbook="tell 3"))
        messages = [message async for message in channel]
        assert messages[-1] == {"end": {"status": "successful"}}
        assert len(messages) == 5
        assert not channel.is_open
        await channel.close()

    with accept_workers(tmp_path / "run.sock", tmp_path) as workers:
        asyncio.run(story())
        assert len(workers) == 1


def test_closing_the_channel_ends_everything(tmp_path: Path) -> None:
    async def story() -> None:
        channel = await SocketLauncher(tmp_path / "run.sock").launch()
        await channel.hand_over(make_job(tmp_path, host="lab-proxy", playbook="detach 62.125"))
        async for _ in channel:
            break
        await channel.close()

    with accept_workers(tmp_path / "run.sock", tmp_path) as workers:
        asyncio.run(story())
        assert find_commands("sleep\x0062.125") == []
        assert workers[0].wait(30) == 0
    assert not (ROOM / "lab-proxy").exists()


def test_a_socket_that_nobody_serves_is_said(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no worker can be had: No such file or directory") as caught:
        asyncio.run(SocketLauncher(tmp_path / "run-lab.sock").launch())
    assert "systemctl status homeprod-run-lab.socket" in caught.value.hint


def test_a_close_that_was_cut_off_at_any_moment_can_be_done_again() -> None:
    async def story(turns: int) -> None:
        ours, theirs = socket.socketpair()
        channel = SocketChannel(*await asyncio.open_connection(sock=ours))
        theirs.close()
        closing = asyncio.create_task(channel.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait((closing,))
        await channel.close()

    for turns in range(12):
        asyncio.run(story(turns))
