"""Hosts and runs as JSON, for people whose signature was good."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from homeprod.control.hosts.condition import Condition, DriftTask
from homeprod.control.hosts.host import Host, Run
from homeprod.control.inventory import list_untold
from homeprod.control.upkeep.keeping import Keeping
from homeprod.core.fingerprint import find_fingerprint
from homeprod.web.node import Node
from homeprod.web.tally import is_waiting


async def describe_hosts(node: Node) -> dict[str, Any]:
    """Every host that the node knows, and those of the site that wait for an apply to be told to it."""
    hosts, runs, known = await node.ledger.hosts(), await node.ledger.last_runs(), node.inventory()
    kept = {one.host.name: one for one in await node.keepings()}
    return {
        "hosts": [describe_host(host, known, kept.get(host.name), runs.get(host.name)) for host in hosts],
        "waiting_for_apply": list_untold(known, hosts, node.settings().node),
    }


def describe_host(
    host: Host, inventory: Collection[str], keeping: Keeping | None = None, last_run: Run | None = None
) -> dict[str, Any]:
    """Times are seconds since 1970; keys are shown by their fingerprints. ``is_in_inventory`` is null while no
    inventory was fetched yet. ``drift`` counts what differs, null where nobody has looked; ``late`` is since when the
    host was not reached."""
    known = keeping.condition if keeping is not None else None
    return {
        "name": host.name,
        "environment": host.environment,
        "state": host.state.value,
        "waits": is_waiting(host),
        "is_in_inventory": host.name in inventory if inventory else None,
        "wanted": {"revision": host.wanted_revision, "instance": host.wanted_instance},
        "attempted": {"revision": host.attempted_revision, "instance": host.attempted_instance},
        "applied": {"revision": host.applied_revision, "instance": host.applied_instance},
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
        "last_run": describe_run(last_run) if last_run is not None else None,
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
