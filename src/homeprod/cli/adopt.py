"""``homeprod adopt``: take over a machine that was there before the site. Writes modules, and reads Proxmox; with
``--disk``, moves one of its disks into a data VM."""

from __future__ import annotations

import argparse
from contextlib import closing

from homeprod.cli import render
from homeprod.cli.connection import connect
from homeprod.cli.handover import hand_over_disk
from homeprod.cli.plan import new_instance
from homeprod.cli.vocabulary import read_vocabulary
from homeprod.core.errors import HomeprodError, UsageError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.adopt import Adoption, draft_adoption
from homeprod.plan.change import Action
from homeprod.plan.desired import desire
from homeprod.plan.diff import diff
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site
from homeprod.site.writer import written_modules

USAGE = "say a VMID, or --disk NAME SLOT --to DATA-VM"
NEXT = """\

next: look at what was written, and change it until it says what you want; then, both reading first:

  homeprod plan{only}
  homeprod apply{only}

The plan shows `=` and the marks: lines in the note, and a tag. Nothing is restarted, nothing else is changed."""


def run(options: argparse.Namespace) -> int:
    if (options.vmid is None) == (options.disk is None):
        raise UsageError(USAGE, hint="see:\n\n  homeprod adopt --help")
    _check_options(options)
    site = load_site(find_root(options.site))
    with closing(connect(site, options)) as cluster:
        if options.disk is not None:
            return hand_over_disk(site, cluster, options)
        return _adopt(site, cluster, options)


def _check_options(options: argparse.Namespace) -> None:
    """An option of the other form would do nothing, and whoever gave it expects something. Raises UsageError."""
    given = {"--to": options.to, "--label": options.label, "--yes": options.yes}
    given |= {"--wait-lease": options.wait_lease, "--break-lease": options.break_lease}
    words = "goes with --disk NAME SLOT: taking over a machine only writes modules"
    if options.disk is not None:
        given, words = {"--as": options.name}, "does not go with --disk: the data VM is named by --to"
    if odd := next((option for option, value in given.items() if value), None):
        raise UsageError(f"{odd} {words}", hint="see:\n\n  homeprod adopt --help")


def _adopt(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> int:
    vocabulary = read_vocabulary(site, options.environment)
    with render.busy("reading Proxmox"):
        adoption = draft_adoption(cluster, site, vocabulary, options.vmid, options.name or "")
    with written_modules(site.root, {draft.stem: draft.text for draft in adoption.drafts}) as written:
        more = _check(written, adoption)
    for draft in adoption.drafts:
        render.print_line(f"wrote {(site.root / 'modules' / f'{draft.stem}.py')}: {draft.name}")
    for remark in [*adoption.remarks, *more]:
        render.say(f"note: {remark}")
    only = "".join(f" --only {draft.name}" for draft in adoption.drafts[-1:])
    render.say(NEXT.format(only=only))
    return 0


def _check(site: Site, adoption: Adoption) -> list[str]:
    """What a plan would do with the modules. Raises HomeprodError for a conflict; gives what is more than marks,
    which only a disk of a data VM that the site had before can bring."""
    names = {draft.name for draft in adoption.drafts}
    mine = {address for address in desire(site) if address.name in names}
    plan = diff(site, adoption.actual, new_instance).only(frozenset(mine))
    for conflict in plan.conflicts:
        hint = f"{conflict.hint}\n\nnothing was written"
        raise HomeprodError(conflict.message, where=str(conflict.address), hint=hint)
    return [
        f"the plan will change {difference.attribute} of {change.address.name} too"
        for change in plan.of(Action.ADOPT)
        for difference in change.differences
        if difference.attribute not in ("mark", "tags")
    ]
