"""The machine type that Proxmox pins for Windows guests."""

from __future__ import annotations

from homeprod.lab.api.schema import Release
from homeprod.lab.task import Task

CREATION_QEMU = {8: "9.2.0", 9: "10.1.2"}
"""What ``meta`` says made the machine."""
_PIN_WINDOWS = frozenset({"wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11"})


def pin_machine(config: dict[str, str | None], release: Release, task: Task | None) -> None:
    """Windows guests get their machine type pinned to the QEMU of the day."""
    kind, comma, rest = (config.get("machine") or "").partition(",")
    if config.get("ostype") not in _PIN_WINDOWS or kind not in ("", "pc", "q35"):
        return
    version = CREATION_QEMU.get(release[0], CREATION_QEMU[9]).rpartition(".")[0]
    pinned = f"pc-{'q35' if kind == 'q35' else 'i440fx'}-{version}"
    config["machine"] = pinned + comma + rest
    if task is not None:
        task.say(f"pinning machine type to '{pinned}' for Windows guest OS")
