"""A control node with a gate before prod: real git, a real ledger, real signatures; only what runs do is ours."""

from __future__ import annotations

import asyncio
import atexit
import functools
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.records import Person
from tests.unit.control.hosts.test_checks import SetClock
from tests.unit.control.repositories.origin import Origin
from tests.unit.control.runs.node import SETTINGS, start_workers

from homeprod.control.hosts.condition import Finding
from homeprod.control.hosts.host import Ring, Run, RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome, Turn
from homeprod.control.inventory import InventoryHost
from homeprod.control.places import Places
from homeprod.control.promotion.gate import Gate
from homeprod.control.promotion.standing import Standing
from homeprod.control.repositories.repositories import Repositories
from homeprod.control.runs.attempt import NotYetError
from homeprod.control.runs.backoff import Backoff
from homeprod.control.runs.job import Job
from homeprod.control.runs.preparation import Preparation
from homeprod.control.runs.problem import NO_ANSWER
from homeprod.control.runs.spare import Spares
from homeprod.control.settings import EnvironmentSettings, KeyOwner, NodeSettings, PromotionSettings, UpkeepSettings
from homeprod.control.upkeep.upkeeper import Upkeeper
from homeprod.control.watchman import Watchman
from homeprod.drivers.playbooks import read_step
from homeprod.drivers.records import Records
from homeprod.promotion.closure import find_closures
from homeprod.promotion.record import Emergency, Entry, Rollback, Trial

HOSTS = ("prod-mail", "prod-proxy", "prod-web")
ORDER = ("prod-proxy", "prod-web", "prod-mail")
DAY = 86_400.0
DONE = Outcome(RunStatus.SUCCESSFUL)
OFF = Outcome(RunStatus.FAILED, f"{NO_ANSWER}: timed out", is_off=True)
FAILED = Outcome(RunStatus.FAILED, "nginx does not start")


def write_inventory(hosts: tuple[str, ...] = HOSTS) -> str:
    facts = "homeprod_environment: prod, homeprod_control_node: lab-ansible"
    lines = [f"        {name}: {{ansible_host: 192.0.2.1, {facts}}}" for name in hosts]
    return "all:\n  children:\n    env_prod:\n      hosts:\n" + "\n".join(lines) + "\n"


def write_role(text: str) -> str:
    return f"- name: say\n  ansible.builtin.debug:\n    msg: {text}\n"


FILES = {
    "site.yml": "".join(
        f"- name: {role}\n  hosts: prod-{role}\n  gather_facts: false\n  roles: [{role}]\n"
        for role in ("proxy", "web", "mail")
    ),
    "site/inventory.yml": write_inventory(),
    **{f"roles/{role}/tasks/main.yml": write_role("one") for role in ("proxy", "web", "mail")},
}
VAULT = {
    "prod/hosts.yml": "all: {}\n",
    "prod/host_vars/prod-web/vault.yml": "secret: one\n",
    "lab/hosts.yml": "all: {}\n",
}


def make_settings(
    playbooks: str,
    vault: str,
    people: Mapping[str, str],
    promotion: PromotionSettings | None,
    upkeep: UpkeepSettings,
) -> NodeSettings:
    environment = EnvironmentSettings(
        name="prod", branch="prod", user="homeprod-prod", upkeep=upkeep, promotion=promotion
    )
    return SETTINGS.model_copy(
        update={
            "environments": (environment,),
            "signers": tuple(KeyOwner(person=name, key=line) for name, line in people.items()),
            "playbooks": playbooks,
            "vault": vault,
        }
    )


@functools.cache
def make_template() -> tuple[Path, Person]:
    """Both repositories at their first commit; made once."""
    folder, sean = Path(tempfile.mkdtemp(prefix="homeprod-gate-")), Person("sean")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    key = sean.keep_key(folder)
    playbooks = Origin.make(folder / "playbooks", key, FILES, "prod")
    playbooks.git("config", "user.name", "Sean")
    playbooks.git("config", "user.email", "sean@example.org")
    Origin.make(folder / "vault", key, VAULT, "main")
    return folder, sean


def copy_template(folder: Path) -> Person:
    template, sean = make_template()
    shutil.copytree(template, folder)
    return sean


