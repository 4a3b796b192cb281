"""``homeprod status``: what needs a person first, then every machine of the site, as it is now. Only reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import groupby

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.observation import Observation, observe, share
from homeprod.cli.schema.status import (
    AppPart,
    AppsPart,
    BackupPart,
    CertificatePart,
    HostPart,
    MachinePart,
    MatterPart,
    NodePart,
    RunPart,
    StatusReport,
    VersionPart,
)
from homeprod.core.overview.age import tell_age
from homeprod.core.overview.apps import AppsLine
from homeprod.core.overview.host import HostLine, Version
from homeprod.core.overview.matter import Matter
from homeprod.core.overview.matters import list_matters
from homeprod.core.overview.snapshot import SeenBackup, SeenMachine
from homeprod.plan.plan import Plan
from homeprod.site.loader import find_root, load_site

_COLUMNS = ("name", "kind", "vmid", "node", "address", "state", "plan")
_MORE = ("configured", "drift", "apps", "backup")
"""Columns that are shown where some machine has something there."""
_PLAN = "homeprod plan"
_SHORT = 8
"""Characters of a revision."""


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        seen = observe(site, cluster, options, asks_nodes=not options.no_node)
        troubles = list(share(seen))
    if options.json:
        render.print_line(describe(seen).model_dump_json(indent=2))
    else:
        _show(seen)
    for trouble in troubles if options.debug else ():
        render.say(trouble)
    return 0


def find_matters(seen: Observation) -> list[Matter]:
    """The most pressing first."""
    lines = [node.line for node in seen.nodes if node.line is not None]
    return list_matters(lines, seen.snapshot, seen.taken)


def find_hosts(seen: Observation) -> dict[str, HostLine]:
    """By name, as the control node has it that configures it."""
    return {host.name: host for node in seen.nodes if node.line is not None for host in node.line.hosts}


def describe(seen: Observation) -> StatusReport:
    hosts = find_hosts(seen)
    pairs = zip(seen.rows, seen.snapshot.machines, strict=True)
    return StatusReport(
        matters=[
            MatterPart(text=one.text, command=render.advise_command(one.command) or None)
            for one in find_matters(seen)
        ],
        machines=[_describe_machine(row, machine, seen, hosts) for row, machine in pairs],
        nodes=[_describe_node(seen, number) for number in range(len(seen.nodes))],
        backups_unseen=seen.snapshot.backups_unseen or None,
    )


def _describe_machine(
    row: Mapping[str, object], machine: SeenMachine, seen: Observation, hosts: Mapping[str, HostLine]
) -> MachinePart:
    backup, host = machine.backup, hosts.get(machine.name)
    own = [CertificatePart.model_validate(one.describe()) for one in seen.shown if one.machine == machine.name]
    return MachinePart(
        **{name: row[name] for name in (*_COLUMNS, "waits")},
        kept_by=list(machine.kept_by),
        certificates=own,
        backup=BackupPart(is_in_job=backup.is_in_job, last=backup.last, has_none=backup.has_none),
        host=_describe_host(host) if host is not None else None,
    )


def _describe_host(host: HostLine) -> HostPart:
    run = host.last_run
    return HostPart(
        state=host.state,
        waits=host.waits,
        wanted=_describe_version(host.wanted),
        attempted=_describe_version(host.attempted),
        applied=_describe_version(host.applied),
        held_keys=list(host.held_keys),
        problem=host.problem,
        last_run=RunPart(id=run.id, status=run.status, ended=run.ended, problem=run.problem) if run else None,
        drift=host.drift,
        late=host.late,
        apps=_describe_apps(host.apps) if host.apps is not None else None,
    )


def _describe_apps(line: AppsLine) -> AppsPart:
    apps = [
        AppPart(
            name=app.name,
            state=app.state,
            is_well=app.is_well,
            applied=app.applied,
            wanted=app.wanted,
            verified=app.verified or None,
            since=app.since or None,
            problem=app.problem,
        )
        for app in line.apps
    ]
    return AppsPart(seen=line.heard, looked=line.looked, problem=line.problem, apps=apps)


def _describe_version(version: Version) -> VersionPart:
    return VersionPart(revision=version.revision, instance=version.instance)


def _describe_node(seen: Observation, number: int) -> NodePart:
    node = seen.nodes[number]
    line = node.line
    return NodePart(
        name=node.name,
        state=line.state if line is not None else None,
        since=line.since if line is not None else None,
        waiting=line.waiting if line is not None else None,
        troubles=[one.text for one in line.troubles] if line is not None else [],
        why_not=node.why_not or None,
    )


def _show(seen: Observation) -> None:
    matters = find_matters(seen)
    for command, some in groupby(matters, lambda matter: matter.command):  # what one command is for, has it once
        for matter in some:
            render.print_line(f"{render.paint('!', 'yellow')} {matter.text}")
        if command:
            render.print_line(render.advise(f"\n    {command}\n"))
    if matters:
        render.print_line()
    hosts = find_hosts(seen)
    rows = [
        {**row, **_tell_more(machine, hosts.get(machine.name), seen.taken)}
        for row, machine in zip(seen.rows, seen.snapshot.machines, strict=True)
    ]
    more = [name for name in _MORE if any(row[name] is not None for row in rows)]
    render.print_table((*_COLUMNS, *more), rows)
    commands = {matter.command for matter in matters}
    for line in _describe_rest(seen.planned.plan, rows, is_plan_named=_PLAN in commands):
        render.say(line)
    for one in seen.shown:
        render.say(str(one))
    for node in seen.nodes:
        if node.why_not:
            render.say(f"{node.name}: {'tells no more' if node.line else 'not asked'}: {node.why_not}")
    if seen.snapshot.backups_unseen:
        render.say(f"backups are not known: {seen.snapshot.backups_unseen}")


def _tell_more(machine: SeenMachine, host: HostLine | None, now: float) -> dict[str, object]:
    configured = None
    if host is not None:
        configured = f"{host.word} {host.applied.revision[:_SHORT]}".rstrip()
    drift = None if host is None else "late" if host.late is not None else host.drift
    apps = host.apps.describe(now) if host is not None and host.apps is not None else None
    return {"configured": configured, "drift": drift, "apps": apps, "backup": _tell_backup(machine.backup, now)}


def _tell_backup(backup: SeenBackup, now: float) -> str | None:
    if backup.last is not None:
        return f"{tell_age(now - backup.last)} ago" + (", in no job" if backup.is_in_job is False else "")
    if backup.is_in_job is False:
        return "in no job"
    return "none" if backup.has_none else None


def _describe_rest(plan: Plan, rows: Iterable[Mapping[str, object]], *, is_plan_named: bool) -> list[str]:
    lines = [f"{notice.address}: {notice.message}" for notice in plan.notices]
    files = sum(change.address.kind in ("image", "iso") for change in plan.changes)
    if files:
        more = "" if is_plan_named else f"; {render.advise(f'`{_PLAN}`')} names them"
        lines.append(f"{files} file{'s' * (files != 1)} to bring or take away{more}")
    return lines if rows else ["the site declares no machine"]
