"""The console's relay, with a socket in the machine's place."""

from __future__ import annotations

import os
import pty
import socket
import termios
import threading
from pathlib import Path

import pytest

from homeprod.core.errors import LabError
from homeprod.lab import console
from homeprod.lab.guest.arguments import GuestFiles


class Relay:
    """A relay in a thread between a socket and two pipes."""

    def __init__(self) -> None:
        ours, self.machine = socket.socketpair()
        source, self.keyboard = os.pipe()
        self.screen, target = os.pipe()
        self._ends = (source, target)

        def work() -> None:
            with ours:
                console.relay(ours, source, target)

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def close(self) -> None:
        self.machine.close()
        self.thread.join(10)
        for end in (*self._ends, self.keyboard, self.screen):
            os.close(end)


def test_it_goes_both_ways_until_the_escape_key() -> None:
    relay = Relay()
    relay.machine.sendall(b"login: ")
    assert os.read(relay.screen, 100) == b"login: "
    os.write(relay.keyboard, b"root\n")
    assert relay.machine.recv(100) == b"root\n"
    os.write(relay.keyboard, b"\x03")  # Ctrl-C is the machine's
    assert relay.machine.recv(100) == b"\x03"
    os.write(relay.keyboard, b"bye\x1dnever sent")
    assert relay.machine.recv(100) == b"bye"
    assert relay.machine.recv(100) == b""
    relay.close()


def test_it_ends_with_the_machine() -> None:
    relay = Relay()
    relay.machine.close()
    relay.thread.join(10)
    assert not relay.thread.is_alive()
    relay.close()


def test_history_begins_with_a_whole_line(tmp_path: Path) -> None:
    log = tmp_path / "100.log"
    assert console.read_history(log) == b""
    log.write_bytes(b"one\ntwo\n")
    assert console.read_history(log) == b"one\ntwo\n"
    log.write_bytes(b"x" * 40_000 + b"\nlast\n")
    assert console.read_history(log) == b"last\n"


def test_a_terminal_is_raw_inside_and_as_before_after() -> None:
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        with console._raw_terminal(slave):
            assert not termios.tcgetattr(slave)[3] & (termios.ECHO | termios.ISIG)
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


def test_a_console_that_is_gone_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot reach the console"):
        console.open_console(GuestFiles(tmp_path, tmp_path / "log"))
