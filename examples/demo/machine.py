"""What this machine can show, and in how much time: the demo's first screen."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from homeprod.lab.folder import labs_folder
from homeprod.lab.guest.acceleration import Acceleration, find_acceleration
from homeprod.lab.host import Host, read_host
from homeprod.lab.image.cache import find_image

NODE, ADMINISTRATOR = "lab-ansible", "ops"
"""The control node, which is made first and stays up, and who unlocks it."""
PEOPLE = {"lab-proxy": "sean", "lab-coder": "sean", "prod-proxy-passthrough": "sean"}
"""The other machines on the way in to the service of the lab, and who logs in to each."""
REST = {"prod-proxy": "sean"}
"""That which `make demo-control` makes: all of them are too many for one sitting without KVM."""
MEMORY = {"lab-coder": 2048, "lab-ansible": 1024}
"""MiB of those that have more than 512."""
OVERHEAD = 256
"""MiB that QEMU takes for each machine besides."""
MiB = 1024**2


@dataclass(frozen=True)
class Prospect:
    """``batches`` are the machines that run at once beside the control node, and who logs in to each; ``obstacle``
    says why none can boot."""

    host: Host
    acceleration: Acceleration
    obstacle: str
    has_image: bool
    batches: tuple[dict[str, str], ...]

    @property
    def can_boot(self) -> bool:
        return not self.obstacle

    def describe(self) -> str:
        """One screen."""
        image = "there already" if self.has_image else "to be built from Debian packages (1 to 2 minutes)"
        lines = [
            "homeprod's demo: a real home's site on an embedded hypervisor, nothing outside this machine touched",
            "",
            f"  cores       {self.host.cores}",
            f"  machines    {self.acceleration.reason}",
            f"  memory      {self.host.memory // MiB} MiB available: {self._describe_batches()}",
            f"  disk        {self.host.disk // MiB} MiB free below {labs_folder()}",
            f"  namespaces  {'allowed' if self.can_boot else self.obstacle}",
            f"  image       {image}",
            f"  expect      {self._expect()}",
        ]
        if not self.can_boot:
            lines += [
                "",
                "No machine can be booted here, so the API's life alone is shown (--no-boot): the plan, and",
                "every machine made. Booting, the control node and Ansible are not shown.",
            ]
        return "\n".join(lines) + "\n"

    def _describe_batches(self) -> str:
        count = len(self.batches)
        return "all machines at once" if count == 1 else f"the machines in {count} batches"

    def _expect(self) -> str:
        if not self.can_boot:
            return "less than a minute"
        boots = 60 if self.acceleration.is_fast else 250 * 2 // max(2, min(self.host.cores, 6))
        runs = 30 if self.acceleration.is_fast else 150
        seconds = boots + (boots + runs) * len(self.batches) + (0 if self.has_image else 140) + 60
        return f"about {max(1, round(seconds / 60))} minutes"


def look_around() -> Prospect:
    host = read_host(labs_folder())
    return Prospect(host, find_acceleration(), find_obstacle(), find_image("debian-13") is not None, pack(host))


def find_obstacle() -> str:
    """Why no network namespace can be made here; empty where one can."""
    if os.geteuid() != 0:
        return "need root: run it with sudo to see machines boot"
    done = subprocess.run(("unshare", "--net", "--", "true"), capture_output=True, text=True, timeout=30, check=False)
    return f"forbidden: {done.stderr.strip()}" if done.returncode else ""


def pack(host: Host) -> tuple[dict[str, str], ...]:
    """Machines into batches that fit into the memory there is, the largest first; one that does not fit is alone."""
    budget = host.memory // MiB - 512 - need({NODE: ADMINISTRATOR})
    batches: list[dict[str, str]] = []
    for name in sorted(PEOPLE, key=lambda name: -MEMORY.get(name, 512)):
        home = next((batch for batch in batches if need(batch) + need({name: ""}) <= budget), None)
        if home is None:
            batches.append({name: PEOPLE[name]})
        else:
            home[name] = PEOPLE[name]
    return tuple(batches)


def need(batch: dict[str, str]) -> int:
    """MiB."""
    return sum(MEMORY.get(name, 512) + OVERHEAD for name in batch)
