"""Admissions and roll-outs in the ledger. Every function is one write or read of a transaction.

A daemon that is killed between any two of them goes on from what stands here, and from nothing else.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from homeprod.control.hosts.appsword import read_apps
from homeprod.control.hosts.checkturn import read_conditions
from homeprod.control.hosts.condition import Condition
from homeprod.control.hosts.host import HELD, Host
from homeprod.control.hosts.ring import queue_run
from homeprod.control.hosts.row import read_hosts, read_last_runs
from homeprod.control.promotion.stage import Facts, Pair, Rollout, Stage, StageState, follow, start
from homeprod.core.overview.apps import AppsLine

BY = "promotion"
"""Who rings for a host whose turn it is."""
_ILL = ("failed", "unhealthy", "rolled back", "refused")
_STAGE = "host, digest, former_revision, former_vault, is_canary, state, run, ailing, problem"


@dataclass(frozen=True, slots=True)
class Admission:
    """What an environment was let go to last, ``at`` so many seconds since 1970; ``digests`` are its hosts' there."""

    environment: str
    pair: Pair
    digests: Mapping[str, str]
    at: float
    stages: tuple[Stage, ...] = ()

    def find_stage(self, host: str) -> Stage | None:
        return next((one for one in self.stages if one.host == host), None)

    def find_pair(self, host: str) -> Pair:
        """What the host is to be at now: what it is at, until its turn comes. Empty where it is at nothing."""
        stage = self.find_stage(host)
        return stage.former if stage is not None and stage.state is StageState.WAITING else self.pair


def read_admissions(connection: sqlite3.Connection) -> dict[str, Admission]:
    """By environment."""
    rows = connection.execute("SELECT environment, revision, vault, digests, at FROM admissions ORDER BY environment")
    return {
        name: Admission(name, Pair(revision, vault), json.loads(digests), at, read_stages(connection, name))
        for name, revision, vault, digests, at in rows.fetchall()
    }


def read_stages(connection: sqlite3.Connection, environment: str) -> tuple[Stage, ...]:
    """In their order."""
    rows = connection.execute(
        f"SELECT {_STAGE} FROM stages WHERE environment = ? ORDER BY place",  # noqa: S608 (our own)
        (environment,),
    )
    return tuple(
        Stage(
            host,
            digest,
            Pair(revision, vault),
            bool(is_canary),
            StageState(state),
            run,
            frozenset(json.loads(ailing)),
            problem,
        )
        for host, digest, revision, vault, is_canary, state, run, ailing, problem in rows
    )


def admit(connection: sqlite3.Connection, admission: Admission, order: Iterable[str], canary: Iterable[str]) -> None:
    """From now on the environment is to be at that; who runs something else there follows, one after the other, in
    ``order``. A roll-out that was not over is over: its hosts stay as they are until their turn comes anew."""
    former = read_admissions(connection).get(admission.environment)
    hosts = [one for one in read_hosts(connection) if one.name in admission.digests and one.applied_instance]
    places = {name: number for number, name in enumerate((*canary, *order))}
    first = frozenset(canary)
    moved = [one for one in hosts if one.applied_digest != admission.digests[one.name] or one.is_torn]
    moved.sort(key=lambda one: (one.name not in first, places.get(one.name, len(places)), one.name))
    stages = [
        Stage(one.name, admission.digests[one.name], _find_former(former, one), one.name in first) for one in moved
    ]
    settle(connection, admission)
    for place, stage in enumerate(stages):
        _insert(connection, admission.environment, place, stage)


def settle(connection: sqlite3.Connection, admission: Admission) -> None:
    """The environment is at that, and nobody has to follow."""
    forget(connection, admission.environment)
    connection.execute(
        "INSERT INTO admissions (environment, revision, vault, digests, at) VALUES (?, ?, ?, ?, ?)",
        (
            admission.environment,
            admission.pair.revision,
            admission.pair.vault,
            json.dumps(dict(admission.digests), sort_keys=True),
            admission.at,
        ),
    )


def move(connection: sqlite3.Connection, environment: str, pair: Pair, digests: Mapping[str, str]) -> None:
    """Another revision at which every host runs the same: nobody has to follow."""
    connection.execute(
        "UPDATE admissions SET revision = ?, vault = ?, digests = ? WHERE environment = ?",
        (pair.revision, pair.vault, json.dumps(dict(digests), sort_keys=True), environment),
    )


def forget(connection: sqlite3.Connection, environment: str) -> None:
    """The environment has no gate any more, or another admission."""
    connection.execute("DELETE FROM admissions WHERE environment = ?", (environment,))
    connection.execute("DELETE FROM stages WHERE environment = ?", (environment,))


