"""Sight: what a drill found before it asks: what goes, what stays, and that nothing stands in its way."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeprod.cli import render
from homeprod.cli.control.publish import PUBLIC_FILE
from homeprod.cli.plan import Planned, make_plan
from homeprod.cli.settle import make_settled
from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError, LabError, NotFoundError, UsageError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.drill import plan_destructions, read_note
from homeprod.engine.work import tell_time
from homeprod.plan.actual import Actual, ActualMachine
from homeprod.plan.conflict.capacity import weigh
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.drill import (
    DrillNote,
    find_refusals,
    list_doomed,
    list_kept,
    name_instance,
    plan_rebuilding,
)
from homeprod.plan.mark import site_tag
from homeprod.plan.plan import Conflict, Plan
from homeprod.site.configured import explain_unconfigured, find_control, find_control_node
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import DeclaredMachine, Site
from homeprod.wiring.doorbell import find_signer, open_doorbell


@dataclass(frozen=True, slots=True)
class Sight:
    """``chosen`` in the order in which they are made. ``doomed`` are those that are there and to be destroyed;
    ``destruction`` is the plan for that. ``keepers`` are the control nodes that have to be Ready for the chosen."""

    planned: Planned
    chosen: Mapping[Address, DesiredMachine]
    doomed: Mapping[Address, ActualMachine]
    destruction: Plan
    note: DrillNote
    is_resumed: bool
    keepers: tuple[str, ...]

    @property
    def is_untouched(self) -> bool:
        """Whether all of the chosen are the old ones, and run as they should."""
        return self.chosen.keys() == self.doomed.keys() and all(
            found.is_running or not self.chosen[address].is_started for address, found in self.doomed.items()
        )

    def is_same(self, other: Sight) -> bool:
        """Whether the same would be lost."""
        ours, theirs = ({a: f.config for a, f in one.doomed.items()} for one in (self, other))
        return ours == theirs and self.is_resumed == other.is_resumed


def look(
    site: Site,
    cluster: ProxmoxHypervisor,
    chosen: list[DeclaredMachine],
    options: argparse.Namespace,
    *,
    boots: bool,
) -> Sight:
    """Only reads. Raises HomeprodError for whatever is in the way of the drill; nothing was touched then."""
    names = [one.name for one in chosen]
    kept = None if options.anew else read_note(cluster, site)
    _check_same_machines(kept, names)
    planned = plan_part(site, cluster, options, [] if options.all else names)
    desired = desire(site)
    mine = {one.address: desired[one.address] for one in chosen}
    _check_lab(site, planned.actual, mine, kept, options)
    doomed = list_doomed(planned.actual, mine, kept)
    _refuse(
        [
            *find_refusals(site, planned.actual, planned.plan, mine, desired, kept, boots=boots),
            *_weigh(site, cluster, planned.actual, plan_rebuilding(doomed, mine), desired),
        ]
    )
    destruction = plan_destructions(site, planned.actual, [machine.listed.vmid for machine in doomed.values()])
    keepers = list_keepers(site, chosen)
    if boots:
        _check_keepers(site, cluster, keepers, names, options)
    keys = read_keys(site, cluster, planned.actual, names) if boots else {}
    began = kept or _begin(site, planned.actual, names, mine, keys)
    return Sight(planned, mine, doomed, destruction, began, kept is not None, keepers)


def plan_part(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace, names: list[str]) -> Planned:
    """The plan of these machines and of what they are made from; of the whole site where there are none."""
    wanted = argparse.Namespace(**{**vars(options), "only": names, "start": False, "json": False})
    return make_settled(site, cluster, lambda: make_plan(site, cluster, wanted))


def list_keepers(site: Site, chosen: list[DeclaredMachine]) -> tuple[str, ...]:
    """Control nodes among the chosen that run, and those that configure some of them."""
    own = [one.name for one in chosen if find_control(one.machine) and _is_started(one)]
    nodes = [find_control_node(site, one.machine.environment) for one in chosen if not explain_unconfigured(one)]
    return tuple(dict.fromkeys([*own, *(node.name for node in nodes if node is not None)]))


def _is_started(declared: DeclaredMachine) -> bool:
    return isinstance(declared.machine, VirtualMachine) and declared.machine.started


def read_keys(site: Site, cluster: ProxmoxHypervisor, actual: Actual, names: list[str]) -> dict[str, str]:
    """By control node the digest of the public keys of its keyring, as its guest agent reads them from its data disk;
    none of one that does not run, or has none."""
    found = {}
    for name in names:
        machine = actual.machines.get(site.vmid(site.machines[name].machine))
        if find_control(site.machines[name].machine) is None or machine is None or not machine.is_running:
            continue
        text = cluster.read_guest_file(machine.listed.node, machine.listed.vmid, PUBLIC_FILE)
        if text is not None and (digest := _digest(text)):
            found[name] = digest
    return found


def _digest(text: str) -> str:
    try:
        public = json.loads(text)
        keys = {group: public[group] for group in ("environments", "deploy")}
    except (ValueError, KeyError, TypeError):
        return ""
    return hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()


def _begin(
    site: Site,
    actual: Actual,
    names: list[str],
    mine: Mapping[Address, DesiredMachine],
    keys: Mapping[str, str],
) -> DrillNote:
    instances = {
        address.name: name_instance(found)
        for address, machine in mine.items()
        if (found := actual.machines.get(machine.vmid)) is not None
    }
    return DrillNote(tell_time(), {name: instances[name] for name in names}, list_kept(site, actual), keys)


def _check_same_machines(note: DrillNote | None, names: list[str]) -> None:
    """Raises UsageError."""
    if note is None or set(note.machines) == set(names):
        return
    hint = (
        f"go on with that one:\n\n  homeprod drill rebuild {' '.join(note.machines)}\n\n"
        "or begin another with --anew, where its machines are as the site says"
    )
    raise UsageError(
        f"a drill that began {note.began} has not come to its end, of other machines than these", hint=hint
    )


def _check_lab(
    site: Site,
    actual: Actual,
    mine: Mapping[Address, DesiredMachine],
    note: DrillNote | None,
    options: argparse.Namespace,
) -> None:
    """A lab of another site has its machines. Raises LabError, NotFoundError."""
    if note is not None or any(tag_is_there(actual, site_tag(site.config.id))):
        return
    others = sorted({tag for one in actual.resources.machines for tag in one.tags if tag.startswith("homeprod-")})
    if options.lab and others:
        words = f"lab {options.lab} is another site's: its machines carry {', '.join(others)}"
        tag = site_tag(site.config.id)
        hint = f"those of {site.config.name} carry {tag}; see the labs there are:\n\n  homeprod lab status"
        raise LabError(f"{words}; nothing was done", hint=hint)
    hint = "make them first:\n\n  homeprod apply"
    raise NotFoundError(
        f"none of the {len(mine)} machines is there to be destroyed", where=site.config.name, hint=hint
    )


def tag_is_there(actual: Actual, tag: str) -> Iterator[bool]:
    return (tag in one.tags for one in actual.resources.machines)


def _weigh(
    site: Site,
    cluster: ProxmoxHypervisor,
    actual: Actual,
    rebuilding: Plan,
    desired: Mapping[Address, DesiredMachine],
) -> Iterator[Conflict]:
    """Room, and rights, for what is to be made again."""
    yield from weigh(rebuilding, actual, desired).conflicts
    yield from cluster.find_lacks(site, actual, rebuilding)


def _check_keepers(
    site: Site,
    cluster: ProxmoxHypervisor,
    keepers: tuple[str, ...],
    names: list[str],
    options: argparse.Namespace,
) -> None:
    """That somebody can ring there, and that those which stay are Ready: what is destroyed has to be configured
    again. Raises UsageError, HomeprodError."""
    for node in keepers:
        find_signer(site, node, lab=options.lab)
        if node in names:
            continue
        state = str(open_doorbell(site, cluster, node, None, lab=options.lab).status()["state"])
        if state != "Ready":
            hint = f"bring it there first:\n\n  ssh -t {node} {'bootstrap' if state == 'New' else 'unlock'}"
            words = f"is {state}, so what it configures could not be made again; nothing was done"
            raise HomeprodError(words, where=f"vm/{node}", hint=hint)


def _refuse(refusals: list[Conflict]) -> None:
    """Raises HomeprodError with the first of them; the others are said before."""
    found = list(dict.fromkeys(refusals))
    for one in found[1:]:
        render.say(f"{one.address}: {one.message}")
    if found:
        more = f" (and {len(found) - 1} more, above)" if len(found) > 1 else ""
        raise HomeprodError(
            f"{found[0].message}{more}; nothing was done", where=str(found[0].address), hint=found[0].hint
        )
