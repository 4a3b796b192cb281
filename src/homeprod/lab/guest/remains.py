"""What QEMU processes that are gone left behind: their sockets, and their cables in the LAN."""

from __future__ import annotations

import shutil
from pathlib import Path

from homeprod.lab.guest.arguments import GuestFiles
from homeprod.lab.guest.runner import find_process
from homeprod.lab.lan.network import Lan
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import LabSpec


def remove_remains(spec: LabSpec, state: Path) -> None:
    """For a lab whose process does not run and whose LAN is up; living machines are left alone. Raises LabError."""
    guests = state / "guests"
    lan = Lan(spec, state)
    for folder in sorted(guests.iterdir()) if guests.is_dir() else []:
        files = GuestFiles(folder.absolute(), state.absolute() / "serial" / f"{folder.name}.log")
        mark = ProcessMark.read(files.mark) or find_process(files)
        if mark is None or not mark.is_alive():
            for tap in files.taps.read_text().split() if files.taps.exists() else []:
                lan.remove_tap(tap)
            shutil.rmtree(folder, ignore_errors=True)
