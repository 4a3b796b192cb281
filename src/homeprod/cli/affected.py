"""``homeprod affected``: whose runs a change of the playbook repository may touch, and why."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.schema.affected import AffectedReport, HostEntry
from homeprod.core.errors import PromotionError
from homeprod.drivers.playbooks import VAULT_SETTING, Step, find_known_vault, read_step
from homeprod.promotion.affected import COUNTED_BEFORE, find_affected
from homeprod.promotion.document import UnreadableError

SOME = 2
_MOST = 6
"""Reasons of one host that are told."""
_NAME_IT = f"by --vault DIR or once by `git config {VAULT_SETTING} DIR`"


def run(options: argparse.Namespace) -> int:
    """Exits 2 where some host is affected."""
    clone = Path(options.repository)
    vault = options.vault or find_known_vault(clone)
    with render.busy("reading both revisions"):
        step = read_step(clone, options.span, vault)
        report = _compare(step)
    if vault is None:
        render.say(f"note: secrets were not looked at: name your clone of the vault, {_NAME_IT}")
    for name in _list_without_secrets(step, report):
        render.say(f"note: the vault repository has no folder {name} ({vault}, at {step.vault[:12]})")
    if options.json:
        render.print_json(report.model_dump(mode="json"))
    else:
        for line in _list_lines(report):
            render.print_line(line)
    return SOME if report.hosts else 0


def _compare(step: Step) -> AffectedReport:
    try:
        found = find_affected(*step.revisions)
    except UnreadableError as error:
        hint = "render the site anew, or go back to a revision that was rendered:\n\n  homeprod render --to DIR"
        raise PromotionError(f"the inventory cannot be read: {error}", hint=hint) from error
    hosts = [
        HostEntry(
            host=one.host,
            environment=one.environment,
            before=one.before,
            after=one.after,
            why=list(one.why),
            doubts=list(one.doubts),
        )
        for one in found
    ]
    return AffectedReport(before=step.before, after=step.after, vault=step.vault or None, hosts=hosts)


def _list_without_secrets(step: Step, report: AffectedReport) -> list[str]:
    """The environments of affected hosts of which nothing is in the vault that is at hand."""
    secrets = step.revisions[1].vault
    names = sorted({one.environment for one in report.hosts if one.environment})
    return [name for name in names if secrets is not None and not secrets.has_folder(name)]


def _list_lines(report: AffectedReport) -> Iterator[str]:
    span = f"{report.before[:12]}..{report.after[:12]}"
    if not report.hosts:
        yield f"{span}: no host's run can read what differs"
        return
    for one in report.hosts:
        yield f"{one.host}  ({one.environment})" if one.environment else one.host
        first, *more = one.why
        yield f"  {first}"
        since = "it did, since" if first == COUNTED_BEFORE else "since"
        yield from _cut([f"    {since} {words}" for words in one.doubts])
        yield from _cut([f"  {words}" for words in more])
    count = len(report.hosts)
    yield f"\n{span}: {count} {'host' if count == 1 else 'hosts'} may be changed"


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST
    return lines if more <= 1 else [*lines[:_MOST], f"  and {more} more"]
