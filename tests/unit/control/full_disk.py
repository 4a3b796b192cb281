"""A story told on a disk that is really full: `python -m tests.unit.control.full_disk STORY FOLDER KIB…`.

A tmpfs of so many KiB is mounted for each telling, in a mount namespace that ends with this process; each is told
once more with room. What a person reads is printed, a line of JSON for each.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOM = 64 * 1024
"""KiB that are enough for everything."""


def tell_on_full_disks(story: str, folder: Path, sizes: list[int]) -> list[dict[str, str]]:
    """What was said on each of them, under ``full``, and afterwards with room, under ``free``."""
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", __name__, story, str(folder)]
    room = "disk" if story == "play" else "room"
    (folder / "room").mkdir()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RUNTIME_DIRECTORY": str(folder / room)}
    done = subprocess.run(
        [*argv, *map(str, sizes)], capture_output=True, text=True, timeout=300, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def fetch(folder: Path) -> Callable[[], str]:
    """Both repositories, onto a boot disk that is full."""
    from tests.unit.control.repositories.origin import Setting

    from homeprod.control.repositories.repositories import Repositories
    from homeprod.core.errors import ControlError

    setting = Setting.make(folder / "home", noise=64 * 1024)
    setting.places.cache.rmdir()
    setting.places.cache.symlink_to(folder / "disk")

    def once() -> str:
        try:
            checkout = asyncio.run(Repositories(lambda: setting.settings, setting.places).fetch("lab"))
        except ControlError as error:
            return f"{error.message} | {error.hint}"
        return f"fetched {len((checkout.playbooks / 'site.yml').read_text())}"

    return once


def play(folder: Path, gathers: bool = False) -> Callable[[], str]:
    """A run by the real Ansible, whose memory is full; where it gathers facts, the disk that they are kept on."""
    from tests.unit.control.runs.node import SETTINGS, Desk, Node, make_job, tell

    from homeprod.control.hosts.host import HostState

    home = folder / "home"
    home.mkdir()
    local = '{ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}'
    (home / "hosts.yml").write_text(f"all: {{hosts: {{lab-proxy: {local}}}}}\n")
    task = "{name: deliver, ansible.builtin.copy: {content: hello, dest: %s, mode: '0600'}}" % (home / "delivered")
    (home / "site.yml").write_text(f"- hosts: all\n  gather_facts: {gathers}\n  tasks: [{task}]\n")

    def once() -> str:
        said = []

        async def story(node: Node) -> None:
            await node.ring("lab-proxy", os.urandom(4).hex())
            while (await node.ledger.host("lab-proxy")).state not in (HostState.IDLE, HostState.FAILED):
                await asyncio.sleep(0.02)
            said.extend(f"{run.status}: {run.problem}" for run in reversed(await node.ledger.runs()))

        (home / "control.db").unlink(missing_ok=True)
        kept = {"fact_cache": str(folder / "disk" / "facts")} if gathers else {}
        tell(home, Desk(make_job(home, **kept)), story, SETTINGS.model_copy(update={"attempts": 1 + gathers}))
        return "; ".join(said)

    return once


def main(story: str, folder: Path, sizes: list[int]) -> None:
    disk = folder / "disk"
    disk.mkdir()
    once = {"fetch": fetch, "play": play, "gather": lambda below: play(below, gathers=True)}[story](folder)
    for size in sizes:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)]
        subprocess.run(mount, check=True)
        full = once()
        subprocess.run(["mount", "-o", f"remount,size={ROOM}k", str(disk)], check=True)
        sys.stdout.write(json.dumps({"full": full, "free": once()}) + "\n")
        subprocess.run(["umount", str(disk)], check=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [int(size) for size in sys.argv[3:]])
