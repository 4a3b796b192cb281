"""The columns of the page's table, a function each: what a machine has there. An empty column is not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from homeprod.control.promotion.stage import StageState
from homeprod.core.overview.age import count_days, tell_age
from homeprod.core.overview.apps import LINGERING, AppLine
from homeprod.core.overview.apps import OLD_SECONDS as APPS_OLD
from homeprod.core.overview.host import HostLine, Version
from homeprod.core.overview.matters import BACKUP_DAYS
from homeprod.core.overview.snapshot import SeenCertificate
from homeprod.web.page.look import Look, MachineLine

Tone = Literal["", "good", "wary", "bad", "soft"]
_REVISION = 8
"""Characters of a revision, and of an instance, that are shown; all of it where the pointer rests."""
_PROBLEM = 160
_APPS = 8
"""Of a host that are told by name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """``notes`` are smaller, a line each; ``full`` is what the words stand for."""

    text: str = ""
    tone: Tone = ""
    notes: tuple[str, ...] = ()
    full: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    name: Cell
    cells: tuple[Cell, ...]


def _show_name(line: MachineLine, _: Look) -> Cell:
    seen = line.seen
    facts = [line.environment] if line.environment else []
    if seen is not None:
        facts += [f"VMID {seen.vmid}", *([seen.address] if seen.address else [])]
    return Cell(line.name, notes=(" · ".join(facts),) if facts else ())


def _show_proxmox(line: MachineLine, look: Look) -> Cell:
    seen = line.seen
    if seen is None:
        return Cell("not seen", "soft") if look.kept is not None else Cell()
    tone: Tone = "good" if seen.state == "running" else "soft" if seen.is_as_declared else "wary"
    notes = (f"on {seen.node}", *(() if seen.is_as_declared else (seen.plan,)))
    return Cell(seen.state, tone if not look.is_old else "soft", notes)


def _show_configured(line: MachineLine, look: Look) -> Cell:
    host = line.host
    if host is None:
        return _show_other_node(line, look)
    tones: dict[str, Tone] = {"current": "good", "failed": "bad", "key held": "bad", "never configured": "soft"}
    problem = host.problem.partition("\n")[0]
    words = f"{problem[:_PROBLEM]}…" if len(problem) > _PROBLEM else problem
    notes = (*_tell_versions(host), *((words,) if words else ()))
    return Cell(host.word, tones.get(host.word, "wary"), notes, _tell_whole(host))


def _show_other_node(line: MachineLine, look: Look) -> Cell:
    if not line.control_node:
        return Cell()
    return Cell("waits for apply" if line.control_node == look.node.name else f"by {line.control_node}", "soft")


def _tell_versions(host: HostLine) -> Iterable[str]:
    """What is there, and beside it what should be, where that is something else."""
    if host.applied.revision or host.applied.instance:
        yield f"applied {_shorten(host.applied)}"
    if host.wanted != host.applied and (host.wanted.revision or host.wanted.instance):
        yield f"wanted {_shorten(host.wanted)}"
    if host.attempted not in (host.applied, host.wanted) and (host.attempted.revision or host.attempted.instance):
        yield f"attempted {_shorten(host.attempted)}"


def _tell_whole(host: HostLine) -> str:
    versions = (("wanted", host.wanted), ("attempted", host.attempted), ("applied", host.applied))
    return "\n".join(f"{word}: {one.revision or '–'}, instance {one.instance or '–'}" for word, one in versions)


def _shorten(version: Version) -> str:
    return " · ".join(word for word in (version.revision[:_REVISION], version.instance) if word)


def _show_run(line: MachineLine, look: Look) -> Cell:
    run = line.host.last_run if line.host is not None else None
    if run is None:
        return Cell()
    tones: dict[str, Tone] = {"successful": "good", "failed": "bad", "timeout": "bad", "canceled": "wary"}
    when = (f"{tell_age(look.now - run.ended)} ago",) if run.ended is not None else ()
    return Cell(run.status, tones.get(run.status, ""), (f"run {run.id}", *when))


def _show_drift(line: MachineLine, look: Look) -> Cell:
    host = line.host
    if host is None or (host.drift is None and host.late is None):
        return Cell()
    if host.late is not None:
        return Cell("late", "wary", (f"not reached for {tell_age(look.now - host.late)}",))
    return Cell(f"{host.drift} differ", "wary") if host.drift else Cell("none", "good")


