"""What a token needs for homeprod's work, as data; what it lacks; and the ``pveum`` lines that grant it.

Source: the ``permissions`` of the published API schema (8.4.5 and 9.2.3) and, where that says only "all users", the
checks in qemu-server and pve-storage that the facts list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote

from homeprod.drivers.proxmox.forms.form import Release

_MACHINE = frozenset(
    {
        "VM.Allocate",
        "VM.Audit",
        "VM.Config.CDROM",
        "VM.Config.CPU",
        "VM.Config.Disk",
        "VM.Config.HWType",
        "VM.Config.Memory",
        "VM.Config.Network",
        "VM.Config.Options",
        "VM.PowerMgmt",
    }
)
_GUEST_8 = frozenset({"VM.Monitor"})
_GUEST_9 = frozenset({"VM.GuestAgent.Audit", "VM.GuestAgent.FileRead"})
_ROLES = (
    ("/vms", "HomeprodVM"),
    ("/storage", "HomeprodStorage"),
    ("/sdn", "HomeprodNetwork"),
    ("/nodes", "HomeprodNode"),
    ("/pool", "HomeprodPool"),
)


@dataclass(frozen=True, slots=True)
class Need:
    """Privileges needed at ``path`` of the access tree, and what for."""

    path: str
    privileges: frozenset[str]
    why: str


@dataclass(frozen=True, slots=True)
class Job:
    """What the token is to do: disks on ``disk_storages``, images and ISOs on ``file_storages``, nets on ``bridges``.

    ``fetch_nodes`` are the nodes that download images themselves; ``deletes_files`` where outdated ISOs are deleted;
    ``sets_startup`` where a machine has a start-up order; ``holds_lease`` where applies are kept apart.
    """

    disk_storages: frozenset[str] = frozenset()
    file_storages: frozenset[str] = frozenset()
    bridges: frozenset[str] = frozenset()
    fetch_nodes: frozenset[str] = frozenset()
    deletes_files: bool = True
    sets_startup: bool = False
    holds_lease: bool = True


LEASE = Need("/pool", frozenset({"Pool.Allocate"}), "hold the site's lease, an empty pool of its own")
"""For POST, PUT and DELETE of /pools; GET shows a pool to who holds this or Pool.Audit on it. The pools' names go on
counting, so that no path can be narrower. A pool's members it can change only with rights on those."""


class HeldPermissions(dict[str, frozenset[str]]):
    """Path to the privileges held there, as ``/access/permissions`` gives them; ``inherited`` holds those of them
    that also hold below the path."""

    def __init__(self, answer: Mapping[str, Mapping[str, object]]) -> None:
        super().__init__({path: frozenset(privileges) for path, privileges in answer.items()})
        self.inherited = {
            path: frozenset(name for name, propagates in privileges.items() if propagates in (1, "1", True))
            for path, privileges in answer.items()
        }


def list_needs(job: Job, release: Release) -> tuple[Need, ...]:
    """The least that a token needs for the job on this release."""
    guest = _GUEST_9 if release >= (9, 0) else _GUEST_8
    needs = [
        Need("/vms", _MACHINE, "create, change, start and destroy machines"),
        Need("/vms", guest, "see through the guest agent when cloud-init has ended"),
        *_storage_needs(job),
        *(Need(f"/sdn/zones/localnetwork/{bridge}", frozenset({"SDN.Use"}), "attach network cards")
          for bridge in sorted(job.bridges)),
        *(need for node in sorted(job.fetch_nodes) for need in _node_needs(f"/nodes/{node}")),
        Need("/", frozenset({"Sys.Audit"}), "see the nodes"),
    ]  # fmt: skip
    if job.sets_startup:
        needs.append(Need("/", frozenset({"Sys.Modify"}), "set a start-up order"))
    if job.holds_lease:
        needs.append(LEASE)
    return tuple(needs)


def _node_needs(path: str) -> Iterable[Need]:
    """A role on the node's own path hides what "/" grants there, so Sys.Audit is asked for at both."""
    yield Need(path, frozenset({"Sys.AccessNetwork"}), "let the node download images")
    yield Need(path, frozenset({"Sys.Audit"}), "see its clock")