@dataclass
class Nonces:
    async def open_run(self, environment: str, run: str, uid: int) -> str:
        return f"{environment}-{run}-{uid}"

    async def close_run(self, nonce: str) -> bool:
        return bool(nonce)


@dataclass
class Site:
    """What is at the git host, and who signs. ``promotion`` came with the machine."""

    folder: Path
    playbooks: Origin
    vault: Origin
    sean: Person
    key: Path
    promotion: PromotionSettings | None
    places: Places
    upkeep: UpkeepSettings = field(default_factory=UpkeepSettings)
    clock: SetClock = field(default_factory=SetClock)

    @classmethod
    def make(cls, folder: Path, promotion: PromotionSettings | None = PromotionSettings(order=ORDER)) -> Site:  # noqa: B008
        sean = copy_template(folder)
        places, key = Places.below(folder / "node"), folder / "sean"
        for place in (places.database.parent, places.cache, places.runtime):
            place.mkdir(parents=True)
        playbooks, vault = Origin(folder / "playbooks", key), Origin(folder / "vault", key)
        return cls(folder, playbooks, vault, sean, key, promotion, places)

    @property
    def settings(self) -> NodeSettings:
        people = {"sean": self.sean.line}
        return make_settings(self.playbooks.address, self.vault.address, people, self.promotion, self.upkeep)

    @property
    def head(self) -> str:
        return self.playbooks.git("rev-parse", "prod")

    def change(self, *roles: str, text: str = "two") -> str:
        """A commit that changes what hosts of these roles run."""
        return self.playbooks.commit({f"roles/{role}/tasks/main.yml": write_role(text) for role in roles})

    def find_digests(self, revision: str = "prod") -> dict[str, str]:
        """As a person's own machine computes them, in their clones."""
        step = read_step(self.playbooks.folder, f"{revision}..{revision}", self.vault.folder)
        return {host: one.digest for host, one in find_closures(step.revisions[1]).items()}

    def try_on(
        self, *hosts: str, is_green: bool = True, days: float = 14, by: Person | None = None, at: float | None = None
    ) -> None:
        """Records of trials of the head, for these hosts."""
        digests, moment = self.find_digests(), self.clock.seconds if at is None else at
        trials = [
            Trial(
                environment="prod",
                revision=self.head,
                at=moment,
                host=host,
                digest=digests[host],
                result="green" if is_green else "red",
                tried_on=host.replace("prod", "lab"),
                place="lab",
                expires=moment + days * DAY,
                why="" if is_green else "it did not come up",
            )
            for host in hosts
        ]
        self.sign(*trials, by=by)

    def sign(self, *entries: Entry, by: Person | None = None) -> None:
        person = by or self.sean
        Records(self.playbooks.folder, {}).append(entries, person.signer)

    def declare_emergency(self) -> None:
        digests = self.find_digests()
        self.sign(
            Emergency(environment="prod", revision=self.head, at=self.clock.seconds, why="it burns", digests=digests)
        )

    def roll_back(self, to: str) -> str:
        """As `homeprod rollback` does: the way back is a commit of its own."""
        left, was = self.head, self.find_digests()
        self.playbooks.git("checkout", "-q", to, "--", ".")
        reverted = self.playbooks.commit({})
        now = self.find_digests()
        bad = {host: digest for host, digest in was.items() if now.get(host) != digest}
        self.sign(
            Rollback(
                environment="prod",
                revision=reverted,
                at=self.clock.seconds,
                why="it broke mail",
                left=left,
                to=to,
                digests=now,
                bad=bad,
            )
        )
        return reverted


