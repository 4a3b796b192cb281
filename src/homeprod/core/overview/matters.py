"""What needs a person, the most pressing first; the page and `homeprod status` say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from homeprod.core.overview.age import tell_age
from homeprod.core.overview.appmatters import list_app_matters
from homeprod.core.overview.host import HostLine, NodeLine
from homeprod.core.overview.matter import BACKUPS, Matter, count_things, name_hosts, name_some
from homeprod.core.overview.snapshot import AS_DECLARED, SeenCertificate, SeenMachine, Snapshot

BACKUP_DAYS = 8
"""After so many a last backup is old: a weekly one that was missed shows on the day after."""
OLD_SECONDS = 86_400
"""After so many what was seen of Proxmox is old."""
_CYCLE = 60
"""Minutes between two looks of a node at a host, where it does not say."""
_SLACK = 300.0
STOPPED = "a roll-out has stopped"
"""How a node's trouble ends that passes by itself never."""
_MEANWHILE = 1800.0
"""Seconds for which somebody may be at work there."""


def list_matters(nodes: Sequence[NodeLine], snapshot: Snapshot | None, now: float) -> list[Matter]:
    """``now`` is seconds since 1970."""
    found: list[Matter] = []
    for make in (_list_states, _list_held, _list_failed, list_app_matters, _list_drift, _list_counts, _list_troubles):
        for node in nodes:
            found += make(node, now)
    if snapshot is not None:
        found += [Matter(text, about=text, patience=_MEANWHILE) for text in snapshot.matters]
        found += _list_undeclared(snapshot.machines)
        found += _list_certificates(snapshot.certificates)
        found += _list_backups(snapshot.machines, now)
    for node in nodes:
        found += _list_untold(node)
    return found


def _list_states(node: NodeLine, now: float) -> Iterator[Matter]:
    if node.state != "Ready":
        waiting = f"; {count_things(node.waiting, 'host waits', 'hosts wait')}" if node.waiting else ""
        yield Matter(
            f"{node.name} is {node.state} for {tell_age(now - node.since)}{waiting}",
            node.next,
            about=f"{node.name} state",
            source=node.name,
            names=(node.state, "somebody waits" if node.waiting else ""),
            since=node.since,
            brief=f"{node.name} is {node.state}{waiting}",
        )


def _list_held(node: NodeLine, _: float) -> Iterator[Matter]:
    for host in node.hosts:
        if host.held_keys:
            text = f"{host.name} came with another SSH host key, by {host.held_by}: {', '.join(host.held_keys)}"
            command = f"homeprod control trust {host.name}"
            yield Matter(text, command, f"{host.name} held", name_hosts(node.name), host.held_keys)


def _list_failed(node: NodeLine, _: float) -> Iterator[Matter]:
    """Hosts that failed of the same reason, together."""
    groups: dict[str, list[HostLine]] = {}
    for host in node.hosts:
        if host.state == "failed":
            problem = host.problem or (host.last_run.problem if host.last_run else "")
            groups.setdefault(problem.partition("\n")[0], []).append(host)
    for problem, hosts in groups.items():
        names = [host.name for host in hosts]
        brief = f"{name_some(names)}: could not be configured"
        run = hosts[0].last_run
        command = f"homeprod runs show {run.id}" if run else f"homeprod control retry {names[0]}"
        text = f"{brief}: {problem}" if problem else brief
        yield Matter(text, command, f"failed {names[0]}", name_hosts(node.name), tuple(names), brief=brief)


def _list_drift(node: NodeLine, now: float) -> Iterator[Matter]:
    for host in node.hosts:
        source, patience = name_hosts(node.name), 60.0 * (host.every or _CYCLE) + _SLACK
        if host.drift:
            text = f"{host.name} differs from its playbooks in {count_things(host.drift, 'thing', 'things')}"
            command = f"homeprod drift {host.name}"
            yield Matter(text, command, f"{host.name} drift", source, since=host.drift_since, patience=patience)
        if host.late is not None:
            text = f"{host.name} was not reached for {tell_age(now - host.late)}"
            brief = f"{host.name} is not reached"
            about = f"{host.name} late"
            yield Matter(text, "", about, source, since=host.late, patience=patience, brief=brief)


