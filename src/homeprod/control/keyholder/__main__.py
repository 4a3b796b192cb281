"""``python -m homeprod.control.keyholder``: the process itself. systemd runs it; so does a test."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from homeprod.control.keyholder.claim import claim
from homeprod.control.keyholder.doors.daemon import DaemonDoor
from homeprod.control.keyholder.doors.people import PeopleDoor
from homeprod.control.keyholder.hardening import harden
from homeprod.control.keyholder.keyholder import Keyholder, Setting
from homeprod.control.keyholder.sealed.opening import find_keyring
from homeprod.control.keyholder.sealed.patience import Patience
from homeprod.control.keyholder.sockets.listener import Listener, make_passage
from homeprod.control.keyholder.sockets.peer import User, find_group, find_own, find_user
from homeprod.control.places import Places
from homeprod.control.readiness import tell_systemd
from homeprod.control.state import NodeState
from homeprod.core.errors import ControlError, HomeprodError

log = logging.getLogger("homeprod.keyholder")


def main() -> int:
    options = _build_parser().parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s: %(message)s")
    try:
        harden(allows_swap=options.allow_swap, say=log.warning)
        asyncio.run(_serve(options))
    except OSError as error:
        log.error("cannot start: %s", error)
        return 1
    except HomeprodError as error:
        log.error("%s%s", error, f"\n{error.hint}" if error.hint else "")
        return 1
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="homeprod-keyholder", description="hold the control node's secrets")
    parser.add_argument("--places", type=Path, metavar="FILE", help="where things are (default: a control node's)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="the node's settings (default: of the places)")
    parser.add_argument("--machine", type=Path, metavar="FILE", default=Path("/etc/machine-id"), help="its id")
    parser.add_argument("--daemon-user", metavar="NAME", default="homeprod", help="who the daemon is")
    parser.add_argument("--admin-group", metavar="NAME", default="homeprod-admin", help="who may speak to it")
    parser.add_argument("--allow-swap", action="store_true", help="go on where memory cannot be locked")
    parser.add_argument(
        "--delay", type=float, metavar="SECONDS", default=1.0, help="after a first wrong passphrase (default: 1)"
    )
    return parser


async def _serve(options: argparse.Namespace) -> None:
    if sys.version_info < (
        3,
        12,
    ):  # later ones do so by themselves; the earlier default makes a thread for each child
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.set_child_watcher(watcher)
    places = Places.read(options.places) if options.places else Places()
    setting = Setting(
        places=places,
        settings=options.settings or places.settings,
        machine=_read_machine(options.machine),
        daemon_user=options.daemon_user,
        keyring=find_keyring(places.keyring_folder),
    )
    make_passage(places.runtime)
    with claim(places.runtime / "keyholder.lock"):
        keyholder = Keyholder(setting, Patience(options.delay))
        doors = _open_doors(keyholder, options)
        log.info("the control node is %s%s", keyholder.standing.state.value, _explain(keyholder))
        tell_systemd("READY=1")
        await keyholder.ended.wait()
        log.info("ends, with %s doors", len(doors))
        logging.shutdown()
        # Nothing is tidied up: who waits for the end of its connection then knows that the memory is gone too.
        os._exit(0)


def _open_doors(keyholder: Keyholder, options: argparse.Namespace) -> tuple[Listener, ...]:
    """The sockets of people and of the daemon. SIGTERM and SIGINT end all as `lock` does."""
    places, daemon = keyholder.setting.places, _find_daemon(options.daemon_user)
    group = find_group(options.admin_group)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, keyholder.end_soon)
    return (
        Listener(
            places.keyholder_socket,
            PeopleDoor(keyholder).serve,
            mode=0o600 if group is None else 0o660,
            gid=-1 if group is None else group,
        ),
        Listener(places.daemon_socket, DaemonDoor(keyholder, daemon).serve, uid=daemon.uid, gid=daemon.gid),
    )


def _find_daemon(name: str) -> User:
    """Where there is no such user, which only a machine that is no control node lacks, the socket stays ours."""
    try:
        return find_user(name)
    except ControlError as error:
        log.warning("%s, so only root is the daemon", error)
        return find_own()


def _explain(keyholder: Keyholder) -> str:
    if keyholder.standing.state is NodeState.NEW and keyholder.setting.keyring.exists():
        return ": a keyring is on its disk, which an earlier machine left; `bootstrap` takes it over"
    return f", and waits {keyholder.standing.waiting}"


def _read_machine(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ControlError(f"cannot read this machine's id: {error.strerror}", where=str(file)) from error


if __name__ == "__main__":
    sys.exit(main())
