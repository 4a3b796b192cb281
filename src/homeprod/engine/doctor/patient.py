"""What ``doctor`` asks of a cluster, as a Protocol and its values; ``drivers/`` gives it. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from homeprod.core.errors import ProxmoxError
from homeprod.engine.ports import Permissions
from homeprod.plan.actual import MachineConfig, Resources, Version
from homeprod.plan.needs import SiteNeeds


@dataclass(frozen=True, slots=True)
class Certificate:
    """The endpoint's certificate. ``known_by`` says in words why it is believed; ``expires`` is in seconds since
    1970, None where a pin makes that (and the issuer) unread."""

    known_by: str
    fingerprint: str
    issuer: str = ""
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Lack:
    """Privileges that the token lacks at ``path``, what they are for, and the lines that grant them."""

    path: str
    privileges: frozenset[str]
    why: str
    grant: str


class Patient(Protocol):
    """A cluster under examination. Every verb raises ProxmoxError or one of its kinds."""

    @property
    def endpoint(self) -> str:
        """The URL that is spoken to now."""

    @property
    def endpoints(self) -> Sequence[str]:
        """Every URL of it that the site names."""

    @property
    def token(self) -> str:
        """``USER@REALM!ID``, without the secret; ``USER@REALM`` where a user logs in."""

    def read_version(self) -> Version:
        """Of whatever release; ``judge_version`` says whether homeprod can work with it."""

    def judge_version(self, version: Version) -> ProxmoxError | None: ...
    def read_certificate(self, endpoint: str) -> Certificate:
        """Raises TransientError where nobody answers there."""

    def read_permissions(self) -> Permissions: ...
    def list_lacks(self, permissions: Permissions, version: Version, needs: SiteNeeds) -> Sequence[Lack]:
        """What a token with these permissions lacks for the site's needs."""

    def describe_separation(self) -> str:
        """The lines that give the token its user's rights."""

    def read_resources(self) -> Resources: ...
    def read_machine(self, node: str, vmid: int) -> MachineConfig: ...
    def read_clock(self, node: str) -> int:
        """Seconds since 1970."""

    def read_bridges(self, node: str) -> frozenset[str] | None:
        """The node's bridges; None where this Proxmox does not show them."""
