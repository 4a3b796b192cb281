"""Lint: everything that is wrong with an app repository, at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from homeprod.apps.allowance import Need, read_allowances, settle
from homeprod.apps.branch import CONFIGURATION, name_branch
from homeprod.apps.checks.contents import check_contents, find_home, find_secrets
from homeprod.apps.checks.departures import Standing, check_absence, check_alone, check_departures
from homeprod.apps.checks.hosts import (
    check_machines,
    check_origins,
    find_content,
    find_versions,
    list_host_folders,
    note_unused,
)
from homeprod.apps.checks.images import note_images
from homeprod.apps.checks.mounts import find_mounts
from homeprod.apps.checks.ports import check_taken
from homeprod.apps.checks.privileges import find_privileges
from homeprod.apps.checks.projects import check_projects
from homeprod.apps.checks.services import check_services
from homeprod.apps.checks.storage import Storage, find_borrowed, find_shared, list_storage, list_volumes
from homeprod.apps.configuration import NAME, read_configuration
from homeprod.apps.document import read_document
from homeprod.apps.host import FILE, HOSTS, SHARED, App, Host
from homeprod.apps.moves import read_moves
from homeprod.apps.sheet import Place, Sheet
from homeprod.apps.stack import DISCOVERED, Stack, read_stack
from homeprod.apps.variables import read_environment, read_replacements
from homeprod.core.tree import Tree

Published = Mapping[str, Tree]
"""By branch, what was last published there."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Linted:
    """``stacks`` by host and app, of the apps whose files are here."""

    sheet: Sheet
    hosts: tuple[Host, ...]
    stacks: Mapping[tuple[str, str], Stack]


def lint(
    tree: Tree,
    published: Published,
    machines: Mapping[str, frozenset[str]] | None = None,
    only: frozenset[str] = frozenset(),
) -> Linted:
    """``machines`` are the site's, with who keeps each; None where no site is at hand. ``only`` are the hosts, or
    ``HOST/APP``, that are to be published; empty for all."""
    sheet = Sheet()
    hosts = _read_hosts(tree, sheet)
    standings = {host.name: Standing(host, _read_stacks(tree, host, sheet)) for host in hosts}
    _read_rest(tree, hosts, sheet)
    needs = {host.name: _find_needs(standings[host.name]) for host in hosts}
    for between_hosts, found in ((True, list_storage), (False, list_volumes)):
        shared = find_shared(_list_storage(standings, found), between_hosts=between_hosts)
        for name, more in shared.items():
            needs[name] += more
    _place_secrets(tree, hosts, needs, sheet)
    for host in hosts:
        settle(needs[host.name], read_allowances(tree, host, sheet), host, sheet)
        check_origins(tree, host, sheet)
        check_projects(host.apps, standings[host.name].stacks, sheet)
        check_taken(host.apps, standings[host.name].stacks, sheet)
    _check_before(tree, standings, published, only, sheet)
    check_contents(tree, sheet)
    if len(hosts) == len(list_host_folders(tree)):  # of one that could not be read nobody knows
        note_unused(tree, hosts, sheet)
    if machines is not None:
        check_machines(hosts, machines, sheet)
    stacks = {(host, app): stack for host, one in standings.items() for app, stack in one.stacks.items()}
    return Linted(_unify(sheet), hosts, stacks)


def _read_hosts(tree: Tree, sheet: Sheet) -> tuple[Host, ...]:
    names = list_host_folders(tree)
    if not names:
        hint = f"begin with {HOSTS}/HOST/{FILE}; docs/how-to/apps.md shows one"
        sheet.refuse(Place(HOSTS), "there is no host in this repository", hint)
    found = []
    for name in names:
        file = tree.get(f"{HOSTS}/{name}/{FILE}")
        if not _HOST.fullmatch(name):
            sheet.refuse(Place(f"{HOSTS}/{name}"), "is no name of a host", "lower-case letters, digits and -")
        elif file is None or not file.is_regular or file.content is None:
            hint = "it says which apps the host runs"
            sheet.refuse(Place(f"{HOSTS}/{name}/{FILE}"), "is missing", hint)
        elif (host := read_configuration(file.content, name, sheet)) is not None:
            found.append(host)
    return tuple(found)


def _read_stacks(tree: Tree, host: Host, sheet: Sheet) -> dict[str, Stack]:
    """Variables' files are read for every app, since Harbormaster ends at the first that it cannot read."""
    found = {}
    for app in host.apps:
        environment, replacements = (
            read_environment(tree, host, app, sheet),
            read_replacements(tree, host, app, sheet),
        )
        folder = find_content(tree, host, app)  # also of one whose branch is wrong, which is told apart
        stack = read_stack(tree.below(folder), folder, app, environment, replacements, sheet) if folder else None
        if stack is not None:
            found[app.name] = stack
            check_services(stack, sheet)
            note_images(stack, sheet)
    return found


