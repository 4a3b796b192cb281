"""What the node says to everybody about itself: counts and states, no names of hosts, no secrets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Counter as MetricCounter
from prometheus_client import Gauge as MetricGauge

from homeprod.control.hosts.host import Host, HostState, RunStatus
from homeprod.control.promotion.stage import RolloutState
from homeprod.control.state import NodeState
from homeprod.web.node import Node

_NEXT = {
    NodeState.UNCREATED: "",
    NodeState.NEW: "ssh -t {node} bootstrap",
    NodeState.LOCKED: "ssh -t {node} unlock",
    NodeState.READY: "",
}


MOST_TROUBLES = 10
"""That are told."""


def is_waiting(host: Host) -> bool:
    """Whether it is not yet what it should be, for whatever reason."""
    is_behind = bool(host.wanted_instance) and (not host.is_current or bool(host.asked_by))
    return is_behind or bool(host.held_keys) or host.state is not HostState.IDLE


@dataclass(frozen=True, slots=True)
class Census:
    hosts: int
    waiting: int
    held: int
    drifting: int
    late: int
    ill: int
    states: Counter[HostState]
    runs: dict[RunStatus, int]


async def count(node: Node) -> Census:
    hosts, conditions = await node.ledger.hosts(), (await node.ledger.checks.conditions()).values()
    apps, now = (await node.ledger.apps()).values(), node.ledger.clock.now()
    return Census(
        hosts=len(hosts),
        waiting=sum(is_waiting(host) for host in hosts),
        held=sum(bool(host.held_keys) for host in hosts),
        drifting=sum(one.has_drift for one in conditions),
        late=sum(one.late is not None for one in conditions),
        ill=sum(one.needs_person(now) for one in apps),
        states=Counter(host.state for host in hosts),
        runs=await node.ledger.count_runs(),
    )


async def describe(node: Node) -> dict[str, Any]:
    """The body of GET /status: what is waited for and since when, and not why."""
    census, settings, state = await count(node), node.settings(), node.state()
    return {
        "node": settings.node,
        "site": settings.site_name,
        "state": state.value,
        "since": round(node.since()),
        "hosts": {"known": census.hosts, "waiting": census.waiting, "held": census.held},
        "upkeep": {"drifting": census.drifting, "late": census.late, "ill": census.ill},
        "runs": {status.value: census.runs.get(status, 0) for status in RunStatus},
        "waiting": [{"for": one.about, "since": round(one.since)} for one in node.troubles()[:MOST_TROUBLES]],
        "next": _NEXT[state].format(node=settings.node),
    }


def describe_troubles(node: Node) -> list[str]:
    """A line each, for people whose signature was good."""
    return [" ".join(one.text.split())[:300] for one in node.troubles()[:MOST_TROUBLES]]


class Metrics:
    """In a registry of their own: of the process itself nothing is told."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        make = {"registry": self._registry, "namespace": "homeprod"}
        self._state = MetricGauge("node_state", "1 for the state that the node is in", ["state"], **make)  # type: ignore[arg-type]
        self._since = MetricGauge("node_state_since_seconds", "Since when, in seconds since 1970", **make)  # type: ignore[arg-type]
        self._hosts = MetricGauge("hosts", "Hosts that were rung for", ["state"], **make)  # type: ignore[arg-type]
        self._waiting = MetricGauge("hosts_waiting", "Hosts that are not yet what they should be", **make)  # type: ignore[arg-type]
        self._held = MetricGauge("hosts_held", "Hosts whose new SSH host key waits for a person", **make)  # type: ignore[arg-type]
        self._drifting = MetricGauge("hosts_drifting", "Hosts where a check found that something differs", **make)  # type: ignore[arg-type]
        self._late = MetricGauge("hosts_late", "Hosts that a check did not reach", **make)  # type: ignore[arg-type]
        self._ill = MetricGauge("hosts_ill", "Hosts with an app that needs a person", **make)  # type: ignore[arg-type]
        self._gates = MetricGauge("revisions_held", "Environments whose newest revision is held at the gate", **make)  # type: ignore[arg-type]
        self._rollouts = MetricGauge("rollouts", "Roll-outs of what was admitted last", ["state"], **make)  # type: ignore[arg-type]
        self._runs = MetricGauge("runs", "Runs that are kept", ["status"], **make)  # type: ignore[arg-type]
        self._counters: dict[tuple[str, int], MetricCounter] = {}
        self._answers = MetricCounter("answers", "Answers of the door", ["call", "code"], **make)  # type: ignore[arg-type]

    def note_answer(self, call: str, code: int) -> None:
        if (call, code) not in self._counters:
            self._counters[call, code] = self._answers.labels(call, str(code))
        self._counters[call, code].inc()

    async def render(self, node: Node) -> bytes:
        """In Prometheus' text format."""
        census = await count(node)
        for state in NodeState:
            self._state.labels(state.value).set(state is node.state())
        self._since.set(node.since())
        for host_state in HostState:
            self._hosts.labels(host_state.value).set(census.states[host_state])
        self._waiting.set(census.waiting)
        self._held.set(census.held)
        self._drifting.set(census.drifting)
        self._late.set(census.late)
        self._ill.set(census.ill)
        standings = node.promotions()
        self._gates.set(sum(one.is_held for one in standings))
        for rollout_state in RolloutState:
            self._rollouts.labels(rollout_state.value).set(
                sum(one.rollout.state is rollout_state for one in standings)
            )
        for status in RunStatus:
            self._runs.labels(status.value).set(census.runs.get(status, 0))
        return generate_latest(self._registry)
