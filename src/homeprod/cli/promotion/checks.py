"""The site's own checks after a trial, of the hosts that were tried: ways that lead over them, and their apps.

A service may take a moment until it answers, so what is not as it should be is looked at again for a while.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from homeprod.cli.walking import walk_ways
from homeprod.core.overview.apps import AppsLine
from homeprod.network.expectations import try_expectations
from homeprod.network.walk.trial import find_live_problem
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry
from homeprod.site.site import Site

SETTLING = 30.0
"""Seconds in which what is not as it should be may become so."""
_PAUSE = 3.0


class SiteChecks:
    """``find_apps`` tells what a host said of its apps when it was configured last. ``unseen`` are expectations that
    could not be asked from here when it was called last."""

    def __init__(
        self,
        site: Site,
        find_apps: Callable[[str], AppsLine | None],
        options: argparse.Namespace,
        seconds: float = SETTLING,
    ) -> None:
        self._site, self._find_apps, self._options, self._seconds = site, find_apps, options, seconds
        self.unseen: list[str] = []

    def __call__(self, hosts: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """What is not as it should be, by host; hosts where all is are left out. Raises HomeprodError where nobody
        can look."""
        ends = time.monotonic() + self._seconds
        while True:
            found = self._look(hosts)
            if not found or time.monotonic() >= ends:
                return found
            time.sleep(_PAUSE)

    def _look(self, hosts: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if self._site.entry is not None:
            for host, words in self._walk(self._site.entry, hosts):
                found.setdefault(host, []).append(words)
        for host in hosts:
            for words in list_ill_apps(self._find_apps(host)):
                found.setdefault(host, []).append(words)
        return found

    def _walk(self, entry: Entry, hosts: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Of the Entry's expectations, by the table and for real."""
        trials = [one for one in try_expectations(self._site, entry) if list_touched(one.way, hosts)]
        walks = walk_ways(self._site, entry, [one.way for one in trials], self._options) if trials else []
        self.unseen = [_name(one.way) for one, it in zip(trials, walks, strict=True) if it.verdict == "not asked"]
        for trial, walk in zip(trials, walks, strict=True):
            if problem := trial.problem or find_live_problem(trial.expectation, walk):
                for host in list_touched(trial.way, hosts):
                    yield host, f"{_name(trial.way)}: {problem}"


def list_touched(way: Way, hosts: Sequence[str]) -> list[str]:
    """Those that the way leads over, or to."""
    passed = {name for hop in way.hops for name in (hop.name, hop.place.name if hop.place is not None else "")}
    return [host for host in hosts if host in passed]


def _name(way: Way) -> str:
    return f"{way.target} from {way.from_}"


def list_ill_apps(line: AppsLine | None) -> list[str]:
    """Of what the host said of its apps when it was configured last; what may pass by itself is no finding."""
    if line is None:
        return []
    told = [f"its apps: {line.problem}"] if line.problem else []
    ill = [one for one in line.ill if not one.may_pass]
    return [*told, *(f"app {one.name} is {one.word}{f': {one.problem}' if one.problem else ''}" for one in ill)]
