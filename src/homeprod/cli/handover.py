"""``homeprod adopt --disk NAME SLOT --to DATA-VM``: one disk of a machine into a data VM, and back to its use."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from homeprod.cli import render
from homeprod.cli.lease import await_turn, take_turn
from homeprod.cli.plan import new_instance
from homeprod.cli.progress import LONGEST
from homeprod.cli.question import ask
from homeprod.cli.vocabulary import read_vocabulary
from homeprod.core.errors import StalePlanError, UsageError
from homeprod.core.sizes import format_size
from homeprod.drivers.git import read_commit
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.handover import check_users, do_handover, find_keeper, find_user
from homeprod.engine.lease import Seen
from homeprod.engine.read import read_actual
from homeprod.engine.work import Manner, Work
from homeprod.plan.actual import Actual
from homeprod.plan.desired import desire
from homeprod.plan.draft.data import name_data_disk
from homeprod.plan.draft.newdata import declare_disk, draft_keeper
from homeprod.plan.draft.text import Vocabulary, Writer, name_module
from homeprod.plan.handover import Handover, plan_handover
from homeprod.site.adopted import AdoptedDataVirtualMachine, AdoptedVirtualMachine
from homeprod.site.machine import DataVirtualMachine
from homeprod.site.site import Site
from homeprod.site.writer import written_modules


def hand_over_disk(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> int:
    """Asks first. What is left to do is found anew in each run, so that one which was cut off is simply repeated."""
    if options.to is None:
        raise UsageError("say which data VM takes it", hint="  --to NAME-data\n\nwhich is made, where there is none")
    seen = await_turn(site, cluster, options)
    handover, _ = _plan(site, cluster, options)
    declared = site.machines.get(options.disk[0])
    environment = options.environment or (declared.machine.environment.name if declared is not None else None)
    vocabulary = read_vocabulary(site, environment)
    _show(handover)
    if handover.steps:
        if not options.yes:
            ask("do this?", "yes")
        handover = _do(site, cluster, options, handover, seen)
    _settle_modules(site, vocabulary, handover)
    return 0


def _plan(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> tuple[Handover, Actual]:
    name, slot = options.disk
    with render.busy("reading Proxmox"):
        actual = read_actual(cluster, site)
    user = find_user(site, actual, name)
    handover = plan_handover(user, slot, find_keeper(site, actual, user, options.to), options.label or "")
    check_users(cluster, actual, handover)
    return handover, actual


def _do(
    site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace, agreed: Handover, seen: Seen | None
) -> Handover:
    """With the site's lease, and from what is there then. Raises StalePlanError where that is not what was agreed."""
    with take_turn(site, cluster, options, seen) as turn:
        handover, actual = _plan(site, cluster, options)
        if (handover.steps, handover.drive) != (agreed.steps, agreed.drive):
            raise StalePlanError("somebody changed it meanwhile; nothing was done", hint="repeat the command")
        manner = Manner(commit=read_commit(site.root))
        work = Work(site, turn.hypervisor, desire(site), actual, manner, is_stopping=turn.is_stopping)
        return do_handover(work, handover, _say_news, new_instance(handover.keeper.address))


def _say_news(text: str) -> None:
    """Proxmox writes a whole note into its log; here it is a line."""
    if text.strip() not in ("", "TASK OK"):
        render.say(" ".join(text.split())[:LONGEST])


def _show(handover: Handover) -> None:
    size = f", {format_size(handover.drive.size)}" if handover.drive.size else ""
    keeper, listed = handover.keeper, handover.user.listed
    render.print_line(
        f"{handover.slot} of {listed.name} (VMID {listed.vmid}): {handover.drive.volume}{size}\n"
        f"  to {keeper.address} (VMID {keeper.vmid}), as {handover.label}"
    )
    for number, step in enumerate(handover.steps, start=1):
        render.print_line(f"  {number}. {step.value}")
    if not handover.steps:
        render.print_line("  it is there already")


def _settle_modules(site: Site, vocabulary: Vocabulary, handover: Handover) -> None:
    """A new data VM's module is written; in modules that are there, a person writes."""
    name = handover.keeper.address.name
    user = site.machines.get(handover.user.mark.address.name) if handover.user.mark is not None else None
    declared = site.machines.get(name)
    place = 0
    if declared is None:
        draft = draft_keeper(site, vocabulary, handover, user.machine if user is not None else None)
        with written_modules(site.root, {draft.stem: draft.text}):
            pass
        render.print_line(f"wrote {site.root / 'modules' / f'{draft.stem}.py'}")
    elif isinstance(declared.machine, DataVirtualMachine):
        labels = [disk.label for disk in declared.machine.disks]
        place = labels.index(handover.label) if handover.label in labels else len(labels)
        if handover.label not in labels:
            is_adopted = isinstance(declared.machine, AdoptedDataVirtualMachine)
            line = declare_disk(Writer(vocabulary, "DataVirtualMachine"), handover, names_volume=is_adopted)
            render.print_line(f"\nadd to disks=(…) in modules/{name_module(name)}.py:\n\n    {line},")
    if user is not None and not _is_used(site, handover):
        for line in _describe_use(user.name, user.machine, handover, place):
            render.print_line(line)


def _is_used(site: Site, handover: Handover) -> bool:
    """Whether some module says already that it uses the disk."""
    return any(
        disk.serial == handover.label and disk.owner == handover.keeper.vmid
        for machine in desire(site).values()
        for disk in machine.attached
    )


def _describe_use(name: str, machine: object, handover: Handover, place: int) -> Iterator[str]:
    disk = name_data_disk(handover.keeper.address.name, place)
    yield f"\nchange in modules/{name_module(name)}.py:\n\n    {disk.line}"
    if isinstance(machine, AdoptedVirtualMachine):
        yield f'    data_disks={{"{handover.slot}": {disk.expression}}},'
        yield f'\nand take "{handover.slot}" out of its disks='
    else:
        yield f'    mounts=(Mount(disk={disk.expression}, at="/srv/{handover.label}"),),'
        yield "\nthe plan will then replace the machine, which is told what it mounts when it is made; the disk stays"
