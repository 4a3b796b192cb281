"""``homeprod route``: the way in from outside, by the site's own table; nothing is asked of any machine."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.schema.route import TrialReport, WayReport
from homeprod.cli.showway import describe_trial, describe_way, find_line, show_way
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.network.expectations import Trial, try_expectations
from homeprod.network.explain import explain
from homeprod.network.rendered.files import render_entry
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.target import Target, read_target
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site

OTHERWISE = 1


def run(options: argparse.Namespace) -> int:
    if not options.verb:
        raise UsageError("which of explain and test?", hint="see:\n\n  homeprod route --help")
    target = _read_target(options.target) if options.verb == "explain" else None
    site = load_site(find_root(options.site))
    entry = require_entry(site)
    if target is None:
        return _test(site, entry, options)
    way = explain(site, entry, target, options.from_)
    if options.json:
        render.print_line(WayReport(way=describe_way(site, way, render_entry(site))).model_dump_json(indent=2))
    else:
        show_way(site, way, render_entry(site))
    return 0


def _read_target(text: str) -> Target:
    try:
        return read_target(text)
    except ValueError as error:
        raise UsageError(str(error.args[0]), hint="see:\n\n  homeprod route explain --help") from None


def require_entry(site: Site) -> Entry:
    """The site's own. Raises HomeprodError where it declares none."""
    if site.entry is not None:
        return site.entry
    hint = "write modules/_entry.py, with `entry = Entry(…)`; docs/how-to/entry.md shows one"
    raise HomeprodError("the site declares no way in", where=site.config.name, hint=hint)


def _test(site: Site, entry: Entry, options: argparse.Namespace) -> int:
    trials = [*try_expectations(site, entry)]
    if options.json:
        files = render_entry(site)
        report = TrialReport(trials=[describe_trial(site, trial, files) for trial in trials])
        render.print_line(report.model_dump_json(indent=2))
    else:
        _show_trials(site, trials)
    return OTHERWISE if any(trial.problem for trial in trials) else 0


def _show_trials(site: Site, trials: list[Trial]) -> None:
    for trial in trials:
        file, line = find_line(site, trial.expectation)
        words = trial.problem or trial.way.answer.words
        left = f"; not seen from here: {trial.left}" if trial.left else ""
        text = f"{trial.way.target} from {trial.way.from_}: {words}{left}"
        render.print_finding("fail" if trial.problem else "ok", text, f"{file}:{line}" if trial.problem else "")
    wrong = sum(bool(trial.problem) for trial in trials)
    if not trials:
        render.say("note: the Entry has no expectations=(Expectation(…),), so there is nothing to test")
    else:
        render.print_line(f"\n{len(trials)} expectations, {wrong or 'none'} otherwise")
