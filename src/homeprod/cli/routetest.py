"""``homeprod route test``: the site's expectations, held against its table, and with ``--live`` against what is."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from homeprod.cli import render
from homeprod.cli.schema.route import TrialEntry, TrialReport
from homeprod.cli.showwalk import describe_walk, tell_walk
from homeprod.cli.showway import describe_trial, find_line
from homeprod.cli.walking import NOTHING_ASKED, OTHERWISE, walk_ways
from homeprod.network.expectations import Trial, try_expectations
from homeprod.network.rendered.files import render_entry
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.sight import Walk
from homeprod.network.walk.trial import find_live_problem
from homeprod.site.entry.entry import Entry
from homeprod.site.site import Site


@dataclass(frozen=True, slots=True)
class _Tried:
    """``walk`` is None where nothing was to be asked."""

    trial: Trial
    walk: Walk | None

    @property
    def live_problem(self) -> str:
        return find_live_problem(self.trial.expectation, self.walk) if self.walk is not None else ""

    @property
    def is_otherwise(self) -> bool:
        return bool(self.trial.problem or self.live_problem)


def run_test(site: Site, entry: Entry, options: argparse.Namespace) -> int:
    trials = [*try_expectations(site, entry)]
    walks = walk_ways(site, entry, [trial.way for trial in trials], options) if options.is_live else []
    tried = [_Tried(trial, walks[number] if walks else None) for number, trial in enumerate(trials)]
    if options.json:
        files = render_entry(site)
        report = TrialReport(trials=[_describe(site, one, files) for one in tried])
        render.print_line(report.model_dump_json(indent=2))
    else:
        _show(site, tried, options.at)
    if any(one.is_otherwise for one in tried):
        return OTHERWISE
    return NOTHING_ASKED if any(walk.verdict == "not asked" for walk in walks) else 0


def _describe(site: Site, one: _Tried, files: Mapping[str, str]) -> TrialEntry:
    told = describe_trial(site, one.trial, files)
    if one.walk is None:
        return told
    return told.model_copy(update={"walk": describe_walk(one.walk), "live_problem": one.live_problem})


def _show(site: Site, tried: list[_Tried], at: Ip | None) -> None:
    for one in tried:
        _show_table(site, one.trial, is_seen=one.walk is not None)
        if one.walk is not None:
            _show_live(one.walk, one.live_problem, at)
    if not tried:
        render.say("note: the Entry has no expectations=(Expectation(…),), so there is nothing to test")
        return
    wrong = sum(one.is_otherwise for one in tried)
    render.print_line(f"\n{len(tried)} expectations, {wrong or 'none'} otherwise")


def _show_table(site: Site, trial: Trial, *, is_seen: bool) -> None:
    file, line = find_line(site, trial.expectation)
    words = trial.problem or trial.way.answer.words
    left = f"; not seen from here: {trial.left}" if trial.left and not is_seen else ""
    text = f"{trial.way.target} from {trial.way.from_}: {words}{left}"
    origin = " --from lan" if trial.way.from_ == "lan" else ""
    hint = f"{file}:{line}\nsee all of it:\n\n  homeprod route explain {shlex.quote(str(trial.way.target))}{origin}"
    render.print_finding("fail" if trial.problem else "ok", text, hint if trial.problem else "")


def _show_live(walk: Walk, problem: str, at: Ip | None) -> None:
    if problem:
        origin = " --from lan" if walk.way.from_ == "lan" else f" --at {at}" if at is not None else ""
        hint = f"see all of it:\n\n  homeprod route explain {shlex.quote(str(walk.way.target))}{origin} --probe"
        render.print_finding("fail", f"  for real: {problem}", hint)
    else:
        sign = "skip" if walk.verdict in ("not asked", "shown") else "ok"
        render.print_finding(sign, f"  for real: {tell_walk(walk)}", "")
