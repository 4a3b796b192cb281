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
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from homeprod.control.hosts.host import HELD, Host
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.store import Notice
from homeprod.control.promotion import admission as ledger_of
from homeprod.control.promotion.admission import Admission
from homeprod.control.promotion.errors import HeldError
from homeprod.control.promotion.judge import Judge, Sources
from homeprod.control.promotion.stage import Pair, RolloutState, StageState
from homeprod.control.promotion.standing import Gated, Standing
from homeprod.control.repositories.repositories import Checkout
from homeprod.control.settings import NodeSettings
from homeprod.control.trouble import Trouble
from homeprod.core.errors import ControlError, HomeprodError
from homeprod.core.overview.matters import STOPPED

_LOG = logging.getLogger("homeprod.control")


class Fetcher(Protocol):
    async def fetch(self, environment: str) -> Checkout: ...

    def last(self, environment: str) -> Checkout | None: ...


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
        self._ledger, self._fetcher, self._sources = ledger, fetcher, sources
        self._settings, self._judge = settings, Judge(ledger, sources, settings)
        self._standings: dict[str, Standing] = {}
        self._gated: set[str] = set()
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
            return Chosen(head, is_news=self._is_tried(host, head))
        async with self._turn:
            standing = await self._refresh(environment)
        if standing is None or standing.admission is None:
            raise HeldError(standing.tell_held() if standing is not None else "nothing is known of it yet")
        pair = standing.admission.find_pair(host.name)
        checkout, digest = standing.checkouts.get(pair), standing.digests.get(pair, {}).get(host.name, "")
        if checkout is None:
            raise HeldError("its turn in the roll-out has not come, and what it was at before is not to be had")
        if digest and (lack := self._find_lack(standing, host, pair, digest)):
            raise HeldError(lack)
        if not digest and host.name in checkout.inventory:
            raise HeldError("what it would run cannot be told")
        if not digest and head is not None and host.name in head.inventory:
            raise HeldError(f"the revision {pair.revision[:12]}, which was admitted, does not know it yet")
        return Chosen(checkout, digest, digest != host.applied_digest)

    def _is_tried(self, host: Host, head: Checkout) -> bool:
        """Whether its run with something new counts for other hosts, too."""
        gates = (one.promotion for one in self._settings().environments if one.promotion is not None)
        is_new = (host.applied_revision, host.applied_vault) != (head.revision, head.vault_revision)
        return is_new and any(host.name in gate.counterparts.values() for gate in gates)

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
        return Gated(pair.revision, stage.state is not StageState.WAITING, words)

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
            found[f"{one.environment}: {STOPPED}"] = one.tell_stopped()
        told = {about: text for about, text in found.items() if text}
        now = self._ledger.clock.now()
        self._since = {about: self._since.get(about, now) for about in told}
        return tuple(Trouble(about, text, self._since[about]) for about, text in told.items())

    def _has_gate(self, environment: str) -> bool:
        if environment in self._gated:
            return True
        head = self._fetcher.last(environment)
        return head is not None and self._judge.find_promotion(environment, head) is not None

    async def _look(self, environment: str, head: Checkout) -> None:
        admission = (await self._ledger.read(ledger_of.read_admissions)).get(environment)
        if not await self._judge.has_gate(environment, head, admission):
            await self._leave(environment, admission)
            return
        self._gated.add(environment)
        was = self._standings.get(environment)
        now = await self._judge.judge(environment, head, admission)
        self._standings[environment] = _carry_on(await self._keep(now), was)
        is_heard = was is not None and was.evidence.entries is now.evidence.entries
        if was is None or not is_heard or was.admission != now.admission:
            await self._hurry(environment)
        await self._proceed(environment)

    async def _leave(self, environment: str, admission: Admission | None) -> None:
        """It has no gate, or none any more."""
        if admission is not None:
            await self._ledger.write(lambda to: ledger_of.forget(to, environment), Notice())
        self._gated.discard(environment)
        self._standings.pop(environment, None)

    async def _keep(self, standing: Standing) -> Standing:
        """With all at hand that some host is to be at."""
        environment = standing.environment
        if standing.admission is None:
            return standing
        former = {one.former for one in standing.admission.stages if one.state is StageState.WAITING and one.former}
        wanted = {standing.admission.pair, *former}
        checkouts, digests = {}, {}
        for pair in wanted:
            if (checkout := await self._judge.open(environment, pair)) is not None:
                checkouts[pair] = checkout
            try:
                digests[pair] = await self._judge.closures.find_of(pair, environment)
            except HomeprodError as error:
                _LOG.error("%s at %s: %s", environment, pair.revision[:12], error)
        try:
            await self._sources.keep(environment, {(pair.revision, pair.vault) for pair in checkouts})
        except ControlError as error:  # the next look says it again
            _LOG.error("%s: %s", environment, error)
        return replace(standing, checkouts=checkouts, digests=digests)

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


def _carry_on(now: Standing, was: Standing | None) -> Standing:
    """With the roll-out as it was seen last, until it is seen again: nobody who asks meanwhile is told of none."""
    pairs = [one.admission.pair for one in (now, was) if one is not None and one.admission is not None]
    return replace(now, rollout=was.rollout) if was is not None and pairs[:1] == pairs[1:] else now
