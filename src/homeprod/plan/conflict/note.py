"""Notes that Proxmox would refuse, found before the first write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homeprod.core.address import Address
from homeprod.plan.actual import Actual
from homeprod.plan.desired import DesiredMachine
from homeprod.plan.mark import ADOPTED, LONGEST_NOTE, Mark, render_note, strip_mark
from homeprod.plan.plan import Conflict

_MUCH = LONGEST_NOTE // 2
"""Characters below which words and mark fit for certain."""
_INSTANCE, _COMMIT = "0" * 32, "0" * 64
"""As long as they may be."""


def find_long_notes(site_id: str, desired: Mapping[Address, DesiredMachine], actual: Actual) -> Iterator[Conflict]:
    for address, machine in sorted(desired.items()):
        words = machine.words
        if words is None:
            found = actual.machines.get(machine.vmid)
            words = strip_mark(str(found.config.config.get("description", ""))) if found is not None else ""
        if len(words) + sum(map(len, machine.forces.values())) < _MUCH:
            continue
        forces = {ADOPTED: "yes"} if machine.is_adopted else machine.forces
        mark = Mark(site_id, address, machine.vmid, _INSTANCE, _COMMIT, forces)
        over = len(render_note(mark, words)) - LONGEST_NOTE
        if over > 0:
            where = "its own note in Proxmox" if machine.words is None else "`note=` of its module"
            yield Conflict(
                address,
                f"its note would have {over} characters more than the {LONGEST_NOTE} that Proxmox takes",
                f"shorten {where}: the lines of the mark come below it",
            )
