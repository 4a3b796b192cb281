"""The judge of the gate: whether the newest head of an environment is gone to, by all that was signed until now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

from homeprod.control.hosts.host import RunKind, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.store import Notice
from homeprod.control.promotion import admission as ledger_of
from homeprod.control.promotion.admission import Admission
from homeprod.control.promotion.closures import Closures
from homeprod.control.promotion.hearing import Hearing
from homeprod.control.promotion.stage import Pair
from homeprod.control.promotion.standing import Standing
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.settings import EnvironmentSettings, NodeSettings, PromotionSettings
from homeprod.control.trouble import name_cause
from homeprod.core.errors import ControlError, HomeprodError
from homeprod.core.tree import Tree
from homeprod.promotion.verdict import Evidence, Lack

_LOG = logging.getLogger("homeprod.control")
_LOOKED_AT = 50
"""Runs of a host among which the one is sought that brought it to where it is."""


class Sources(Protocol):
    async def open(self, environment: str, revision: str, vault: str) -> Checkout: ...

    async def keep(self, environment: str, pairs: Collection[tuple[str, str]]) -> None: ...

    async def read_notes(self) -> Mapping[str, str | None]: ...

    async def read_trees(self, revision: str, vault: str) -> tuple[Tree, Tree]: ...


class Judge:
    """``sources`` give any heads that were believed, ``settings`` the node's for an environment whose own head brings
    none."""

    def __init__(self, ledger: Ledger, sources: Sources, settings: Callable[[], NodeSettings]) -> None:
        self._ledger, self._sources, self._settings = ledger, sources, settings
        self.closures, self._hearing = Closures(sources.read_trees), Hearing(ledger, sources.read_notes)
        self._unknown: set[tuple[str, str]] = set()

    def find_promotion(self, environment: str, checkout: Checkout | None) -> PromotionSettings | None:
        known = self._find_settings(environment, checkout)
        return known.promotion if known is not None else None

    async def judge(self, environment: str, head: Checkout, admission: Admission | None) -> Standing:
        """How it is now, with what is admitted written to the ledger."""
        at = await self.open(environment, admission.pair) if admission is not None else None
        # By the settings of what was admitted: a head does not open the gate for itself.
        promotion = self.find_promotion(environment, at) if at is not None else None
        promotion = promotion or self.find_promotion(environment, head) or PromotionSettings()
        known = self._find_settings(environment, head)
        entries, unheard = await self._hearing.hear((head.settings or self._settings()).signers)
        evidence = Evidence(environment, entries, self._ledger.clock.now(), promotion.fresh_seconds)
        pair = Pair(head.revision, head.vault_revision)
        branch = known.branch if known is not None else environment
        standing = Standing(environment, branch, promotion, pair, evidence, admission, unheard=unheard)
        return await self._admit(standing, head)

    async def has_gate(self, environment: str, head: Checkout, admission: Admission | None) -> bool:
        """Where the head has one, or what was admitted last had one."""
        if self.find_promotion(environment, head) is not None:
            return True
        if admission is None:
            return False
        at = await self.open(environment, admission.pair)
        return at is None or self.find_promotion(environment, at) is not None

    async def open(self, environment: str, pair: Pair) -> Checkout | None:
        """None where it is not to be had, which the log says."""
        try:
            return await self._sources.open(environment, pair.revision, pair.vault)
        except ControlError as error:
            _LOG.error("%s at %s: %s", environment, pair.revision[:12], error)
            return None

    def _find_settings(self, environment: str, checkout: Checkout | None) -> EnvironmentSettings | None:
        settings = checkout.settings if checkout is not None else None
        return (settings or self._settings()).find_environment(environment)

    async def _admit(self, standing: Standing, head: Checkout) -> Standing:
        """With the newest of the candidates that may be gone to, and what the newest of all lacks."""
        applied = await self._find_applied(standing)
        held: tuple[Lack, ...] | None = None
        problem = ""
        for pair in _list_candidates(standing):
            try:
                digests = await self.closures.find_of(pair, standing.environment)
            except HomeprodError as error:
                problem = problem or name_cause(error)
                continue
            lacks = standing.evidence.find_lacks(digests, pair.revision, applied)
            held = lacks if held is None and not problem else held
            if lacks:
                continue
            if await self.open(standing.environment, pair) is not None:
                standing = await self._go_to(standing, head, pair, digests)
                break
            problem = problem or "its files cannot be laid out"
        if standing.admission is None:
            standing = await self._settle(standing)
        return replace(standing, held=held or (), problem=problem)

    async def _go_to(self, standing: Standing, head: Checkout, pair: Pair, digests: Mapping[str, str]) -> Standing:
        known, environment = standing.admission, standing.environment
        if known is not None and (known.pair, known.digests) == (pair, digests):
            return standing
        if known is not None and known.digests == digests:
            await self._ledger.write(lambda to: ledger_of.move(to, environment, pair, digests), Notice())
            return replace(standing, admission=replace(known, pair=pair))
        follows = self.find_promotion(environment, head) or standing.promotion
        return await self._begin(standing, follows, pair, digests)

    async def _begin(
        self, standing: Standing, follows: PromotionSettings, pair: Pair, digests: Mapping[str, str]
    ) -> Standing:
        environment = standing.environment
        new = Admission(environment, pair, digests, self._ledger.clock.now())
        await self._ledger.write(lambda to: ledger_of.admit(to, new, follows.order, follows.canary), Notice())
        _LOG.info("%s goes to %s", environment, pair.revision)
        found = await self._ledger.read(ledger_of.read_admissions)
        return replace(standing, admission=found[environment])

    async def _settle(self, standing: Standing) -> Standing:
        """A gate that was put before hosts which run something already: the environment is at the newest of that, and
        each of its hosts stays at its own until what the newest is for it was tried."""
        for pair in await self._list_applied(standing):
            try:
                digests = await self.closures.find_of(pair, standing.environment)
            except HomeprodError:
                continue
            return await self._begin(standing, standing.promotion, pair, digests)
        return standing

    async def _list_applied(self, standing: Standing) -> list[Pair]:
        """What hosts run, the newest first: a branch only moves forward, so that is what was run last."""
        hosts = [one for one in await self._ledger.hosts() if one.environment == standing.environment]
        last: dict[Pair, int] = {}
        for host in (one for one in hosts if one.applied_revision):
            runs = await self._ledger.runs(_LOOKED_AT, host.name, RunKind.CONFIGURE)
            good = (one for one in runs if one.status is RunStatus.SUCCESSFUL)
            number = next((one.id for one in good if one.revision == host.applied_revision), 0)
            pair = Pair(host.applied_revision, host.applied_vault or standing.head.vault)
            last[pair] = max(last.get(pair, 0), number)
        return sorted(last, key=lambda pair: -last[pair])

    async def _find_applied(self, standing: Standing) -> dict[str, str]:
        """What hosts were run with last. Of runs before the gate was there it is found out now: with the vault as it
        was then, where that is known, and with the roles of homeprod as they are."""
        hosts = [one for one in await self._ledger.hosts() if one.environment == standing.environment]
        found: dict[str, tuple[Pair, str]] = {}
        for host in hosts:
            pair = Pair(host.applied_revision, host.applied_vault or standing.head.vault)
            if host.applied_digest or not pair or (host.name, pair.revision) in self._unknown:
                continue
            try:
                digest = (await self.closures.find_of(pair, standing.environment)).get(host.name, "")
            except HomeprodError:
                digest = ""
            if digest:
                found[host.name] = (pair, digest)
            else:
                self._unknown.add((host.name, pair.revision))
        if found:
            await self._ledger.write(lambda to: ledger_of.note_digests(to, found))
        known = {one.name: one.applied_digest for one in hosts}
        return known | {name: digest for name, (_, digest) in found.items()}


def _list_candidates(standing: Standing) -> list[Pair]:
    """The newest of both; else the newest of one, so that neither repository's change holds up the other's."""
    newest, known = standing.head, standing.admission.pair if standing.admission is not None else Pair()
    if not known or newest.revision == known.revision or newest.vault == known.vault:
        return [newest]
    return [newest, Pair(newest.revision, known.vault), Pair(known.revision, newest.vault)]
