"""``homeprod apps publish``: one branch for each app of each host, moving only where its own files have changed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from homeprod.apps.host import Host
from homeprod.apps.lint import lint
from homeprod.apps.publication import Publication, list_targets, plan_publication
from homeprod.cli import render
from homeprod.cli.apps.look import find_machines, require_right
from homeprod.cli.apps.show import describe, show
from homeprod.cli.question import ask
from homeprod.core.errors import AppsError, UsageError
from homeprod.core.likeness import suggest
from homeprod.drivers.apps.git import Git, open_repository
from homeprod.drivers.apps.publication import Made, make_commits, push
from homeprod.drivers.apps.remote import Remote, contains, fetch, find_url
from homeprod.drivers.apps.tree import read_commits

CHANGES = 2
"""Exit code of a dry run that would move something, as plan's."""


def run(options: argparse.Namespace) -> int:
    git = open_repository(Path(options.folder))
    with render.busy("asking the git host what is published"):
        remote = fetch(git, options.remote, options.branch)
    source = _choose_commit(git, remote, options)
    publication = _plan(git, remote, source, options)
    subject = git.ask("show", "-s", "--format=%s", source)
    made: Sequence[Made] = ()
    if not options.json:
        show(publication, source, subject)
    if publication.steps and not options.dry_run:
        made = _publish(git, publication, source, options)
    if options.json:
        render.print_line(describe(publication, source, subject, made).model_dump_json(indent=2))
    return CHANGES if publication.steps and options.dry_run else 0


def _choose_commit(git: Git, remote: Remote, options: argparse.Namespace) -> str:
    """Raises AppsError for one that is not on the branch: what hosts run is what everybody can see there."""
    if not options.commit:
        _tell_ahead(git, remote, options.branch)
        return remote.main
    commit = git.ask("rev-parse", "--verify", "--quiet", f"{options.commit}^{{commit}}")
    if not commit:
        hint = f"see which there are:\n\n  git log --oneline {options.remote}/{options.branch}"
        raise AppsError("there is no such commit", where=options.commit, hint=hint)
    if not contains(git, commit, remote.main):
        hint = f"push it there first, or publish from another branch with --branch:\n\n  git push {options.remote}"
        message = f"this commit is not on {options.remote}'s {options.branch}"
        raise AppsError(message, where=options.commit, hint=hint)
    return commit


def _tell_ahead(git: Git, remote: Remote, branch: str) -> None:
    count = git.ask("rev-list", "--count", f"{remote.main}..refs/heads/{branch}")
    if count not in ("", "0"):
        is_one = count == "1"
        words = "was not pushed, and is" if is_one else "were not pushed, and are"
        render.say(f"note: {count} of your commits on {branch} {words} not published")


def _plan(git: Git, remote: Remote, source: str, options: argparse.Namespace) -> Publication:
    """Raises WrongAppsError where the commit is wrong."""
    only = frozenset(options.only)
    tree = read_commits(git, {source: source})[source]
    published = {branch: head.tree for branch, head in remote.heads.items()}
    machines = find_machines(options)
    with render.busy("looking at the files"):
        linted = lint(tree, published, machines, only)
    render.print_notes(linted.sheet.notes)
    with render.busy("asking docker compose"):
        require_right(linted)
    _tell_other_urls(git, remote, linted.hosts)
    targets = list_targets(tree, linted.hosts)
    for name in sorted(only - targets):
        hint = suggest(name, targets) or f"there are: {', '.join(sorted(targets))}"
        raise UsageError(f"--only: nothing of {name!r} is published", hint=hint)
    return plan_publication(tree, linted.hosts, remote.heads, only)


def _tell_other_urls(git: Git, remote: Remote, hosts: tuple[Host, ...]) -> None:
    """Hosts may reach it by another way than we do, but it is called the same at each end."""
    own = find_url(git, remote.name)
    for host in hosts:
        for url in sorted({app.url for app in host.apps if app.is_own and _name(app.url) != _name(own)}):
            render.say(f"note: {host.name} follows {url}, and this is {own}")


def _name(url: str) -> str:
    return re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")


def _publish(git: Git, publication: Publication, source: str, options: argparse.Namespace) -> list[Made]:
    if not options.yes:
        ask("publish this?", "yes")
    with render.show_progress() as tell:
        made = make_commits(git, publication.steps, source, is_signed=not options.unsigned, tell=tell)
        tell("pushing")
        moved = push(git, options.remote, made)
    if not options.json:
        for one in moved:
            render.print_line(f"{one.step.branch} is at {one.commit[:12]}")
    return moved
