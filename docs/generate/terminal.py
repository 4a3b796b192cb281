"""Write docs/pictures/terminal.svg (`make docs`): a plan and an apply as a terminal shows them.

What they print is recorded: the program itself runs, in a pseudo-terminal, against a lab that boots nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pexpect

from homeprod.diagram.svg import colour, escape_words, frame

PICTURES = Path(__file__).parents[1] / "pictures"
WIDE, NARROW = 96, 50
"""Columns of a terminal, and of one on a phone."""
CELL, LINE, MARGIN = 7.8, 19.0, 18.0
PROGRAM = (sys.executable, "-m", "homeprod")
LAB = "rehearsal"
ASKED = r"\[yes/no\] $"
NEW_MACHINE = '''\
"""web: 192.0.2.22, VMID 4001022."""

from homeprod import Disk, GiB, VirtualMachine
from modules._config import debian_13, lab, ssd, you

vm = VirtualMachine(number=22, environment=lab, image=debian_13, boot=Disk(16 * GiB, on=ssd), people=(you,))
'''
COLOURS = {31: "red", 32: "green", 33: "amber", 35: "violet", 36: "blue"}
"""By the number that the program sends."""
RED = ("#d1242f", "#f85149")
Span = tuple[str, str]
"""Words, and their colour; empty for none."""


def record() -> list[str]:
    """Every line of the terminal. The site is the one that `homeprod init` writes, made once already; then its disk
    has grown, and a second machine was declared."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPROD_")}
        environment |= {"XDG_STATE_HOME": f"{folder}/state", "XDG_CACHE_HOME": f"{folder}/cache", "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        site = Path(folder) / "home"
        _run(environment, folder, "init", "home")
        _write_id(site)
        try:
            _run(environment, site, "lab", "up", LAB, "--no-boot")
            _run(environment, site, "--lab", LAB, "apply", "--no-wait", "--yes")
            _change(site)
            return [
                *_watch(environment, site, "--lab", LAB, "plan"),
                "",
                *_watch(environment, site, "--lab", LAB, "apply", "--no-wait"),
            ]
        finally:
            _run(environment, folder, "lab", "down", LAB, "--disks")


def _run(environment: dict[str, str], folder: str | Path, *arguments: str) -> None:
    subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _write_id(site: Path) -> None:
    """The same each time: it stands in names."""
    config = site / "modules" / "_config.py"
    config.write_text(re.sub(r'id="[0-9a-f-]{36}"', 'id="3f2a6c10-5b1e-4c58-9d0e-7a64b1c2d3e4"', config.read_text()))


def _change(site: Path) -> None:
    disk = site / "modules" / "files_data_vm.py"
    disk.write_text(disk.read_text().replace("20 * GiB", "40 * GiB"))
    (site / "modules" / "web_vm.py").write_text(NEW_MACHINE)


def _watch(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[str]:
    """What is typed, and what the terminal shows after it; a question is answered with yes."""
    yield f"$ homeprod {' '.join(arguments)}"
    program, *before = PROGRAM
    terminal = pexpect.spawn(
        program,
        [*before, *arguments],
        cwd=folder,
        env=environment,
        dimensions=(50, 200),
        encoding="utf-8",
        timeout=60,
    )
    shown = ""
    try:
        while terminal.expect([ASKED, pexpect.EOF]) == 0:
            shown += f"{terminal.before}{terminal.after}"
            terminal.sendline("yes")
    finally:
        terminal.close(force=True)
    shown += terminal.before or ""
    for line in shown.replace("\r\n", "\n").rstrip().split("\n"):
        if not line.endswith(" …"):  # what takes more than a second, which is another thing each time
            yield line.rpartition("\r\033[K")[2].rstrip()  # before that stood progress, which was taken back


def read_colours(line: str) -> list[Span]:
    """A line with a terminal's colours in it, as spans."""
    spans, shade = [], ""
    for part in re.split(r"(\033\[[0-9;]*m)", line):
        if found := re.fullmatch(r"\033\[([0-9;]*)m", part):
            shade = COLOURS.get(int(found[1] or 0), "")
        elif part:
            spans.append((part, shade))
    return spans


def fold(spans: list[Span], columns: int) -> Iterator[list[Span]]:
    """As a terminal does that is no wider."""
    row: list[Span] = []
    for words, shade in spans:
        for sign in words:
            if sum(len(part) for part, _ in row) == columns:
                yield row
                row = []
            if row and row[-1][1] == shade:
                row[-1] = (row[-1][0] + sign, shade)
            else:
                row.append((sign, shade))
    yield row


def draw_terminal(lines: list[str], columns: int) -> str:
    rows = [row for line in lines for row in fold(read_colours(line), columns)]
    size = columns * CELL + 2 * MARGIN, len(rows) * LINE + 2 * MARGIN
    commands = ", then ".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))
    return frame("A plan and an apply", f"A terminal: {commands}", size, _list_rules(), _draw_rows(rows))


def _list_rules() -> Iterator[str]:
    font = 'ui-monospace, "Cascadia Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'
    yield f".page {{ {colour('fill', 'card')} }}"
    yield f"text {{ {colour('fill', 'ink')}; font: 12.5px {font}; white-space: pre }} .typed {{ font-weight: 600 }}"
    yield f".red {{ fill: {RED[0]} }} @media (prefers-color-scheme: dark) {{ .red {{ fill: {RED[1]} }} }}"
    yield from (f".{name} {{ {colour('fill', name)} }}" for name in COLOURS.values() if name != "red")


def _draw_rows(rows: list[list[Span]]) -> Iterator[str]:
    """Each span is as long as its cells, whatever font there is."""
    for number, row in enumerate(rows):
        column = 0
        for words, shade in row:
            left = len(words) - len(words.lstrip(" "))
            seen = words.strip(" ")
            kind = "typed" if words.startswith("$ ") else shade or "plain"
            if seen:
                place = f'x="{MARGIN + (column + left) * CELL:.1f}" y="{MARGIN + (number + 0.72) * LINE:.1f}"'
                length = f'textLength="{len(seen) * CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
                yield f'<text class="{kind}" {place} {length}>{escape_words(seen)}</text>'
            column += len(words)


if __name__ == "__main__":
    recorded = record()
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "terminal.svg").write_text(draw_terminal(recorded, WIDE), encoding="utf-8")
    (PICTURES / "terminal-narrow.svg").write_text(draw_terminal(recorded, NARROW), encoding="utf-8")
