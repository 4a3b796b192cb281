"""Hosts and runs as JSON, for people whose signature was good."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from homeprod.control.hosts.condition import Condition, DriftTask
from homeprod.control.hosts.host import Host, Run
from homeprod.control.inventory import list_untold
from homeprod.control.upkeep.keeping import Keeping
from homeprod.core.fingerprint import find_fingerprint
from homeprod.core.overview.apps import AppLine, AppsLine
from homeprod.web.node import Node
from homeprod.web.tally import is_waiting

_SHORT = 12
"""Characters of an app's commit."""


async def describe_hosts(node: Node) -> dict[str, Any]:
    """Every host that the node knows, and those of the site that wait for an apply to be told to it."""
    hosts, runs, known = await node.ledger.hosts(), await node.ledger.last_runs(), node.inventory()
    kept, apps = {one.host.name: one for one in await node.keepings()}, await node.ledger.apps()
    return {
        "hosts": [
            describe_host(host, known, kept.get(host.name), runs.get(host.name), apps.get(host.name))
            for host in hosts
        ],
        "waiting_for_apply": list_untold(known, hosts, node.settings().node),
    }


def describe_host(
    host: Host,
    inventory: Collection[str],
    keeping: Keeping | None = None,
    last_run: Run | None = None,
    apps: AppsLine | None = None,
) -> dict[str, Any]:
    """Times are seconds since 1970; keys are shown by their fingerprints. ``is_in_inventory`` is null while no
    inventory was fetched yet. ``drift`` counts what differs, null where nobody has looked; ``late`` is since when the
    host was not reached; ``every`` is minutes between two looks. ``apps`` is null where the host runs none that we
    know of. What was applied is told with the vault's revision and the digest of all its inputs, empty where they are
    not known."""
    known = keeping.condition if keeping is not None else None
    return {
        "name": host.name,
        "environment": host.environment,
        "state": host.state.value,
        "waits": is_waiting(host),
        "is_in_inventory": host.name in inventory if inventory else None,
        "wanted": {"revision": host.wanted_revision, "instance": host.wanted_instance},
        "attempted": {"revision": host.attempted_revision, "instance": host.attempted_instance},
        "applied": {
            "revision": host.applied_revision,
            "instance": host.applied_instance,
            "vault": host.applied_vault,
            "digest": host.applied_digest,
        },
        "due": host.due,
        "attempt": host.attempt,
        "host_keys": list_fingerprints(host.host_keys),
        "held_keys": list_fingerprints(host.held_keys),
        "held_by": host.held_by,
        "problem": host.problem,
        "drift": keeping.drift if keeping is not None else None,
        "drift_since": known.drift_since if known is not None else None,
        "late": known.late if known is not None else None,
        "checked": known.checked if known is not None else None,
        "next_check": keeping.next_check if keeping is not None else None,
        "every": keeping.upkeep.every if keeping is not None and keeping.upkeep is not None else None,
        **_describe_apps(apps),
        "last_run": describe_run(last_run) if last_run is not None else None,
    }


def _describe_apps(line: AppsLine | None) -> dict[str, Any]:
    """``apps_seen`` is when the node was told, ``apps_looked`` when the host itself had looked. ``wanted`` is null
    where that is what runs."""
    if line is None:
        return {"apps": None, "apps_seen": None, "apps_looked": None, "apps_problem": ""}
    apps = [_describe_app(one) for one in line.apps]
    return {"apps": apps, "apps_seen": line.heard, "apps_looked": line.looked, "apps_problem": line.problem}


def _describe_app(app: AppLine) -> dict[str, Any]:
    return {
        "name": app.name,
        "state": app.state,
        "applied": app.applied[:_SHORT],
        "wanted": app.wanted[:_SHORT] if app.wanted != app.applied else None,
        "verified": app.verified,
        "since": app.since,
        "problem": app.problem,
    }


def describe_keeping(keeping: Keeping) -> dict[str, Any]:
    """What was found of a host, task by task, and what comes next. Times are seconds since 1970."""
    host, upkeep, known = keeping.host, keeping.upkeep, keeping.condition or Condition(keeping.host.name)
    return {
        "host": host.name,
        "environment": host.environment,
        "every": upkeep.every if upkeep is not None else None,
        "policy": upkeep.policy if upkeep is not None else None,
        "window": (upkeep.window or None) if upkeep is not None else None,
        "applied": host.applied_revision,
        "checked": known.checked,
        "checked_revision": known.revision,
        "next_check": keeping.next_check,
        "drift": keeping.drift,
        "drift_since": known.drift_since,
        "tasks": [_describe_task(one, known) for one in known.drift],
        "late": known.late,
        "problem": known.problem,
        "next": keeping.outlook.words,
        "next_at": keeping.outlook.at,
    }


def _describe_task(task: DriftTask, known: Condition) -> dict[str, Any]:
    return {
        "task": task.task,
        "role": task.role,
        "target": task.target,
        "diff": task.diff,
        "since": task.since,
        "is_idempotent": task.name not in known.stubborn,
    }


def describe_run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind.value,
        "host": run.host,
        "environment": run.environment,
        "status": run.status.value,
        "revision": run.revision,
        "vault": run.vault,
        "instance": run.instance,
        "rung_by": run.rung_by,
        "attempt": run.attempt,
        "created": run.created,
        "started": run.started,
        "ended": run.ended,
        "canceled_by": run.canceled_by,
        "problem": run.problem,
    }


def list_fingerprints(keys: Iterable[str]) -> list[str]:
    return [find_fingerprint(key) for key in keys]