_COUNTED = {
    "held": ("whose new SSH host key waits for a person", 0.0),
    "ill": ("with apps that need a person", 0.0),
    "drifting": ("where something differs from the playbooks", _CYCLE * 60 + _SLACK),
    "late": ("not reached", _CYCLE * 60 + _SLACK),
}
"""What everybody is told of hosts, and for how many seconds it may pass by itself."""


def _list_counts(node: NodeLine, _: float) -> Iterator[Matter]:
    for name, (words, patience) in _COUNTED.items():
        if number := node.counts.get(name, 0):
            text = f"{node.name}: {count_things(number, 'host', 'hosts')} {words}"
            yield Matter(text, "", f"{node.name} {name}", node.name, patience=patience)


def _list_troubles(node: NodeLine, now: float) -> Iterator[Matter]:
    for one in node.troubles:
        text = f"{node.name}: {one.text} (for {tell_age(now - one.since)})"
        about = f"{node.name} {one.about or one.text}"
        brief = f"{node.name}: {one.about}" if one.about else ""
        patience = 0.0 if one.about.endswith(STOPPED) else _MEANWHILE
        yield Matter(text, "", about, node.name, since=one.since, patience=patience, brief=brief)


def _list_undeclared(machines: Iterable[SeenMachine]) -> Iterator[Matter]:
    groups: dict[str, list[str]] = {}
    for machine in machines:
        if machine.plan not in (AS_DECLARED, "unknown", "conflict"):  # of those it is said apart
            groups.setdefault(machine.plan, []).append(machine.name)
    for words, names in groups.items():
        text = f"not as the site says: {name_some(names)} ({words})"
        yield Matter(text, "homeprod plan", f"plan {words}", names=tuple(names), patience=_MEANWHILE)


def _list_certificates(certificates: Iterable[SeenCertificate]) -> Iterator[Matter]:
    for one in certificates:
        if one.trouble:
            text = f"certificate {one.name} of {one.machine}: {one.trouble}"
            about = f"certificate {one.name} of {one.machine}"
            brief = f"{about}: it is not known" if one.ends is None else text
            yield Matter(text, "", about, patience=_MEANWHILE, brief=brief)


def _list_backups(machines: Sequence[SeenMachine], now: float) -> Iterator[Matter]:
    left = [machine.name for machine in machines if machine.backup.is_in_job is False]
    if left:
        yield _tell_backups("in no backup job", left)
    covered = [machine for machine in machines if machine.backup.is_in_job is not False]
    none = [machine.name for machine in covered if machine.backup.has_none]
    if none:
        yield _tell_backups("no backup is kept", none)
    lasts = [(machine.name, machine.backup.last) for machine in covered if machine.backup.last is not None]
    old = [name for name, last in lasts if now - last > BACKUP_DAYS * 86_400]
    if old:
        yield _tell_backups(f"last backup more than {BACKUP_DAYS} days ago", old)


def _tell_backups(words: str, names: list[str]) -> Matter:
    return Matter(f"{words}: {name_some(names)}", "", words, BACKUPS, tuple(names), patience=_MEANWHILE)


def _list_untold(node: NodeLine) -> Iterator[Matter]:
    source = name_hosts(node.name)
    if node.untold:
        text = f"{node.name} does not know yet: {name_some(node.untold)}"
        yield Matter(text, "homeprod apply", f"{node.name} untold", source, node.untold, patience=_MEANWHILE)
    for host in node.hosts:
        if host.is_in_inventory is False:
            text, command = f"{host.name} is no more in the inventory", f"homeprod control forget {host.name}"
            yield Matter(text, command, f"{host.name} gone", source, patience=_MEANWHILE)
