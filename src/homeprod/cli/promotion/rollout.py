"""A roll-out, watched: what the control node says of it, host after host, until it is over or stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homeprod.cli import render
from homeprod.cli.promotion.node import Node
from homeprod.cli.schema.promotion import RolloutEntry
from homeprod.core.errors import ControlError
from homeprod.drivers.doorwords import tell

DONE, FAILED, REFUSED, WAITS = 0, 1, 2, 3
"""Exit codes."""
_UNSEEN = 120.0
"""Seconds in which the node should have seen a push."""
_KNOCKS = 20
"""Looks after which it is told of the push once more."""
_COLOURS = {"done": "green", "running": "cyan", "late": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Watched:
    """How it stood when it was left; ``problem`` and ``hint`` say why it is not done."""

    code: int
    hosts: tuple[RolloutEntry, ...] = ()
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What we know ourselves: which revision of the vault goes with the one that is watched, the digests of its hosts
    there, whether a commit comes after that, and why a host may not be run with a digest, empty where it may."""

    vault: str
    digests: Mapping[str, str]
    is_later: Callable[[str], bool]
    find_lack: Callable[[str, str], str]


def watch(
    node: Node, environment: str, revision: str, known: Known, say: Callable[[str], None] = render.say
) -> Watched:
    """Until it is over. What the node holds though it has what it needs it has not heard of yet, and is given time
    for. Raises WaitingError where the node is Locked, or does not answer any more; ControlError."""
    node.knock()
    began, shown = time.monotonic(), dict[str, str]()
    for looks, told in enumerate(node.watch_promotion(environment), 1):
        hosts, head = read_hosts(told), str(told.get("head", ""))
        if _is_of(told, revision, known.vault):
            _show_news(hosts, shown, say)
        if head != revision and known.is_later(head):
            hint = f"see where it stands:\n\n  homeprod trials {environment}"
            return Watched(WAITS, hosts, f"{tell(head)[:12]} came after it, and hosts go there now", hint)
        has_time = time.monotonic() - began < _UNSEEN
        found = judge(told, revision, known.vault, hosts)
        if found is not None and not _is_early(node, told, found, known, has_time=has_time):
            return found
        if found is None and head != revision and not has_time:
            return _explain_unseen(node, told, revision)
        if looks % _KNOCKS == 0:
            node.require_ready()
            if found is not None or head != revision:
                node.knock()
    raise AssertionError


def _is_early(node: Node, told: Mapping[str, Any], found: Watched, known: Known, *, has_time: bool) -> bool:
    """Whether the node will say something else in a moment: a host that failed has another run due, and, as long as
    it ``has_time``, it holds hosts that lack nothing any more, or says of nobody that they follow though some do."""
    if found.code == REFUSED:
        held = [(str(one.get("host", "")), str(one.get("digest", ""))) for one in told.get("held") or ()]
        return has_time and bool(held) and not any(known.find_lack(*one) for one in held)
    try:
        hosts = node.find_hosts()
    except ControlError:
        return False
    if found.code == FAILED:
        failed = [hosts[one.host].state for one in found.hosts if one.state == "failed" and one.host in hosts]
        return any(state in ("due", "running") for state in failed)
    applied = {name: one.applied.digest for name, one in hosts.items() if one.applied.digest}
    is_behind = any(applied.get(name, digest) != digest for name, digest in known.digests.items())
    return has_time and found.code == DONE and not found.hosts and is_behind


def judge(told: Mapping[str, Any], revision: str, vault: str, hosts: tuple[RolloutEntry, ...]) -> Watched | None:
    """From the node's word of the environment, which is to be at the revision and that of the vault; None while it
    goes on."""
    environment = str(told.get("environment", ""))
    if told.get("head") == revision and not _is_admitted(told, revision, vault) and (why := _tell_held(told)):
        hint = f"see what each lacks, and how it is got:\n\n  homeprod trials {environment} {revision[:12]}"
        return Watched(REFUSED, hosts, f"the control node holds it: {why}", hint)
    if not _is_of(told, revision, vault):
        is_there = _is_admitted(told, revision, vault) and _state(told) in ("none", "done")
        return Watched(DONE) if is_there else None
    if _state(told) == "stopped":
        return _explain_stop(told, revision, hosts)
    if _state(told) != "done":
        return None
    late = [one.host for one in hosts if one.state == "late"]
    if late:
        problem = f"late, since nobody answers there: {', '.join(late)}"
        return Watched(WAITS, hosts, problem, "they converge by themselves once they are back")
    return Watched(DONE, hosts)


def _tell_held(told: Mapping[str, Any]) -> str:
    held = [f"{tell(one.get('host'))}: {tell(one.get('why'))}" for one in told.get("held") or ()]
    return "; ".join(held) or tell(told.get("problem"))


def _explain_stop(told: Mapping[str, Any], revision: str, hosts: tuple[RolloutEntry, ...]) -> Watched:
    failed = [one for one in hosts if one.state == "failed"]
    left = [one.host for one in hosts if one.state == "waiting"]
    words = "; ".join(f"{one.host}: {one.problem}" if one.problem else one.host for one in failed)
    words = words or tell((told.get("rollout") or {}).get("problem"))
    rest = f"; not reached, and as they were: {', '.join(left)}" if left else ""
    back = f"homeprod rollback --env {tell(told.get('environment'))}"
    hint = f"take it back, with all that it changed:\n\n  {back}"
    if failed:
        again = "".join(f"\n  homeprod control retry {one.host}" for one in failed)
        hint += f"\n\nor go on, once that is put right without a new revision:\n{again}"
    return Watched(FAILED, hosts, f"the roll-out of {revision[:12]} stopped at {words}{rest}", hint)


def _explain_unseen(node: Node, told: Mapping[str, Any], revision: str) -> Watched:
    try:
        problems = node.list_problems()
    except ControlError as error:
        problems = [error.message]
    head = tell(told.get("head"))[:12] or "no head at all"
    problem = f"{node.name} knows of {head} still, and not of {revision[:12]}"
    hint = f"see what it says:\n\n  homeprod control status {node.name}"
    if not told:
        problem = f"{node.name} knows of no gate there"
        hint = "its settings come with the rendered site: render it, commit it signed, and push it"
    problem += f": {'; '.join(map(tell, problems))}" if problems else ""
    return Watched(WAITS, (), problem, hint)


def _is_admitted(told: Mapping[str, Any], revision: str, vault: str) -> bool:
    return (told.get("admitted"), told.get("admitted_vault", vault)) == (revision, vault)


def _is_of(told: Mapping[str, Any], revision: str, vault: str) -> bool:
    is_named = (told.get("rollout") or {}).get("revision") == revision and _state(told) != "none"
    return is_named and _is_admitted(told, revision, vault)


def _state(told: Mapping[str, Any]) -> str:
    return str((told.get("rollout") or {}).get("state", "none"))


def read_hosts(told: Mapping[str, Any]) -> tuple[RolloutEntry, ...]:
    """In their order."""
    order = (told.get("rollout") or {}).get("order") or ()
    return tuple(
        RolloutEntry(host=tell(one.get("host")), state=tell(one.get("state")), problem=tell(one.get("problem")))
        for one in order
    )


def _show_news(hosts: tuple[RolloutEntry, ...], shown: dict[str, str], say: Callable[[str], None]) -> None:
    for one in hosts:
        if one.state != shown.get(one.host, "waiting"):
            state = render.paint_talk(one.state, _COLOURS.get(one.state, "dim"))
            say(f"{one.host}: {state}{f'  {one.problem}' if one.problem else ''}")
        shown[one.host] = one.state
