"""The hosts of an app repository against those of the site, and an app's branch and folder against its host."""

from __future__ import annotations

import re
from collections.abc import Mapping

from homeprod.apps.allowance import Need
from homeprod.apps.branch import name_branch, split_branch
from homeprod.apps.host import FILE, HOSTS, SHARED, App, Host
from homeprod.apps.sheet import Place, Sheet
from homeprod.core.likeness import suggest
from homeprod.core.tree import Tree

KEEPER = "harbormaster"
_VERSION = r"v?\d+(\.\d+)+([-+].*)?"


def check_machines(hosts: tuple[Host, ...], machines: Mapping[str, frozenset[str]], sheet: Sheet) -> None:
    """``machines`` are the site's, with who keeps each."""
    for host in hosts:
        if host.name not in machines:
            hint = suggest(host.name, machines) or "name the folder as the site names the machine"
            sheet.refuse(host.place, f"the site has no machine {host.name!r}", hint)
        elif KEEPER not in machines[host.name]:
            hint = f'write in its module:\n\n  kept_by={{"ansible", "{KEEPER}"}},'
            sheet.refuse(host.place, f"{host.name} is not kept by Harbormaster, by what the site says", hint)


def find_content(tree: Tree, host: Host, app: App) -> str:
    """The folder of an app of this repository: the host's own wins. Empty where there is none."""
    folders = (f"{host.folder}/{app.name}", f"{SHARED}/{app.name}")
    return next((folder for folder in folders if tree.has_folder(folder)), "")


def check_origins(tree: Tree, host: Host, sheet: Sheet) -> None:
    """That each app comes from where its files are."""
    urls = {app.url for app in host.apps if app.is_own and app.url}
    for app in host.apps:
        content = find_content(tree, host, app)
        own = name_branch(host.name, app.name)
        if app.is_own and app.branch != own:
            of = split_branch(app.branch)
            whose = f"that of {of[1]} on {of[0]}" if of else "no app's"
            hint = f"write:\n\n  branch: {own}"
            sheet.refuse(app.find("branch"), f"{app.name}: this branch is {whose}", hint)
        elif app.is_own and not content and app.is_enabled:
            hint = f"its files belong in {host.folder}/{app.name}/, or in {SHARED}/{app.name}/ for every host"
            sheet.refuse(app.place, f"{app.name} has no folder, so nothing would be published of it", hint)
        elif content and not app.is_own and app.branch:
            hint = f"write:\n\n  branch: {own}"
            sheet.refuse(app.find("branch"), f"{app.name}: {content}/ is published as another branch", hint)
        if app.is_own and len(urls) > 1 and app.url != _most_common(host):
            hint = f"the others say:\n\n  url: {_most_common(host)}"
            sheet.refuse(app.find("url"), f"{app.name}: one repository goes by two urls on {host.name}", hint)
    _note_strays(tree, host, sheet)


def find_versions(host: Host) -> list[Need]:
    """Branches that are named as tags are: Harbormaster takes a tag once, and fails at it ever after."""
    return [
        Need(
            app.name,
            f"branch {app.branch}",
            app.find("branch"),
            f"{app.name}: {app.branch} looks like a tag, and only branches work",
        )
        for app in host.apps
        if re.fullmatch(_VERSION, app.branch) or app.branch.startswith("tags/")
    ]


def note_unused(tree: Tree, hosts: tuple[Host, ...], sheet: Sheet) -> None:
    for name in tree.list_folders(SHARED):
        if not any(host.get(name) is not None for host in hosts):
            sheet.note(Place(f"{SHARED}/{name}"), f"no host has an app {name}")


def _note_strays(tree: Tree, host: Host, sheet: Sheet) -> None:
    for name in tree.list_folders(host.folder):
        app = host.get(name)
        if app is None and not any(file.startswith(f"{name}/") for file in _list_named(host)):
            hint = (
                suggest(name, (one.name for one in host.apps)) or f"it is in {host.folder}/{FILE} that apps are named"
            )
            sheet.note(
                Place(f"{host.folder}/{name}"), f"{host.name} has no app {name}, so nothing is published of it", hint
            )


def _list_named(host: Host) -> list[str]:
    return [name for app in host.apps for name in (app.environment_file, app.replacements_file)]


def _most_common(host: Host) -> str:
    urls = [app.url for app in host.apps if app.is_own and app.url]
    return max(urls, key=urls.count)


def list_host_folders(tree: Tree) -> tuple[str, ...]:
    return tree.list_folders(HOSTS)