class Life:
    """One daemon's life: objects that are made anew with each, over the same ledger, clones and clock."""

    def __init__(self, site: Site, ledger: Ledger) -> None:
        self.site, self.ledger = site, ledger
        self.repositories = Repositories(lambda: site.settings, site.places)
        self.watchman = Watchman(self.repositories, Backoff(), self._hear)
        self.gate = Gate(ledger, self.watchman, self.repositories, lambda: site.settings)
        spares = Spares(lambda _: start_workers())
        self.desk = Preparation(self.gate, Nonces(), site.places, lambda: site.settings, spares, lambda _: 0)
        self.upkeeper = Upkeeper(
            ledger, self.gate, lambda: site.settings, self._list_hosts, lambda most: most, gate=self.gate
        )
        self.jobs: list[tuple[Run, Job]] = []

    async def _hear(self) -> None:
        return

    def _list_hosts(self) -> Mapping[str, InventoryHost]:
        known = self.watchman.last("prod")
        return known.inventory if known is not None else {}

    async def fetch(self) -> Standing:
        await self.gate.fetch("prod")
        return self.standing

    @property
    def standing(self) -> Standing:
        (found,) = self.gate.standings
        return found

    @property
    def states(self) -> dict[str, str]:
        return {one.host: one.state.value for one in self.standing.rollout.stages}

    async def ring(self, host: str, instance: str = "i1") -> None:
        number = f"msg_{host}_{instance}"
        await self.ledger.ring(
            Ring(number, host, "prod", instance, ("ssh-ed25519 AAAA",), "sean", f"digest {number}")
        )

    async def run_due(self, outcome: Outcome | Callable[[Run], Outcome] = DONE, most: int = 20) -> list[str]:
        """Claim, prepare and end what is due; the hosts, in that order. What has to wait is put back."""
        done: list[str] = []
        while len(done) < most and (turn := await self.ledger.claim("me")):
            if await self.play(turn, outcome):
                done.append(turn.host.name)
        return done

    async def play(self, turn: Turn, outcome: Outcome | Callable[[Run], Outcome] = DONE) -> bool:
        try:
            job = await self.desk.prepare(turn)
        except NotYetError as error:
            await self.ledger.put_back(turn.run, error.seconds or 1.0, error.message)
            return False
        self.jobs.append((turn.run, job))
        await self.ledger.begin(turn.run, job.revision, job.vault, job.digest)
        ends = outcome(turn.run) if callable(outcome) else outcome
        await self.ledger.end(turn.run, ends, 10_000)
        return True

    async def roll_out(self, outcome: Outcome | Callable[[Run], Outcome] = DONE) -> list[str]:
        """Step and run until nothing goes on; the hosts as they were run."""
        done: list[str] = []
        for _ in range(20):
            await self.gate.step()
            ran = await self.run_due(outcome)
            assert len(ran) <= 1, "one at a time"
            done += ran
            if not ran:
                break
            self.site.clock.seconds += 10
        await self.gate.step()
        return done

    async def find_applied(self) -> dict[str, str]:
        return {one.name: one.applied_revision for one in await self.ledger.hosts()}

    async def check(self, host: str, found: Finding) -> Job:
        await self.ledger.checks.plan({host: self.ledger.clock.now()}, None)
        turn = await self.ledger.checks.claim("me")
        assert turn is not None
        job = await self.desk.prepare(turn)
        await self.ledger.begin(turn.run, job.revision, job.vault, job.digest)
        await self.ledger.checks.end(turn.run, found, lambda _: None, 10_000)
        return job


Story = Callable[[Life], Awaitable[None]]


async def open_ledger(site: Site) -> Ledger:
    ledger = Ledger(site.places.database)
    ledger.clock = site.clock  # type: ignore[assignment]
    await ledger.open()
    return ledger


def live(site: Site, story: Story) -> None:
    """Tell a story of one daemon's life."""

    async def tell() -> None:
        ledger = await open_ledger(site)
        try:
            life = Life(site, ledger)
            await life.repositories.recall()
            await life.gate.recall(("prod",))
            await story(life)
        finally:
            await ledger.close()

    asyncio.run(tell())


async def configure(life: Life, *hosts: str) -> None:
    """Hosts that run what the gate lets them."""
    for host in hosts or HOSTS:
        await life.ring(host)
    await life.run_due()


def begin(site: Site, story: Story) -> None:
    """A story of hosts that run the first revision, each of which was tried for it."""

    async def tell(life: Life) -> None:
        site.try_on(*HOSTS)
        await life.fetch()
        await configure(life)
        assert set((await life.find_applied()).values()) == {site.head}
        await life.gate.step()
        await story(life)

    live(site, tell)
