"""Whether the VMIDs that a site uses are free, or its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError
from homeprod.engine.doctor.finding import Finding, Verdict, find_failed, find_ill, find_well
from homeprod.engine.doctor.patient import Lack, Patient
from homeprod.plan.actual import ListedMachine, Resources
from homeprod.plan.mark import parse_note, site_tag
from homeprod.plan.needs import SiteNeeds


def examine_machines(
    site_id: str, needs: SiteNeeds, patient: Patient, resources: Resources, lacks: Sequence[Lack]
) -> Iterator[Finding]:
    if any(lack.path == "/vms" and "VM.Audit" in lack.privileges for lack in lacks):
        yield Finding("VMIDs", Verdict.SKIP, "who holds them cannot be seen with this token")
        return
    holders = {machine.vmid: machine for machine in resources.machines if machine.vmid in needs.machines}
    strangers = 0
    for vmid, holder in sorted(holders.items()):
        finding = _examine_holder(site_id, needs.machines[vmid], holder, patient)
        if finding is not None:
            strangers += 1
            yield finding
    ours, free = len(holders) - strangers, len(needs.machines) - len(holders)
    if not strangers:
        yield find_well("VMIDs", f"{free} are free, {ours} are this site's")


def _examine_holder(site_id: str, address: Address, holder: ListedMachine, patient: Patient) -> Finding | None:
    """None where it is this site's. A tag can be taken off by hand, so the mark in the note is asked as well."""
    if site_tag(site_id) in holder.tags and not holder.is_container:
        return None
    check = f"VMID {holder.vmid} ({address})"
    try:
        if not holder.is_container and _has_mark(site_id, holder, patient):
            return None
    except HomeprodError as error:
        return find_failed(check, error)
    kind = "container" if holder.is_container else "machine"
    return find_ill(
        check,
        f"is held by the {kind} {holder.name!r} on {holder.node}, which is not this site's",
        "choose another number or vmid in the site, and note this one in `taken` of the AddressPlan",
    )


def _has_mark(site_id: str, holder: ListedMachine, patient: Patient) -> bool:
    note = patient.read_machine(holder.node, holder.vmid).config.get("description", "")
    mark = parse_note(str(note))
    return mark is not None and mark.site == site_id and mark.vmid == holder.vmid
