"""A cluster as ``doctor`` examines it: reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from homeprod.core.errors import ProxmoxError
from homeprod.drivers.proxmox.hypervisor import ProxmoxHypervisor
from homeprod.drivers.proxmox.listing import check_version, decode_version
from homeprod.drivers.proxmox.rights import Job, Need, describe_grant, describe_role, find_missing, list_needs
from homeprod.drivers.proxmox.settings import Settings, open_connection
from homeprod.drivers.proxmox.transport.certificate import read_certificate
from homeprod.drivers.proxmox.transport.connection import join_path
from homeprod.drivers.proxmox.transport.credential import Token
from homeprod.drivers.proxmox.transport.endpoint import Endpoint
from homeprod.engine.doctor.patient import Certificate, Lack
from homeprod.engine.ports import Permissions
from homeprod.plan.actual import MachineConfig, Resources, Version
from homeprod.plan.needs import SiteNeeds

OLDEST_ROLE, NEWEST_ROLE = (8, 4), (9, 0)


class ProxmoxPatient:
    """Implements :class:`homeprod.engine.doctor.patient.Patient`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = open_connection(settings)
        self._hypervisor = ProxmoxHypervisor(self._connection)

    def close(self) -> None:
        self._connection.close()

    @property
    def endpoint(self) -> str:
        return str(self._connection.endpoint)

    @property
    def endpoints(self) -> Sequence[str]:
        return [str(endpoint) for endpoint, _ in self._settings.ways]

    @property
    def token(self) -> str:
        return str(self._settings.credential)

    def read_version(self) -> Version:
        return decode_version(self._connection.get("/version"))

    def judge_version(self, version: Version) -> ProxmoxError | None:
        try:
            check_version(version)
        except ProxmoxError as error:
            return error
        return None

    def read_certificate(self, endpoint: str) -> Certificate:
        trusts = {str(known): trust for known, trust in self._settings.ways}
        return read_certificate(Endpoint.parse(endpoint), trusts[endpoint])

    def read_permissions(self) -> Permissions:
        return self._hypervisor.read_permissions()

    def list_lacks(self, permissions: Permissions, version: Version, needs: SiteNeeds) -> Sequence[Lack]:
        missing = find_missing(permissions, list_needs(choose_job(needs), version.release))
        return [self._describe_lack(path, found) for path, found in _by_path(missing).items()]

    def _describe_lack(self, path: str, missing: Sequence[Need]) -> Lack:
        privileges = frozenset(name for need in missing for name in need.privileges)
        credential = self._settings.credential
        token = credential.name if isinstance(credential, Token) else ""
        why = " and ".join(need.why for need in missing)
        return Lack(path, privileges, why, describe_grant(path, privileges, credential.user, token))

    def describe_separation(self) -> str:
        credential = self._settings.credential
        name = credential.name if isinstance(credential, Token) else ""
        return f"pveum user token modify {credential.user} {name} --privsep 0"

    def read_resources(self) -> Resources:
        return self._hypervisor.read_resources()

    def read_machine(self, node: str, vmid: int) -> MachineConfig:
        return self._hypervisor.read_machine(node, vmid)

    def read_clock(self, node: str) -> int:
        return self._hypervisor.read_clock(node)

    def read_bridges(self, node: str) -> frozenset[str] | None:
        """Proxmox lists only those that the token may use, which it needs anyway."""
        try:
            listed = self._connection.get(join_path("nodes", node, "network"), type="any_bridge")
        except ProxmoxError as error:
            if "does not know" in error.message:  # 501: the lab, or something that only looks like Proxmox
                return None
            raise
        return frozenset(str(item["iface"]) for item in listed)


def _by_path(missing: Sequence[Need]) -> Mapping[str, list[Need]]:
    found: dict[str, list[Need]] = {}
    for need in missing:
        found.setdefault(need.path, []).append(need)
    return found


def choose_job(needs: SiteNeeds) -> Job:
    """What a token for this site has to do."""
    return Job(
        disk_storages=needs.storages("images"),
        file_storages=needs.storages("iso") | needs.storages("import"),
        bridges=frozenset(bridge for _, bridge in needs.bridges),
        fetch_nodes=needs.image_nodes,
        sets_startup=needs.sets_startup,
        holds_lease=needs.holds_lease,
    )


def describe_roles(needs: SiteNeeds, user: str, token: str) -> dict[str, list[str]]:
    """By Proxmox's major release, the ``pveum`` lines that make a user with the least rights, and its token."""
    job = choose_job(needs)
    return {
        str(release[0]): describe_role(list_needs(job, release), user, token)
        for release in (OLDEST_ROLE, NEWEST_ROLE)
    }
