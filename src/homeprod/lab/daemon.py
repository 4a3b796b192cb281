"""The lab's process: ``python -m homeprod.lab.daemon STATE_DIR``.

Reads ``lab.json`` (LabSpec) in the lab's folder, and writes there ``ca.pem``, ``token`` and ``password`` (0600),
``daemon.log``, ``daemon.mark`` (which process it is) at once, and ``daemon.json`` with pid, url and start time when
it answers; or ``daemon.error`` when it cannot start. SIGTERM ends it; the machines keep running.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.process import ProcessMark
from homeprod.lab.service import LabService
from homeprod.lab.spec import LabSpec

_log = logging.getLogger("homeprod.lab")


def read_spec(state: Path) -> LabSpec:
    """Raises LabError."""
    file = state / "lab.json"
    try:
        return LabSpec.read(file)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LabError(f"cannot read the lab's description: {error}", where=str(file)) from error


def announce(state: Path, url: str) -> None:
    """Say that the lab is up, all at once: who reads ``daemon.json`` never reads half of it."""
    temporary = state / "daemon.json.tmp"
    temporary.write_text(json.dumps({"pid": os.getpid(), "url": url, "started": int(time.time())}) + "\n")
    os.replace(temporary, state / "daemon.json")  # noqa: PTH105 (atomic by intent, and named so)


@contextmanager
def claim(state: Path) -> Iterator[None]:
    """One process for a lab. Raises LabError while another one lives; a killed one's claim is void."""
    with (state / "daemon.lock").open("w") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError("the lab's process runs already", where=str(state)) from error
        mark = ProcessMark.of(os.getpid())
        assert mark is not None  # noqa: S101 (this very process lives)
        mark.write(state / "daemon.mark")
        (state / "daemon.json").unlink(missing_ok=True)
        try:
            yield
        finally:
            (state / "daemon.mark").unlink(missing_ok=True)


async def serve(state: Path) -> None:
    """Run the lab until SIGTERM or SIGINT. Raises LabError when it cannot start."""
    service = LabService(read_spec(state), state)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    await service.start()
    try:
        announce(state, service.url)
        await done.wait()
    finally:
        (state / "daemon.json").unlink(missing_ok=True)
        await service.stop()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m homeprod.lab.daemon STATE_DIR\n")
        return 64
    state = Path(arguments[0])
    logging.basicConfig(
        filename=state / "daemon.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    failure = state / "daemon.error"
    failure.unlink(missing_ok=True)
    try:
        with claim(state):
            asyncio.run(serve(state))
    except LabError as error:
        _log.error("%s", error)
        failure.write_text(json.dumps({"message": error.message, "where": error.where, "hint": error.hint}) + "\n")
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