def _show_rollout(line: MachineLine, look: Look) -> Cell:
    """Of what was admitted last, for machines that follow it."""
    stages = (stage for gate in look.gates for stage in gate.rollout.stages if stage.host == line.name)
    stage = next(stages, None)
    if stage is None:
        return Cell()
    tones: dict[StageState, Tone] = {StageState.DONE: "good", StageState.FAILED: "bad", StageState.LATE: "wary"}
    notes = (stage.problem[:_PROBLEM],) if stage.problem else ()
    return Cell(stage.state.value, tones.get(stage.state, ""), notes)


def _show_apps(line: MachineLine, look: Look) -> Cell:
    """Those that are well as a number, the others by name."""
    apps = line.host.apps if line.host is not None else None
    if apps is None:
        return Cell()
    notes = [apps.problem[:_PROBLEM]] if apps.problem else []
    notes += [_tell_app(app, look.now) for app in apps.ill[:_APPS]]
    notes += [f"and {len(apps.ill) - _APPS} more"] if len(apps.ill) > _APPS else []
    is_old = look.now - apps.looked > APPS_OLD
    notes += [f"as it was {tell_age(look.now - apps.looked)} ago"] if is_old or apps.stood_still > LINGERING else []
    is_bad = bool(apps.problem) or any(not app.may_pass for app in apps.ill)
    tone: Tone = "bad" if is_bad else "wary" if apps.ill or is_old else "good"
    text = f"{apps.well} of {apps.count} well" if apps.well < apps.count else f"{apps.well} well"
    return Cell(text, tone, tuple(notes), "\n".join(_tell_whole_app(app) for app in apps.apps))


def _tell_app(app: AppLine, now: float) -> str:
    since = f" for {tell_age(now - app.since)}" if app.since else ""
    problem = f": {app.problem[:_PROBLEM]}" if app.problem else ""
    return f"{app.name} {app.word}{since}{problem}"


def _tell_whole_app(app: AppLine) -> str:
    wanted = f", wanted {app.wanted[:_REVISION]}" if app.wanted != app.applied else ""
    by = f", signed by {app.verified}" if app.verified else ""
    return f"{app.name}: {app.state}, applied {app.applied[:_REVISION] or '–'}{wanted}{by}"


def _show_certificates(line: MachineLine, look: Look) -> Cell:
    known = [_show_certificate(one, look) for one in line.certificates]
    if not known:
        return Cell()
    worst = min(known, key=lambda cell: ("bad", "wary", "", "good").index(cell.tone))
    return Cell(worst.text, worst.tone, tuple(note for cell in known for note in cell.notes))


def _show_certificate(one: SeenCertificate, look: Look) -> Cell:
    if one.ends is None:
        return Cell("not known", "wary", (f"{one.name}: {one.trouble}",))
    days = count_days(one.ends - look.now)
    tone: Tone = "bad" if days < 0 else "wary" if one.trouble else "good"
    return Cell("expired" if days < 0 else f"{days} d left", tone, (one.name,))


def _show_backup(line: MachineLine, look: Look) -> Cell:
    if line.seen is None or line.seen.kind == "data-vm":  # its disks are in the backup of the machine that uses them
        return Cell()
    backup = line.seen.backup
    notes = ("in no backup job",) if backup.is_in_job is False else ()
    tone: Tone = "wary" if notes else ""
    if backup.last is not None:
        age = look.now - backup.last
        return Cell(f"{tell_age(age)} ago", "wary" if age > BACKUP_DAYS * 86_400 else tone or "good", notes)
    if backup.has_none:
        return Cell("none", "wary", notes)
    return Cell("not known", tone or "soft", notes)


def _show_keeper(line: MachineLine, _: Look) -> Cell:
    return Cell(" + ".join(word.title() for word in line.kept_by))


COLUMNS: tuple[tuple[str, Callable[[MachineLine, Look], Cell]], ...] = (
    ("Proxmox", _show_proxmox),
    ("Configured", _show_configured),
    ("Last run", _show_run),
    ("Roll-out", _show_rollout),
    ("Drift", _show_drift),
    ("Apps", _show_apps),
    ("Certificate", _show_certificates),
    ("Backup", _show_backup),
    ("Kept by", _show_keeper),
)
"""By heading. A new fact is one function more, and its line here."""


def lay_table(look: Look) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """The headings, and a row a machine."""
    shown = [(title, [show(line, look) for line in look.machines]) for title, show in COLUMNS]
    shown = [(title, cells) for title, cells in shown if any(cell.text for cell in cells)]
    names = [_show_name(line, look) for line in look.machines]
    rows = (Row(name, tuple(cells[number] for _, cells in shown)) for number, name in enumerate(names))
    return tuple(title for title, _ in shown), tuple(rows)
