"""``homeprod route``: the way in, by the site's own table; with ``--probe`` and ``--live`` as it is for real, too."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.asked import read_asked
from homeprod.cli.routetest import run_test
from homeprod.cli.schema.route import WayReport
from homeprod.cli.showwalk import describe_walk, show_walk
from homeprod.cli.showway import describe_way, show_way
from homeprod.cli.walking import NOTHING_ASKED, OTHERWISE, walk_ways
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.network.explain import explain, is_hidden
from homeprod.network.rendered.files import render_entry
from homeprod.network.walk.sight import Verdict
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site

_CODES: dict[Verdict, int] = {"differs": OTHERWISE, "not asked": NOTHING_ASKED}


def run(options: argparse.Namespace) -> int:
    if not options.verb:
        raise UsageError("which of explain and test?", hint="see:\n\n  homeprod route --help")
    target = read_asked(options.target) if options.verb == "explain" else None
    _check_at(options)
    site = load_site(find_root(options.site))
    entry = require_entry(site)
    _check_outer(site, entry, options)
    if target is None:
        return run_test(site, entry, options)
    return _explain(site, entry, explain(site, entry, target, options.from_), options)


def _check_at(options: argparse.Namespace) -> None:
    if options.at is None:
        return
    if not options.is_live:
        flag = "--probe" if options.verb == "explain" else "--live"
        raise UsageError(f"--at is of use with {flag} alone", hint="without it no machine is asked")
    if options.verb == "explain" and options.from_ == "lan":
        raise UsageError("--at is the router's outer address, and --from lan never gets there", hint="leave one out")


def _check_outer(site: Site, entry: Entry, options: argparse.Namespace) -> None:
    """Raises UsageError where the router cannot have it outside."""
    if options.at is not None and is_hidden(site, entry, options.at):
        hint = "leave --at out to ask here, in the LAN; or name the address that the router has outside"
        raise UsageError(f"--at {options.at} is inside of the LAN, so it is no outer address", hint=hint)


def require_entry(site: Site) -> Entry:
    """The site's own. Raises HomeprodError where it declares none."""
    if site.entry is not None:
        return site.entry
    hint = "write modules/_entry.py, with `entry = Entry(…)`; docs/how-to/entry.md shows one"
    raise HomeprodError("the site declares no way in", where=site.config.name, hint=hint)


def _explain(site: Site, entry: Entry, way: Way, options: argparse.Namespace) -> int:
    files = render_entry(site)
    if not options.json:
        show_way(site, way, files)
    found = walk_ways(site, entry, [way], options)[0] if options.is_live else None
    if options.json:
        walked = describe_walk(found) if found is not None else None
        render.print_line(WayReport(way=describe_way(site, way, files), walk=walked).model_dump_json(indent=2))
    elif found is not None:
        show_walk(found)
    return _CODES.get(found.verdict, 0) if found is not None else 0
