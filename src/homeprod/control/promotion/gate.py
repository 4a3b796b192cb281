"""The gate before environments: which revision their hosts are to be at, by all that was signed until now.

However the branch has moved, a head is gone to only where every host that would run something else has a fresh green
record for just that, or somebody signed an emergency or a roll-back for that commit; and never where it brings back
what was rolled back. Else hosts go on with what was admitted last.

Nothing that matters is kept in memory: what was admitted and how far hosts have followed is the ledger's, and what
was signed is git's and the ledger's. A daemon that was killed at any moment looks anew, and goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from homeprod.control.hosts.host import Host
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.store import Notice
from homeprod.control.promotion import admission as ledger_of
from homeprod.control.promotion.admission import HELD, Admission
from homeprod.control.promotion.closures import Closures
from homeprod.control.promotion.errors import HeldError
from homeprod.control.promotion.hearing import Hearing
from homeprod.control.promotion.stage import Pair, RolloutState, StageState
from homeprod.control.promotion.standing import Gated, Standing
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.settings import EnvironmentSettings, NodeSettings, PromotionSettings
from homeprod.control.trouble import Trouble, name_cause
from homeprod.core.errors import ControlError, HomeprodError
from homeprod.core.tree import Tree
from homeprod.promotion.record import Signed
from homeprod.promotion.verdict import Evidence, Lack

_LOG = logging.getLogger("homeprod.control")


class Fetcher(Protocol):
    async def fetch(self, environment: str) -> Checkout: ...

    def last(self, environment: str) -> Checkout | None: ...


class Sources(Protocol):
    async def open(self, environment: str, revision: str, vault: str) -> Checkout: ...

    async def keep(self, environment: str, pairs: Collection[tuple[str, str]]) -> None: ...

    async def read_notes(self) -> Mapping[str, str | None]: ...

    async def read_trees(self, revision: str, vault: str) -> tuple[Tree, Tree]: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a run of a host is played with. ``digest`` is that of its inputs, empty where no gate asks for it;
    ``is_news`` where the host was never run with these."""

    checkout: Checkout
    digest: str = ""
    is_news: bool = False