def _storage_needs(job: Job) -> Iterable[Need]:
    for storage in sorted(job.disk_storages | job.file_storages):
        path = f"/storage/{storage}"
        yield Need(path, frozenset({"Datastore.Audit"}), "see what is on the storage")
        if storage in job.disk_storages:
            yield Need(path, frozenset({"Datastore.AllocateSpace"}), "make disks")
        if storage in job.file_storages:
            yield Need(path, frozenset({"Datastore.AllocateTemplate"}), "upload ISOs and images")
        if storage in job.file_storages and job.deletes_files:
            yield Need(path, frozenset({"Datastore.Allocate"}), "delete outdated ISOs")


def find_missing(permissions: Mapping[str, frozenset[str]], needs: Iterable[Need]) -> list[Need]:
    """The needs that are not met, each with just the privileges that lack.

    ``download-url`` takes Sys.Audit and Sys.Modify on ``/`` in place of Sys.AccessNetwork on the node.
    """
    missing = []
    for need in needs:
        lacking = need.privileges - _held_at(permissions, need.path)
        if lacking == {"Sys.AccessNetwork"} and {"Sys.Audit", "Sys.Modify"} <= _held_at(permissions, "/"):
            continue
        if lacking:
            missing.append(replace(need, privileges=lacking))
    return missing


def _held_at(permissions: Mapping[str, frozenset[str]], path: str) -> frozenset[str]:
    """An entry for a path hides what its parents grant, so the nearest entry alone counts."""
    if path in permissions:
        return permissions[path]
    inherited = permissions.inherited if isinstance(permissions, HeldPermissions) else permissions
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        if path in inherited:
            return inherited[path]
    return frozenset()


def describe_role(needs: Sequence[Need], user: str, token: str) -> list[str]:
    """The ``pveum`` lines that make a user of its own with the least rights and a token that has them all.

    ``user`` is ``homeprod@pve``, ``token`` the token's id. The same lines serve 8 and 9: what differs stands in
    ``needs``. Without ``--privsep 0`` a token starts with no rights at all.
    """
    privileges: dict[str, set[str]] = {}
    for need in needs:
        privileges.setdefault(need.path, set()).update(need.privileges)
    lines = [f"pveum user add {quote(user)}"]
    roles: dict[tuple[str, frozenset[str]], str] = {}
    for path, names in privileges.items():
        key = (_name_role(path), frozenset(names))
        if key not in roles:
            roles[key] = key[0] + ("" if key[0] not in roles.values() else str(len(roles)))
            lines.append(f'pveum role add {roles[key]} --privs "{" ".join(sorted(names))}"')
        lines.append(f"pveum acl modify {quote(path)} --users {quote(user)} --roles {roles[key]}")
    return [*lines, f"pveum user token add {quote(user)} {quote(token)} --privsep 0"]


def _name_role(path: str) -> str:
    return next((role for start, role in _ROLES if path.startswith(start)), "HomeprodSystem")


def choose_least(privileges: Sequence[str]) -> str:
    """Of several privileges that would each do, the one that allows least."""
    return min(privileges, key=lambda name: (not name.endswith((".Audit", ".FileRead")), privileges.index(name)))


def describe_grant(path: str, privileges: Iterable[str], user: str, token: str = "") -> str:
    """The lines that grant some privileges to a user, and to its token, which may be a privilege-separated one.

    A single machine's path becomes ``/vms``: the next machine needs it too. So does the next lease, or drill.
    """
    wide = re.sub(
        r"^/(vms)/\d+$|^/(pool)/homeprod-.*-(?:lease-\d+|drill)$", lambda found: f"/{found[1] or found[2]}", path
    )
    role = _name_role(wide)
    names = " ".join(sorted(privileges))
    to_token = f" --tokens {quote(f'{user}!{token}')}" if token else ""
    return (
        f"grant it on a Proxmox node (with `pveum role add {role}` first, where that role does not exist yet):\n"
        f'    pveum role modify {role} --append 1 --privs "{names}"\n'
        f"    pveum acl modify {quote(wide)} --users {quote(user)}{to_token} --roles {role}"
    )
