"""``homeprod watch``: one look, and a notice of what has changed since the last to people who do not look.

For a timer, on a machine that is not sealed: that a control node is Locked gets out without any of its secrets.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.extra import require_notices
from homeprod.core.errors import UsageError
from homeprod.site.loader import find_root

TYPE_CHECKING = False  # Apprise takes its time to load, and whoever only asks for what is wrong has none of it
if TYPE_CHECKING:
    from homeprod.notices.sender import Letter
    from homeprod.notices.targets import Target
    from homeprod.notices.watch import Delivered

WOULD_TELL, UNTOLD = 2, 3


def run(options: argparse.Namespace) -> int:
    if options.to is None and (options.test or not options.dry_run):
        hint = "name the file with the addresses, or only see what would be told\n\n  homeprod watch --dry-run"
        raise UsageError("nobody is named to tell", hint=hint)
    if options.test and options.dry_run:
        raise UsageError("--test tells something, and --dry-run nothing", hint="leave one out")
    require_notices()
    root = find_root(options.site)
    targets = _read_targets(options.to, root) if options.to is not None else ()
    if options.test:
        return _test(targets)
    return _rehearse(options, root, targets) if options.dry_run else _watch(options, root, targets)


def _read_targets(file: Path, root: Path) -> tuple[Target, ...]:
    from homeprod.notices.targets import read_targets

    if file.resolve().is_relative_to(root.resolve()):
        hint = "keep it elsewhere, as /etc/homeprod/notices"
        raise UsageError("the file with the addresses lies in the site, which git keeps", where=str(file), hint=hint)
    return read_targets(file)


def find_memory(options: argparse.Namespace, root: Path) -> Path:
    """Under systemd in the unit's own folder, else where a person's programs keep such things (XDG Base Directory
    Specification)."""
    if options.memory is not None:
        return Path(options.memory)
    place = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    site = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:8]
    lab = f"-{options.lab}" if options.lab else ""
    return Path(place or f"{state}/homeprod") / f"notices-{site}{lab}.json"


def _watch(options: argparse.Namespace, root: Path, targets: tuple[Target, ...]) -> int:
    from homeprod.cli.sighting import look
    from homeprod.notices.memory import hold, read_memory, write_memory
    from homeprod.notices.watch import tell

    file = find_memory(options, root)
    with hold(file):
        memory = read_memory(file)
        seen = look(options, root)
        with render.busy("telling"):
            done = tell(memory, targets, seen.sight, seen.site, lambda it: write_memory(file, it))
    _report(done, len(seen.sight.present), is_json=options.json)
    return UNTOLD if any(one.trouble for one in done) else 0


def _report(done: list[Delivered], present: int, *, is_json: bool) -> None:
    if is_json:
        told = [
            {"to": one.notice.target.name, "title": one.notice.letter.title, "was_taken": not one.trouble}
            for one in done
        ]
        render.print_json({"needs_a_person": present, "told": told})
    elif not done:
        render.print_line("nothing to tell")
    for one in done:
        if one.trouble:
            render.say(f"{one.notice.target.name} {one.trouble}: it is told at the next look")
        elif not is_json:
            render.print_line(f"told {one.notice.target.name}: {one.notice.letter.title}")


def _rehearse(options: argparse.Namespace, root: Path, targets: tuple[Target, ...]) -> int:
    """Nothing is sent, and nothing is remembered."""
    from homeprod.cli.sighting import look
    from homeprod.notices.memory import read_memory
    from homeprod.notices.watch import make_first_letter, make_notices

    memory = read_memory(find_memory(options, root))
    seen = look(options, root)
    memory.note_first(seen.sight)
    if targets:
        letters = [
            (f"to {one.target.name}", one.letter) for one in make_notices(memory, targets, seen.sight, seen.site)
        ]
    else:
        letter = make_first_letter(memory, seen.sight, seen.site)
        letters = [("to somebody who was told nothing yet", letter)] if letter else []
    _show(letters, len(seen.sight.present), len(memory.list_due(seen.sight)), is_json=options.json)
    return WOULD_TELL if letters else 0


def _show(letters: list[tuple[str, Letter]], present: int, due: int, *, is_json: bool) -> None:
    if is_json:
        told = [{"to": to, "title": letter.title, "body": letter.body} for to, letter in letters]
        render.print_json({"needs_a_person": present, "may_pass": present - due, "would_tell": told})
        return
    for to, letter in letters:
        render.print_line(f"{to}:\n\n  {letter.title}")
        render.print_line("".join(f"  {line}\n" for line in letter.body.splitlines()))
    if not letters:
        render.print_line("nothing to tell")
    if present > due:
        words = (
            "may pass by itself, and is told of if it" if present - due == 1 else "may pass, and are told of if they"
        )
        render.say(f"{present - due} {words} last{'s' if present - due == 1 else ''}")


def _test(targets: tuple[Target, ...]) -> int:
    from homeprod.notices.sender import Letter, send

    letter = Letter("homeprod: a test", "Notices of this site arrive here.")
    code = 0
    for target, trouble in send(dict.fromkeys(targets, letter)):
        if trouble:
            code = UNTOLD
            render.say(f"{target.name} {trouble}")
        else:
            render.print_line(f"{target.name} took it")
    return code