class Gate:
    """``fetcher`` gives the newest heads that are believed, ``sources`` any that were. ``settings`` are the node's,
    for an environment whose own head brings none."""

    def __init__(
        self, ledger: Ledger, fetcher: Fetcher, sources: Sources, settings: Callable[[], NodeSettings]
    ) -> None:
        self._ledger, self._fetcher, self._sources, self._settings = ledger, fetcher, sources, settings
        self._closures, self._hearing = Closures(sources.read_trees), Hearing(ledger, sources.read_notes)
        self._standings: dict[str, Standing] = {}
        self._gated: set[str] = set()
        self._unknown: set[tuple[str, str]] = set()
        self._since: dict[str, float] = {}
        self._turn = asyncio.Lock()

    async def recall(self, environments: Iterable[str]) -> None:
        """How it stood when the last daemon ended; the git host is not asked."""
        self._gated = set(await self._ledger.read(ledger_of.read_admissions))
        for environment in environments:
            try:
                await self.look(environment)
            except ControlError as error:  # the next fetch says it again; meanwhile nothing runs there
                _LOG.error("%s: %s", environment, error)

    async def fetch(self, environment: str) -> Checkout:
        """The newest head that is believed, admitted or not; whether it is, is known then. Raises ControlError."""
        checkout = await self._fetcher.fetch(environment)
        await self.look(environment)
        return checkout

    def last(self, environment: str, host: str = "") -> Checkout | None:
        """What the environment is at, or ``host`` of it: what is checked and renewed by. None where that is not
        known, or nothing was admitted yet."""
        if not self._has_gate(environment):
            return self._fetcher.last(environment)
        standing = self._standings.get(environment)
        if standing is None or standing.admission is None:
            return None
        known = standing.checkouts
        pair = standing.admission.find_pair(host) if host else standing.admission.pair
        return known.get(pair) or known.get(standing.admission.pair)

    async def choose(self, host: Host) -> Chosen:
        """What a run that sets something is played with now. Raises HeldError where it has to wait."""
        environment = host.environment
        head = self._fetcher.last(environment)
        if not self._has_gate(environment):
            if head is None:
                raise HeldError("nothing was fetched yet")
            return Chosen(head)
        async with self._turn:
            standing = await self._refresh(environment)
        if standing is None or standing.admission is None:
            raise HeldError(standing.tell_held() if standing is not None else "nothing is known of it yet")
        pair = standing.admission.find_pair(host.name)
        checkout, digest = standing.checkouts.get(pair), standing.digests.get(pair, {}).get(host.name, "")
        if checkout is None:
            raise HeldError("its turn in the roll-out has not come, and what it was at before is not to be had")
        if not digest and head is not None and host.name in head.inventory:
            raise HeldError(f"the revision {pair.revision[:12]}, which was admitted, does not know it yet")
        if digest and (lack := self._find_lack(standing, host, pair, digest)):
            raise HeldError(lack)
        return Chosen(checkout, digest, bool(digest) and digest != host.applied_digest)

    def gate(self, host: Host) -> Gated | None:
        """What is said of the host at the gate; None where its environment has none."""
        if not self._has_gate(host.environment):
            return None
        standing = self._standings.get(host.environment)
        if standing is None or standing.admission is None:
            return Gated(obstacle=f"{HELD}: nothing was admitted yet")
        stage, pair = standing.admission.find_stage(host.name), standing.admission.find_pair(host.name)
        digest = standing.digests.get(pair, {}).get(host.name, "")
        if digest and (lack := self._find_lack(standing, host, pair, digest)):
            return Gated(pair.revision, digest != host.applied_digest, f"{HELD}: {lack}", f"{HELD}: {lack}")
        if stage is None or stage.state is StageState.DONE:
            return Gated(pair.revision)
        target = standing.admission.pair.revision[:12]
        words = {
            StageState.WAITING: f"waits for its turn in the roll-out of {target}",
            StageState.RUNNING: f"its turn in the roll-out of {target} has come",
            StageState.LATE: f"late in the roll-out of {target}, and follows when it is back",
            StageState.FAILED: f"the roll-out of {target} has stopped here; homeprod control retry {host.name}",
        }[stage.state]
        if stage.state is StageState.WAITING and standing.rollout.state is RolloutState.STOPPED:
            words = f"stays as it is: the roll-out of {target} has stopped at {standing.rollout.problem}"
        return Gated(pair.revision, True, words)

    async def step(self) -> None:
        """See how far hosts have followed, and begin with the next. Raises StorageError."""
        async with self._turn:
            for environment in sorted(self._standings):
                await self._proceed(environment)

    async def look(self, environment: str) -> None:
        """Judge the newest head that is believed by what was signed until now. What hinders is told, and raised to
        nobody: hosts stay at what was admitted."""
        async with self._turn:
            head = self._fetcher.last(environment)
            if head is not None:
                await self._look(environment, head)

    def is_behind(self, environment: str) -> bool:
        """Whether a newer head is believed than was judged."""
        head, standing = self._fetcher.last(environment), self._standings.get(environment)
        if head is None or not self._has_gate(environment):
            return False
        return standing is None or standing.head != Pair(head.revision, head.vault_revision)

    @property
    def standings(self) -> tuple[Standing, ...]:
        return tuple(self._standings[name] for name in sorted(self._standings))

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What a person should see to."""
        found: dict[str, str] = {}
        for one in self.standings:
            found[f"{one.environment}: a revision is held at the gate"] = one.tell_held()
            found[f"{one.environment}: a roll-out has stopped"] = one.tell_stopped()
        told = {about: text for about, text in found.items() if text}
        now = self._ledger.clock.now()
        self._since = {about: self._since.get(about, now) for about in told}
        return tuple(Trouble(about, text, self._since[about]) for about, text in told.items())

    def _has_gate(self, environment: str) -> bool:
        if environment in self._gated:
            return True
        head = self._fetcher.last(environment)
        return head is not None and self._find_promotion(environment, head) is not None

    def _find_settings(self, environment: str, checkout: Checkout | None) -> EnvironmentSettings | None:
        settings = checkout.settings if checkout is not None else None
        return (settings or self._settings()).find_environment(environment)

    def _find_promotion(self, environment: str, checkout: Checkout | None) -> PromotionSettings | None:
        known = self._find_settings(environment, checkout)
        return known.promotion if known is not None else None

    async def _look(self, environment: str, head: Checkout) -> None:
        admission = (await self._ledger.read(ledger_of.read_admissions)).get(environment)
        if not await self._stands(environment, head, admission):
            return
        at = await self._open(environment, admission.pair) if admission is not None else None
        # By the settings of what was admitted: a head does not open the gate for itself.
        promotion = self._find_promotion(environment, at) if at is not None else None
        promotion = promotion or self._find_promotion(environment, head) or PromotionSettings()
        known = self._find_settings(environment, head)
        entries, unheard = await self._hear(head)
        evidence = Evidence(environment, entries, self._ledger.clock.now(), promotion.fresh_seconds)
        pair = Pair(head.revision, head.vault_revision)
        branch = known.branch if known is not None else environment
        standing = Standing(environment, branch, promotion, pair, evidence, admission, unheard=unheard)
        was = self._standings.get(environment)
        self._standings[environment] = await self._admit(standing)
        await self._keep(environment)
        now = self._standings[environment]
        if was is None or (was.admission, was.evidence.entries) != (now.admission, now.evidence.entries):
            await self._hurry(environment)
        await self._proceed(environment)

    async def _stands(self, environment: str, head: Checkout, admission: Admission | None) -> bool:
        """Whether there is a gate: where the head has one, or what was admitted last had one."""
        if self._find_promotion(environment, head) is not None:
            self._gated.add(environment)
            return True
        if admission is not None:
            at = await self._open(environment, admission.pair)
            if at is None or self._find_promotion(environment, at) is not None:
                return True
            await self._ledger.write(lambda to: ledger_of.forget(to, environment), Notice())
        self._gated.discard(environment)
        self._standings.pop(environment, None)
        return False

    async def _hear(self, head: Checkout) -> tuple[tuple[Signed, ...], tuple[str, ...]]:
        signers = (head.settings or self._settings()).signers
        return await self._hearing.hear(signers)

    async def _admit(self, standing: Standing) -> Standing:
        """With the newest of the candidates that may be gone to, and what the newest of all lacks."""
        applied = await self._find_applied(standing)
        held: tuple[Lack, ...] | None = None
        problem = ""
        for pair in _list_candidates(standing):
            try:
                digests = await self._closures.find_of(pair, standing.environment)
            except HomeprodError as error:
                problem = problem or name_cause(error)
                continue
            lacks = standing.evidence.find_lacks(digests, pair.revision, applied)
            held = lacks if held is None and not problem else held
            if lacks:
                continue
            if await self._open(standing.environment, pair) is not None:
                standing = await self._go_to(standing, pair, digests)
                break
            problem = problem or "its files cannot be laid out"
        if standing.admission is None:
            standing = await self._settle(standing)
        return replace(standing, held=held or (), problem=problem)

    async def _go_to(self, standing: Standing, pair: Pair, digests: Mapping[str, str]) -> Standing:
        known, environment = standing.admission, standing.environment
        if known is not None and (known.pair, known.digests) == (pair, digests):
            return standing
        if known is not None and known.digests == digests:
            await self._ledger.write(lambda to: ledger_of.move(to, environment, pair, digests), Notice())
            return replace(standing, admission=replace(known, pair=pair))
        known_order = self._find_promotion(environment, self._fetcher.last(environment)) or standing.promotion
        order, canary = known_order.order, known_order.canary
        new = Admission(environment, pair, digests, self._ledger.clock.now())
        await self._ledger.write(lambda to: ledger_of.admit(to, new, order, canary), Notice())
        _LOG.info("%s goes to %s", environment, pair.revision)
        found = await self._ledger.read(ledger_of.read_admissions)
        return replace(standing, admission=found[environment])

    async def _settle(self, standing: Standing) -> Standing:
        """A gate that was put before hosts which run something already: they stay at that."""
        environment = standing.environment
        hosts = [one for one in await self._ledger.hosts() if one.environment == environment and one.applied_revision]
        pairs = Counter(Pair(one.applied_revision, one.applied_vault or standing.head.vault) for one in hosts)
        for pair, _ in pairs.most_common():
            try:
                digests = await self._closures.find_of(pair, environment)
            except HomeprodError:
                continue
            new = Admission(environment, pair, digests, self._ledger.clock.now())
            await self._ledger.write(lambda to, new=new: ledger_of.settle(to, new), Notice())  # type: ignore[misc]
            return replace(standing, admission=new)
        return standing

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
                digest = (await self._closures.find_of(pair, standing.environment)).get(host.name, "")
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

    async def _open(self, environment: str, pair: Pair) -> Checkout | None:
        try:
            return await self._sources.open(environment, pair.revision, pair.vault)
        except ControlError as error:
            _LOG.error("%s at %s: %s", environment, pair.revision[:12], error)
            return None

    async def _keep(self, environment: str) -> None:
        """Have at hand what some host is to be at."""
        standing = self._standings[environment]
        if standing.admission is None:
            return
        former = {one.former for one in standing.admission.stages if one.state is StageState.WAITING and one.former}
        wanted = {standing.admission.pair, *former}
        checkouts, digests = {}, {}
        for pair in wanted:
            if (checkout := await self._open(environment, pair)) is not None:
                checkouts[pair] = checkout
            try:
                digests[pair] = await self._closures.find_of(pair, environment)
            except HomeprodError as error:
                _LOG.error("%s at %s: %s", environment, pair.revision[:12], error)
        try:
            await self._sources.keep(environment, {(pair.revision, pair.vault) for pair in checkouts})
        except ControlError as error:  # the next look says it again
            _LOG.error("%s: %s", environment, error)
        self._standings[environment] = replace(standing, checkouts=checkouts, digests=digests)

    async def _refresh(self, environment: str) -> Standing | None:
        """With the admission as the ledger has it now, and by what is fresh now."""
        standing = self._standings.get(environment)
        if standing is None:
            return None
        admission = (await self._ledger.read(ledger_of.read_admissions)).get(environment)
        evidence = replace(standing.evidence, now=self._ledger.clock.now())
        standing = replace(standing, admission=admission, evidence=evidence)
        self._standings[environment] = standing
        return standing

    async def _proceed(self, environment: str) -> None:
        standing = await self._refresh(environment)
        if standing is None or standing.admission is None:
            return
        lacks = await self._find_stage_lacks(standing)
        rollout = await self._ledger.read(lambda of: ledger_of.foresee(of, environment, lacks))
        if rollout.next or rollout.stages != standing.admission.stages:
            now = self._ledger.clock.now()
            rollout = await self._ledger.write(lambda to: ledger_of.proceed(to, environment, lacks, now))
            self._ledger.tell(Notice())
        if rollout.next:
            _LOG.info("%s: %s is next", environment, rollout.next)
        admission = replace(standing.admission, stages=rollout.stages)
        self._standings[environment] = replace(standing, admission=admission, rollout=rollout)

    async def _find_stage_lacks(self, standing: Standing) -> dict[str, str]:
        admission = standing.admission
        if admission is None:
            return {}
        applied = {one.name: one.applied_digest for one in await self._ledger.hosts()}
        digests = {one.host: one.digest for one in admission.stages}
        lacks = standing.evidence.find_lacks(digests, admission.pair.revision, applied)
        return {one.host: one.why for one in lacks}

    async def _hurry(self, environment: str) -> None:
        now = self._ledger.clock.now()
        await self._ledger.write(lambda to: ledger_of.hurry(to, environment, now), Notice())

    def _find_lack(self, standing: Standing, host: Host, pair: Pair, digest: str) -> str:
        evidence = replace(standing.evidence, now=self._ledger.clock.now())
        return evidence.find_lack(host.name, digest, pair.revision, host.applied_digest)


def _list_candidates(standing: Standing) -> list[Pair]:
    """The newest of both; else the newest of one, so that neither repository's change holds up the other's."""
    newest, known = standing.head, standing.admission.pair if standing.admission is not None else Pair()
    if not known or newest.revision == known.revision or newest.vault == known.vault:
        return [newest]
    return [newest, Pair(newest.revision, known.vault), Pair(known.revision, newest.vault)]
