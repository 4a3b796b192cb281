"""Matter: something that needs a person, the most pressing first; the page and `homeprod status` say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from homeprod.core.overview.age import tell_age
from homeprod.core.overview.host import HostLine, NodeLine
from homeprod.core.overview.snapshot import AS_DECLARED, SeenCertificate, SeenMachine, Snapshot

BACKUP_DAYS = 8
"""After so many a last backup is old: a weekly one that was missed shows on the day after."""
OLD_SECONDS = 86_400
"""After so many what was seen of Proxmox is old."""
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Matter:
    """``command`` is what a person types next; empty where there is none to name."""

    text: str
    command: str = ""


def list_matters(nodes: Sequence[NodeLine], snapshot: Snapshot | None, now: float) -> list[Matter]:
    """``now`` is seconds since 1970."""
    found: list[Matter] = []
    for make in (_list_states, _list_held, _list_failed, _list_drift, _list_troubles):
        for node in nodes:
            found += make(node, now)
    if snapshot is not None:
        found += [Matter(text) for text in snapshot.matters]
        found += _list_undeclared(snapshot.machines)
        found += _list_certificates(snapshot.certificates)
        found += _list_backups(snapshot.machines, now)
    for node in nodes:
        found += _list_untold(node)
    return found


def name_some(names: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    known = list(names)
    more = len(known) - _NAMED
    return ", ".join(known) if more <= 1 else f"{', '.join(known[:_NAMED])} and {more} more"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _list_states(node: NodeLine, now: float) -> Iterator[Matter]:
    if node.state != "Ready":
        waiting = f"; {_count(node.waiting, 'host waits', 'hosts wait')}" if node.waiting else ""
        yield Matter(f"{node.name} is {node.state} for {tell_age(now - node.since)}{waiting}", node.next)


def _list_held(node: NodeLine, _: float) -> Iterator[Matter]:
    for host in node.hosts:
        if host.held_keys:
            text = f"{host.name} came with another SSH host key, by {host.held_by}: {', '.join(host.held_keys)}"
            yield Matter(text, f"homeprod control trust {host.name}")


def _list_failed(node: NodeLine, _: float) -> Iterator[Matter]:
    """Hosts that failed of the same reason, together."""
    groups: dict[str, list[HostLine]] = {}
    for host in node.hosts:
        if host.state == "failed":
            problem = host.problem or (host.last_run.problem if host.last_run else "")
            groups.setdefault(problem.partition("\n")[0], []).append(host)
    for problem, hosts in groups.items():
        names = [host.name for host in hosts]
        text = f"{name_some(names)}: could not be configured" + (f": {problem}" if problem else "")
        run = hosts[0].last_run
        yield Matter(text, f"homeprod runs show {run.id}" if run else f"homeprod control retry {names[0]}")


def _list_drift(node: NodeLine, now: float) -> Iterator[Matter]:
    for host in node.hosts:
        if host.drift:
            yield Matter(f"{host.name} differs from its playbooks in {_count(host.drift, 'thing', 'things')}")
        if host.late is not None:
            yield Matter(f"{host.name} was not reached for {tell_age(now - host.late)}")


def _list_troubles(node: NodeLine, now: float) -> Iterator[Matter]:
    for one in node.troubles:
        yield Matter(f"{node.name}: {one.text} (for {tell_age(now - one.since)})")


def _list_undeclared(machines: Iterable[SeenMachine]) -> Iterator[Matter]:
    groups: dict[str, list[str]] = {}
    for machine in machines:
        if machine.plan not in (AS_DECLARED, "unknown", "conflict"):  # of those it is said apart
            groups.setdefault(machine.plan, []).append(machine.name)
    for words, names in groups.items():
        yield Matter(f"not as the site says: {name_some(names)} ({words})", "homeprod plan")


def _list_certificates(certificates: Iterable[SeenCertificate]) -> Iterator[Matter]:
    for one in certificates:
        if one.trouble:
            yield Matter(f"certificate {one.name} of {one.machine}: {one.trouble}")


def _list_backups(machines: Sequence[SeenMachine], now: float) -> Iterator[Matter]:
    left = [machine.name for machine in machines if machine.backup.is_in_job is False]
    if left:
        yield Matter(f"in no backup job: {name_some(left)}")
    covered = [machine for machine in machines if machine.backup.is_in_job is not False]
    none = [machine.name for machine in covered if machine.backup.has_none]
    if none:
        yield Matter(f"no backup is kept: {name_some(none)}")
    lasts = [(machine.name, machine.backup.last) for machine in covered if machine.backup.last is not None]
    old = [name for name, last in lasts if now - last > BACKUP_DAYS * 86_400]
    if old:
        yield Matter(f"last backup more than {BACKUP_DAYS} days ago: {name_some(old)}")


def _list_untold(node: NodeLine) -> Iterator[Matter]:
    if node.untold:
        yield Matter(f"{node.name} does not know yet: {name_some(node.untold)}", "homeprod apply")
    for host in node.hosts:
        if host.is_in_inventory is False:
            yield Matter(f"{host.name} is no more in the inventory", f"homeprod control forget {host.name}")
