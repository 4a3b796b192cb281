"""What a run needs, gathered for it: both repositories at believed heads, the host's pinned keys, and a nonce."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from homeprod.control import keyholder
from homeprod.control.hosts.host import Host, Run, RunKind
from homeprod.control.hosts.turn import Turn
from homeprod.control.inventory import InventoryHost
from homeprod.control.keyholder.errors import KeyholderError
from homeprod.control.places import Places
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.runs.attempt import NotYetError
from homeprod.control.runs.job import Job
from homeprod.control.runs.launcher import Launcher
from homeprod.control.runs.spare import Spares
from homeprod.control.runs.units import read_blamed
from homeprod.control.settings import EnvironmentSettings, NodeSettings
from homeprod.control.trouble import name_cause
from homeprod.core.errors import ControlError

TAGS = {RunKind.RENEWAL: ("homeprod_certificates",)}
"""That one is on every task of the role `certificates`, and on none else of ours."""
VAULT_CLIENT = Path(keyholder.__file__).with_name("homeprod-vault-client.py")


class Chosen(Protocol):
    """What a run is played with; ``digest`` is that of its inputs, empty where nobody asks for it. ``is_news`` where
    the host was never run with these."""

    @property
    def checkout(self) -> Checkout: ...
    @property
    def digest(self) -> str: ...
    @property
    def is_news(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Looked:
    """For a run that sets nothing of the playbooks' own."""

    checkout: Checkout
    digest: str = ""
    is_news: bool = False


class Checkouts(Protocol):
    async def fetch(self, environment: str) -> Checkout:
        """The newest. Raises ControlError where it cannot be had now."""
        ...

    def last(self, environment: str, host: str = "") -> Checkout | None:
        """What the environment is at, or that host of it."""
        ...

    async def choose(self, host: Host) -> Chosen:
        """What the host is to be run with. Raises NotYetError where it has to wait."""
        ...


class Nonces(Protocol):
    async def open_run(self, environment: str, run: str, uid: int) -> str: ...

    async def close_run(self, nonce: str) -> bool: ...


def find_uid(user: str) -> int:
    """Raises ControlError where there is no such user."""
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        hint = "the installation makes it; put it there again\n    homeprod control upgrade"
        raise ControlError("there is no such user on the control node", where=user, hint=hint) from None


class Preparation:
    """The desk of a real node. ``find_uid`` differs where workers are no systemd units."""

    def __init__(
        self,
        checkouts: Checkouts,
        nonces: Nonces,
        places: Places,
        settings: Callable[[], NodeSettings],
        spares: Spares,
        find_uid: Callable[[str], int] = find_uid,
    ) -> None:
        self._checkouts = checkouts
        self._nonces = nonces
        self._places = places
        self._settings = settings
        self._spares = spares
        self._find_uid = find_uid

    def find_launcher(self, environment: str) -> Launcher:
        return self._spares.find(environment)

    async def prepare(self, turn: Turn) -> Job:
        """Raises NotYetError where a repository or the keyholder is not to be had; ControlError where the host is
        none of this node's, or nobody said which key it has."""
        environment = turn.host.environment
        if not environment:  # it was rung for while nothing could be looked up; each fetch says whose a host is
            await self._refuse_stranger(turn.host.name)
            raise NotYetError("waiting: its environment was not known before the site's inventory was fetched")
        known = self._find_environment(environment)
        chosen = await self._choose(turn.run, turn.host)
        host = find_own_host(chosen.checkout, turn.host, self._settings().node)
        nonce = await self._open(turn, known)
        return self._make_job(turn, chosen, host, nonce)

    async def release(self, job: Job) -> None:
        self._spares.refill(job.environment)
        try:
            await self._nonces.close_run(job.nonce)
        except KeyholderError:
            return  # it answers nobody: then it gives nobody a password either, and forgets its runs with its end

    async def _refuse_stranger(self, host: str) -> None:
        """Raises ControlError where no inventory has the host, NotYetError where one of them is not to be had."""
        for environment in self._settings().environments:
            if host in (await self._fetch(environment.name)).inventory:
                return
        hint = "render the site into the playbook repository, and push that signed\n    homeprod render --to DIR"
        raise ControlError("the inventory has no such host", where=host, hint=hint)

    async def _choose(self, run: Run, host: Host) -> Chosen:
        """A check asks after the head that its cycle has fetched, and a renewal is of what it found: a git host that
        is off is no reason not to look, and neither is a gate."""
        known = self._checkouts.last(host.environment, host.name) if run.kind is not RunKind.CONFIGURE else None
        if known is not None:
            return _Looked(known)
        await self._fetch(host.environment)
        return await self._checkouts.choose(host)

    async def _fetch(self, environment: str) -> Checkout:
        try:
            return await self._checkouts.fetch(environment)
        except ControlError as error:
            raise NotYetError(f"waiting: {name_cause(error)}", hint=error.hint) from error

    def _find_environment(self, name: str) -> EnvironmentSettings:
        found = self._settings().find_environment(name)
        if found is None:
            hint = "declare it in the site, and render the site again"
            raise ControlError("this control node has no such environment", where=name, hint=hint)
        return found

    async def _open(self, turn: Turn, environment: EnvironmentSettings) -> str:
        try:
            uid = self._find_uid(environment.user)
            return await self._nonces.open_run(environment.name, str(turn.run.id), uid)
        except KeyholderError as error:
            raise NotYetError(f"waiting: {name_cause(error)}", hint=error.hint) from error

    def _make_job(self, turn: Turn, chosen: Chosen, host: InventoryHost, nonce: str) -> Job:
        environment, checkout = turn.host.environment, chosen.checkout
        return Job(
            run=turn.run.id,
            host=host.name,
            environment=environment,
            revision=checkout.revision,
            playbooks=str(checkout.playbooks),
            inventories=tuple(str(path) for path in checkout.inventories),
            known_hosts=tuple(f"{host.known_as} {key}" for key in turn.host.host_keys),
            address=host.address,
            agent_socket=str(self._places.agent_socket(environment)),
            vault_socket=str(self._places.vault_socket(environment)),
            authority_socket=str(self._places.authority_socket(environment)),
            nonce=nonce,
            limit_seconds=self._settings().run_limit,
            fact_cache=str(self._places.cache / "facts" / environment),
            vault_client=str(VAULT_CLIENT),
            is_check=turn.run.kind is RunKind.CHECK,
            tags=TAGS.get(turn.run.kind, ()),
            vault=checkout.vault_revision,
            digest=chosen.digest,
            is_watched=chosen.is_news,
            blamed=read_blamed(turn.failures),
        )


def find_own_host(checkout: Checkout, host: Host, node: str) -> InventoryHost:
    """Raises ControlError where the run could not be this node's."""
    found = checkout.inventory.get(host.name)
    if found is None or found.environment != checkout.environment:
        hint = "render the site into the playbook repository, and push that signed\n    homeprod render --to DIR"
        where = f"{host.name} at {checkout.revision[:12]}"
        raise ControlError(f"the inventory has no such host in {checkout.environment}", where=where, hint=hint)
    if found.control_node != node:
        hint = "ring there; apply and configure find the right one by themselves"
        raise ControlError(f"the host belongs to the control node {found.control_node}", where=host.name, hint=hint)
    if not host.host_keys:
        hint = f"ring with the key that the machine has\n    homeprod configure {host.name}"
        raise ControlError("nobody said which SSH host key the host has", where=host.name, hint=hint)
    return found
