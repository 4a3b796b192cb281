"""``homeprod-apps``: what a person on the machine, and its timer, call."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .belief import find_who
from .cycle import Cycle
from .git import GitError
from .lock import BusyError, hold
from .memory import read_memory, write_memory
from .mirror import ACCEPTED, Mirror
from .problem import Problem
from .settings import FILE, Settings, read_settings
from .status import Status, read_status

_ENDING = """\
ends with 0 where all is as git says, 1 where somebody is needed, 2 where only a git server does not answer, 64 for a
wrong call; run ends with 0 while another run is under way
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("homeprod-apps", description=__doc__, epilog=_ENDING)
    parser.add_argument("--settings", type=Path, default=FILE, help="default: %(default)s")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="fetch, verify, and run what is new")
    run.add_argument("--patient", action="store_true", help="let be what failed a moment ago, as the timer does")
    status = verbs.add_parser("status", help="what runs, and since when")
    status.add_argument("--json", action="store_true", help="the status file as it is")
    verbs.add_parser("verify", help="verify again what runs, by those who may sign now")
    accept = verbs.add_parser(
        "accept", help="take a branch whose history was rewritten, or a revision that was not well"
    )
    accept.add_argument("app", help="its name or its branch; _config for the configuration")
    try:
        chosen = parser.parse_args(arguments)
    except SystemExit as end:
        return 64 if end.code else 0
    try:
        return _act(chosen, read_settings(chosen.settings))
    except Problem as problem:
        _say(f"homeprod-apps: {problem.message}", problem.hint)
        return 0 if isinstance(problem, BusyError) and chosen.verb == "run" else 1


def _act(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.verb == "run":
        status = Cycle(settings, insists=not chosen.patient).run()
        for line in _tell_run(status):
            _say(line)
        return status.code
    if chosen.verb == "status":
        return _show_status(settings, as_json=chosen.json)
    return _verify(settings) if chosen.verb == "verify" else _accept(settings, chosen.app)


def _tell_run(status: Status) -> Iterator[str]:
    yield from status.notes
    if status.problem:
        yield f"{status.problem}\n{status.hint}".strip()
    parts = {"the configuration": status.configuration, **status.apps}
    for name, part in parts.items():
        if part.problem:
            yield f"{name}: {part.state}: {part.problem}\n{part.hint}".strip()
    yield f"{status.host}: {status.state}"


def _show_status(settings: Settings, *, as_json: bool) -> int:
    status = read_status(settings.folder)
    if as_json:
        _print(json.dumps(status, indent=1, sort_keys=True, ensure_ascii=False))
    else:
        for line in _tell_status(status):
            _print(line)
    return {"current": 0, "waits": 2}.get(str(status["state"]), 1)


def _tell_status(status: dict[str, Any]) -> Iterator[str]:
    yield f"{status['host']}: {status['state']}, looked at {_tell_time(status['ended'])}"
    if status["problem"]:
        yield f"  {status['problem']}"
    for name, part in {"_config": status["configuration"], **status["apps"]}.items():
        by = f", signed by {part['verified']}" if part["verified"] else ""
        yield f"{name:20} {part['state']:12} {part['applied'][:12] or '-':12} since {_tell_time(part['since'])}{by}"
        if part["wanted"] != part["applied"]:
            yield f"{'':20} wanted {part['wanted'][:12] or '-'}"
        if part["problem"]:
            yield f"{'':20} {part['problem']}"
        for service, state in part["services"].items():
            yield f"{'':20} {service}: {state}"


def _tell_time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "-"


def _verify(settings: Settings) -> int:
    code = 0
    status = read_status(settings.folder)
    memory = read_memory(settings.folder / "memory.json")
    for name, part in {"_config": status["configuration"], **status["apps"]}.items():
        known = memory.apps.get(name)
        for folder in (settings.folder / "mirrors").glob(f"{name}-????????????.git"):
            if known is not None and known.applied is not None and known.applied.mirror != folder.name:
                continue
            mirror = Mirror(folder, part["url"], part["branch"])
            try:
                _print(f"{name:20} {part['applied'][:12]} {find_who(mirror, part['applied'], settings)}")
            except (Problem, GitError) as error:
                _print(f"{name:20} {error}")
                code = 1
    return code


def _accept(settings: Settings, wanted: str) -> int:
    """The signature is asked for all the same."""
    with hold(settings.folder / "lock"):
        status = read_status(settings.folder)
        parts = {"_config": status["configuration"], **status["apps"]}
        name = next((one for one, part in parts.items() if wanted in (one, part["branch"])), None)
        if name is None:
            raise Problem(f"there is no app {wanted}", f"there are: {', '.join(parts)}")
        for folder in (settings.folder / "mirrors").glob(f"{name}-????????????.git"):
            mirror = Mirror(folder, "", "")
            if mirror.git.find(ACCEPTED):
                mirror.git.ask("update-ref", "-d", ACCEPTED)
        memory = read_memory(settings.folder / "memory.json")
        if name in memory.apps:
            memory.apps[name].bad, memory.apps[name].why_bad = None, ""
            memory.apps[name].tried = ""
        write_memory(settings.folder / "memory.json", memory)
    _say(f"{name}: the next run takes what is published, where it is signed", "    homeprod-apps run")
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say(*lines: str) -> None:
    for line in filter(None, lines):
        sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
