"""Observation: everything that `status` saw, and the snapshot that it makes for control nodes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from homeprod.cli import render
from homeprod.cli.asking import AskedNode, ask_nodes, can_sign
from homeprod.cli.certificates import Shown, look
from homeprod.cli.machines import list_rows
from homeprod.cli.plan import Planned, make_plan
from homeprod.core.errors import HomeprodError
from homeprod.core.overview.snapshot import MOST_BYTES, SeenBackup, SeenCertificate, SeenMachine, Snapshot
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.backups import Backups, read_backups
from homeprod.plan.plan import Plan
from homeprod.site.adopted import AdoptedVirtualMachine
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import Site

_MOST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Observation:
    """``rows`` are the machines by the names of their columns, ``taken`` is seconds since 1970."""

    planned: Planned
    rows: tuple[Mapping[str, object], ...]
    shown: tuple[Shown, ...]
    nodes: tuple[AskedNode, ...]
    snapshot: Snapshot
    taken: float


def observe(
    site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace, *, asks_nodes: bool = True
) -> Observation:
    """Only reads. Raises HomeprodError where Proxmox cannot be read; of everything else what is known."""
    planned = make_plan(site, cluster, options)
    rows = tuple(list_rows(site, planned.actual, planned.plan))
    running = {str(row["name"]) for row in rows if row["state"] == "running"}
    with render.busy("asking proxies and control nodes"):
        shown = tuple(look(site, running, lab=options.lab))
        nodes = tuple(ask_nodes(site, cluster, running, options)) if asks_nodes else ()
        made = [row for row in rows if row["kind"] == "vm" and row["state"] not in ("not there", "unknown")]
        vmids = {_read_vmid(row) for row in made}
        backups = Backups() if options.lab else read_backups(cluster, planned.actual, vmids)  # a lab makes none
    taken = time.time()
    snapshot = make_snapshot(site, planned.plan, rows, shown, backups, taken)
    return Observation(planned, rows, shown, nodes, snapshot, taken)


def make_snapshot(
    site: Site,
    plan: Plan,
    rows: Iterable[Mapping[str, object]],
    shown: Iterable[Shown],
    backups: Backups,
    taken: float,
) -> Snapshot:
    """Words that are too long are cut, and what stands on several lines becomes one."""
    return Snapshot(
        taken=round(taken),
        machines=tuple(_describe_machine(site, row, backups) for row in rows),
        certificates=tuple(map(_describe_certificate, shown)),
        matters=tuple(_plain(text) for text in list_decisions(plan))[:100],
        backups_unseen=_plain("; ".join(backups.unseen)),
    )


def list_decisions(plan: Plan) -> Iterator[str]:
    """What a person has to decide about, a line each."""
    for conflict in plan.conflicts:
        yield f"{conflict.address}: {conflict.message}"
    for unknown in plan.unknown:
        yield f"{unknown.address}: {unknown.message}"


def share(observation: Observation) -> Iterator[str]:
    """Send the snapshot to each node that was reached; what went wrong, a line each. Raises nothing: nobody asked for
    it, and the next look sends another."""
    text = observation.snapshot.model_dump(mode="json", exclude_defaults=False)
    if len(observation.snapshot.model_dump_json()) > MOST_BYTES:
        yield "the site has more machines than a control node takes a snapshot of"
        return
    for node in observation.nodes:
        if node.door is not None:
            try:
                node.door.post("/api/snapshot", text)
            except HomeprodError as error:
                yield f"{node.name} did not take the snapshot: {error.message}"


def share_after_apply(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> None:
    """As it is now, where somebody can sign for it. An apply never fails for it, nor says anything of it but with
    ``--debug``."""
    if not can_sign(site, options.lab):
        return
    chosen = argparse.Namespace(**{**vars(options), "only": [], "start": False})
    try:
        troubles = list(share(observe(site, cluster, chosen)))
    except (HomeprodError, ValidationError) as error:
        troubles = [f"no snapshot was taken: {error}"]
    for trouble in troubles if options.debug else ():
        render.say(trouble)


def _describe_machine(site: Site, row: Mapping[str, object], backups: Backups) -> SeenMachine:
    return SeenMachine(
        name=str(row["name"]),
        kind="data-vm" if row["kind"] == "data-vm" else "vm",
        vmid=_read_vmid(row),
        node=_plain(str(row["node"])),
        address=_plain(str(row["address"] or "")),
        state=_plain(str(row["state"])),
        plan=_plain(str(row["plan"])),
        kept_by=list_keepers(site, str(row["name"])),
        backup=judge_backup(row, backups),
    )


def list_keepers(site: Site, name: str) -> tuple[str, ...]:
    declared = site.machines.get(name)
    machine = declared.machine if declared is not None else None
    return tuple(sorted(machine.kept_by)) if isinstance(machine, VirtualMachine | AdoptedVirtualMachine) else ()


def judge_backup(row: Mapping[str, object], backups: Backups) -> SeenBackup:
    """Nothing of a data VM: its disks are in the backup of the machine that uses them."""
    if row["kind"] != "vm" or row["state"] in ("not there", "unknown"):
        return SeenBackup()
    vmid = _read_vmid(row)
    return SeenBackup(
        is_in_job=vmid not in backups.unbacked if backups.unbacked is not None else None,
        last=backups.last.get(vmid) if backups.last is not None else None,
        has_none=backups.last is not None and vmid not in backups.last,
    )


def _describe_certificate(shown: Shown) -> SeenCertificate:
    standing = shown.standing
    return SeenCertificate(
        machine=shown.machine,
        name=_plain(str(shown.certificate.names[0])),
        ends=max(round(standing.ends.timestamp()), 0) if standing is not None else None,
        trouble=_plain(shown.trouble or (f"not known: {shown.why_not}" if shown.why_not else "")),
    )


def _read_vmid(row: Mapping[str, object]) -> int:
    return int(str(row["vmid"]))


def _plain(text: str) -> str:
    line = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    return line if len(line) <= _MOST_WORDS else f"{line[: _MOST_WORDS - 1]}…"