def proceed(connection: sqlite3.Connection, environment: str, lacks: Mapping[str, str], now: float) -> Rollout:
    """See what has become of the hosts, and begin with the next where there is one: both or neither is written.
    ``lacks`` say by host why the gate does not let it pass."""
    stages = read_stages(connection, environment)
    facts = read_facts(connection, lacks) if stages else {}
    found = follow(stages, facts)
    if found.next:
        run = queue_run(connection, found.next, BY, now).run_id
        begun = [start(one, run, facts[one.host]) if one.host == found.next else one for one in found.stages]
        found = replace(found, stages=tuple(begun))
    for before, after in zip(stages, found.stages, strict=True):
        if before != after:
            _update(connection, environment, after)
    return found


def foresee(connection: sqlite3.Connection, environment: str, lacks: Mapping[str, str]) -> Rollout:
    """How it stands, and nothing is done."""
    stages = read_stages(connection, environment)
    return follow(stages, read_facts(connection, lacks) if stages else {})


def read_facts(connection: sqlite3.Connection, lacks: Mapping[str, str]) -> dict[str, Facts]:
    runs, conditions, apps = read_last_runs(connection), read_conditions(connection), read_apps(connection)
    return {
        host.name: Facts(
            host,
            runs.get(host.name),
            _find_obstacle(host, conditions.get(host.name)),
            _is_reached(conditions.get(host.name)),
            _list_ailing(apps.get(host.name)),
            lacks.get(host.name, ""),
        )
        for host in read_hosts(connection)
    }


def note_digests(connection: sqlite3.Connection, digests: Mapping[str, tuple[Pair, str]]) -> None:
    """What hosts ran with, where that was not known: those that are still at that pair."""
    connection.executemany(
        "UPDATE hosts SET applied_digest = ?, applied_vault = ? WHERE name = ? AND applied_digest = ''"
        " AND applied_revision = ?",
        [(digest, pair.vault, host, pair.revision) for host, (pair, digest) in sorted(digests.items())],
    )


def hurry(connection: sqlite3.Connection, environment: str, now: float) -> None:
    """Runs that wait at the gate are looked at again."""
    connection.execute(
        "UPDATE hosts SET due = ? WHERE environment = ? AND state = 'due' AND due > ? AND problem LIKE ?",
        (now, environment, now, f"{HELD}%"),
    )


def keep_lines(connection: sqlite3.Connection, lines: Mapping[str, str]) -> None:
    """Records that are believed, each with the commit it stands on: what a git host forgets is known here."""
    connection.executemany(
        "INSERT INTO records (line, revision) VALUES (?, ?) ON CONFLICT (line) DO NOTHING", sorted(lines.items())
    )


def drop_lines(connection: sqlite3.Connection, lines: Iterable[str]) -> None:
    connection.executemany("DELETE FROM records WHERE line = ?", [(line,) for line in lines])


def read_lines(connection: sqlite3.Connection) -> dict[str, str]:
    """The commit by the line."""
    return dict(connection.execute("SELECT line, revision FROM records ORDER BY line").fetchall())


def _find_former(former: Admission | None, host: Host) -> Pair:
    """What it is at: what it was to be at before this, or else what its last run brought it to."""
    if former is not None and host.name in former.digests:
        stage = former.find_stage(host.name)
        if stage is None or stage.state is StageState.DONE or host.applied_digest == former.digests[host.name]:
            return former.pair
        return stage.former or Pair(host.applied_revision, host.applied_vault)
    return Pair(host.applied_revision, host.applied_vault)


def _find_obstacle(host: Host, condition: Condition | None) -> str:
    if not host.is_pinned or host.held_keys:
        return "it waits for a person: its SSH host key"
    if condition is not None and condition.late is not None:
        return condition.problem.partition("\n")[0] or "it does not answer"
    return ""


def _is_reached(condition: Condition | None) -> bool:
    return condition is not None and condition.late is None and condition.checked is not None


def _list_ailing(apps: AppsLine | None) -> dict[str, str]:
    return {one.name: one.word for one in apps.apps if one.state in _ILL} if apps is not None else {}


def _insert(connection: sqlite3.Connection, environment: str, place: int, stage: Stage) -> None:
    connection.execute(
        f"INSERT INTO stages (environment, place, {_STAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            environment,
            place,
            stage.host,
            stage.digest,
            stage.former.revision,
            stage.former.vault,
            int(stage.is_canary),
            stage.state,
            stage.run,
            json.dumps(sorted(stage.ailing)),
            stage.problem,
        ),
    )


def _update(connection: sqlite3.Connection, environment: str, stage: Stage) -> None:
    connection.execute(
        "UPDATE stages SET state = ?, run = ?, ailing = ?, problem = ? WHERE environment = ? AND host = ?",
        (stage.state, stage.run, json.dumps(sorted(stage.ailing)), stage.problem, environment, stage.host),
    )
