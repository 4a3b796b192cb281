"""`make demo-all`: every chapter, one after the other, and how long each took."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from demo.stage import DemoError, tell

CHAPTERS = ("", "entry", "ongoing", "promotion", "control")
"""In their order: each goes on from where the one before ended."""


def name_chapter(chapter: str) -> str:
    return f"make demo-{chapter}" if chapter else "make demo"


def play_all(program: Path) -> None:
    """Each as a program of its own, as a person would. Raises DemoError at the first that fails; the times of those
    before are told all the same."""
    times: list[tuple[str, float]] = []
    try:
        for chapter in CHAPTERS:
            tell(f"\n==== {name_chapter(chapter)}")
            began = time.monotonic()
            code = _play(program, chapter)
            times.append((name_chapter(chapter), time.monotonic() - began))
            if code:
                raise DemoError(f"{name_chapter(chapter)} ended with {code}")
    finally:
        if times:
            tell(describe_times(times))


def _play(program: Path, chapter: str) -> int:
    with subprocess.Popen([sys.executable, str(program), *([chapter] if chapter else [])]) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()  # like one Ctrl-C: it ends what is under way, then goes
            child.wait()
            raise


def describe_times(times: list[tuple[str, float]]) -> str:
    """A line a chapter, and their sum."""
    total = sum(seconds for _, seconds in times)
    width = max(len(name) for name, _ in times)
    lines = [f"  {name.ljust(width)}  {seconds:7.1f} s" for name, seconds in times]
    lines.append(f"  {'in all'.ljust(width)}  {total:7.1f} s  ({total / 60:.1f} minutes)")
    return "\n".join(["\n==== chapters\n", *lines])
