"""Hosts and runs as JSON, for people whose signature was good."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from homeprod.control.hosts.host import Host, Run
from homeprod.control.inventory import list_untold
from homeprod.core.fingerprint import find_fingerprint
from homeprod.web.node import Node
from homeprod.web.tally import is_waiting


async def describe_hosts(node: Node) -> dict[str, Any]:
    """Every host that the node knows, and those of the site that wait for an apply to be told to it."""
    hosts, runs, known = await node.ledger.hosts(), await node.ledger.last_runs(), node.inventory()
    return {
        "hosts": [describe_host(host, known, runs.get(host.name)) for host in hosts],
        "waiting_for_apply": list_untold(known, hosts, node.settings().node),
    }


def describe_host(host: Host, inventory: Collection[str], last_run: Run | None = None) -> dict[str, Any]:
    """Times are seconds since 1970; keys are shown by their fingerprints. ``is_in_inventory`` is null while no
    inventory was fetched yet."""
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
        "last_run": describe_run(last_run) if last_run is not None else None,
    }


def describe_run(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
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