def _read_rest(tree: Tree, hosts: tuple[Host, ...], sheet: Sheet) -> None:
    """Compose files in folders that a mistake keeps from being an app's, of a host whose own file cannot be read or
    of an app with a wrong name: whether they are YAML is known all the same."""
    for folder in _list_unclaimed(tree, hosts):
        for path in (f"{folder}/{name}" for name in DISCOVERED):
            if (file := tree.get(path)) is not None and file.is_regular and file.content is not None:
                read_document(file.content, path, sheet)


def _list_unclaimed(tree: Tree, hosts: tuple[Host, ...]) -> Iterator[str]:
    known, names = {host.name for host in hosts}, list_host_folders(tree)
    for host in names:
        for name in tree.list_folders(f"{HOSTS}/{host}"):
            if host not in known or not NAME.fullmatch(name):
                yield f"{HOSTS}/{host}/{name}"
    if len(known) < len(names):  # who could not be read may have them
        for name in tree.list_folders(SHARED):
            if not any(host.get(name) for host in hosts):
                yield f"{SHARED}/{name}"


def _find_needs(standing: Standing) -> list[Need]:
    needs = [
        need
        for stack in standing.stacks.values()
        for find in (find_privileges, find_mounts, find_borrowed)
        for need in find(stack)
    ]
    return [*needs, *find_versions(standing.host)]


def _list_storage(
    standings: Mapping[str, Standing], find: Callable[[str, Stack], Iterator[Storage]]
) -> list[Storage]:
    """Of apps that run: who has stopped writes nothing."""
    return [
        one
        for name, standing in standings.items()
        for stack in standing.stacks.values()
        if stack.app.is_enabled
        for one in find(name, stack)
    ]


def _place_secrets(tree: Tree, hosts: tuple[Host, ...], needs: dict[str, list[Need]], sheet: Sheet) -> None:
    """In an app's folder a host can say that it is none; elsewhere nobody can."""
    owners = {find_content(tree, host, app): (host.name, app.name) for host in hosts for app in host.apps}
    for path, file in tree:
        owner = owners.get(find_home(path) or " ")
        for need in find_secrets(path, file.content or b"", owner[1] if owner else ""):
            if owner:
                needs[owner[0]].append(need)
            else:
                hint = "keep it in the vault repository, and take it out of git's history"
                sheet.refuse(need.place, need.message, hint)


def _check_before(
    tree: Tree, standings: Mapping[str, Standing], published: Published, only: frozenset[str], sheet: Sheet
) -> None:
    known = read_published(published)
    for name, standing in standings.items():
        moves = read_moves(tree, standing.host, sheet)
        before = known.get(name)
        if before is not None and (not only or name in only):
            check_departures(standing, before, moves, sheet)
        elif before is not None:
            chosen = {target.partition("/")[2] for target in only if target.partition("/")[0] == name}
            check_alone(standing, before, moves, chosen, sheet)
    for name, before in known.items():
        if not only and name not in list_host_folders(tree):
            check_absence(before.host, sheet)


def read_published(published: Published) -> dict[str, Standing]:
    """By host. What is wrong with it is of no interest any more."""
    found = {}
    for branch, tree in published.items():
        prefix, _, name = branch.rpartition("/")
        file = tree.get(FILE)
        host_name = prefix.rpartition("/")[2]
        if name != CONFIGURATION or file is None or file.content is None:
            continue
        host = read_configuration(file.content, host_name, Sheet())
        if host is not None:
            found[host.name] = Standing(host, dict(_read_old(host, tree, published)))
    return found


def _read_old(host: Host, configuration: Tree, published: Published) -> list[tuple[str, Stack]]:
    placed = Tree({f"{host.folder}/{path}": file for path, file in configuration})
    found = []
    for app in host.apps:
        content = published.get(name_branch(host.name, app.name))
        stack = _read_one(placed, host, app, content) if content is not None else None
        if stack is not None:
            found.append((app.name, stack))
    return found


def _read_one(placed: Tree, host: Host, app: App, content: Tree) -> Stack | None:
    quiet = Sheet()
    environment, replacements = (
        read_environment(placed, host, app, quiet),
        read_replacements(placed, host, app, quiet),
    )
    return read_stack(content, name_branch(host.name, app.name), app, environment, replacements, quiet)


def _unify(sheet: Sheet) -> Sheet:
    """What is shared between hosts is found once for each; it is told once."""
    mistakes = sorted(set(sheet.mistakes))
    return Sheet(mistakes, sorted(set(sheet.notes)))
