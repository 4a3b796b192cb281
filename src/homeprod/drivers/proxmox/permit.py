"""What a token must be allowed for one plan, so that a lack is told before the first write and not after it.

Only what the plan uses is asked for; what a whole site needs is doctor's question. Source: as in ``rights``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from homeprod.core.address import Address
from homeprod.drivers.proxmox.rights import LEASE, Need, describe_grant, find_missing
from homeprod.drivers.proxmox.transport.credential import Credential, Token
from homeprod.plan.actual import Actual
from homeprod.plan.change import Action, Change
from homeprod.plan.config import Nic
from homeprod.plan.desired import DesiredMachine, desire
from homeprod.plan.image import desire_images
from homeprod.plan.plan import Conflict, Plan
from homeprod.site.site import Site

_DATA = frozenset({"VM.Allocate", "VM.Config.Disk", "VM.Config.Options"})
_WHOLE = _DATA | {f"VM.Config.{name}" for name in ("CDROM", "CPU", "HWType", "Memory", "Network")}


def find_lacks(site: Site, actual: Actual, plan: Plan, credential: Credential) -> Iterator[Conflict]:
    """What the token lacks to hold the lease and to do what the plan says; each lack once, with the lines that
    grant it."""
    desired, fetched = desire(site), _list_fetched(site)
    told: set[tuple[str, frozenset[str]]] = set()
    token = credential.name if isinstance(credential, Token) else ""
    for change, needs in _list_changes(site, plan, desired, fetched):
        for lack in find_missing(actual.permissions, needs):
            wide = "/vms" if lack.path.startswith("/vms/") else lack.path
            if (wide, lack.privileges) not in told:
                told.add((wide, lack.privileges))
                names = ", ".join(sorted(lack.privileges))
                grant = describe_grant(lack.path, lack.privileges, credential.user, token)
                yield Conflict(change.address, f"{credential} lacks {names} on {lack.path} (to {lack.why})", grant)


def _list_changes(
    site: Site, plan: Plan, desired: Mapping[Address, DesiredMachine], fetched: frozenset[str]
) -> Iterator[tuple[Change, Iterable[Need]]]:
    if plan.changes and site.config.lease_limit is not None:
        yield plan.changes[0], [LEASE]
    for change in plan.of(Action.CREATE, Action.REPLACE, Action.COLD_START, Action.ADOPT):
        yield change, _list_needs(site, change, desired, fetched)


def _list_fetched(site: Site) -> frozenset[str]:
    """Volumes of images that a node downloads itself."""
    return frozenset(image.volume for image in desire_images(site) if image.image.via == "fetch")


def _list_needs(
    site: Site, change: Change, desired: Mapping[Address, DesiredMachine], fetched: frozenset[str]
) -> Iterator[Need]:
    if change.address.kind == "image":
        storage = f"/storage/{change.volume.partition(':')[0]}"
        yield Need(storage, frozenset({"Datastore.AllocateTemplate"}), "bring images")
        if change.volume in fetched:
            yield Need(f"/nodes/{change.node}", frozenset({"Sys.AccessNetwork"}), "let the node download images")
    elif change.action is Action.COLD_START:
        if site.config.cold_starts == "ask":
            return  # nobody has agreed to it yet, and the rest may be done without
        yield Need(f"/vms/{change.vmid}", frozenset({"VM.Config.Options", "VM.PowerMgmt"}), "cold start it")
    elif change.action is Action.ADOPT:
        yield Need(f"/vms/{change.vmid}", frozenset({"VM.Config.Options"}), "set its marks")
    elif (machine := desired.get(change.address)) is not None:
        yield from _list_machine_needs(change, machine)
        yield from _list_disk_needs(machine)
        if machine.address.kind == "vm":
            yield from _list_iso_needs(site, change)


def _list_machine_needs(change: Change, machine: DesiredMachine) -> Iterator[Need]:
    path = f"/vms/{machine.vmid}"
    yield Need(path, _WHOLE if machine.address.kind == "vm" else _DATA, "make it")
    if machine.is_started or change.action is Action.REPLACE:
        yield Need(path, frozenset({"VM.PowerMgmt"}), "start and stop it")
    if "startup" in machine.config:
        yield Need("/", frozenset({"Sys.Modify"}), "set a start-up order")
    nic = machine.config.get("net0")
    if isinstance(nic, Nic):
        tag = dict(nic.options).get("tag")
        zone = f"/sdn/zones/localnetwork/{nic.bridge}" + (f"/{tag}" if tag else "")
        yield Need(zone, frozenset({"SDN.Use"}), "attach its network card")


def _list_disk_needs(machine: DesiredMachine) -> Iterator[Need]:
    for storage in sorted({disk.storage for disk in machine.disks.values()}):
        yield Need(f"/storage/{storage}", frozenset({"Datastore.AllocateSpace"}), "make disks")
    for disk in machine.attached:
        yield Need(f"/vms/{disk.owner}", frozenset({"VM.Config.Disk"}), f"attach {disk.serial} of that data VM")


def _list_iso_needs(site: Site, change: Change) -> Iterator[Need]:
    storage = f"/storage/{site.config.iso.name}"
    yield Need(storage, frozenset({"Datastore.AllocateTemplate"}), "send its cloud-init CD")
    if change.action is Action.REPLACE:
        yield Need(storage, frozenset({"Datastore.Allocate"}), "delete its old cloud-init CD")
