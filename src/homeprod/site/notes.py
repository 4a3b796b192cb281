"""Notes: what in a site is worth a look and no mistake, since it may well be meant so."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.diagnostic import Diagnostic
from homeprod.site.configured import KEYS_FOLDER, find_control, list_environments, name_key
from homeprod.site.declared import source_of
from homeprod.site.entry.notes import find_entry_notes
from homeprod.site.site import Site


def find_notes(site: Site) -> list[Diagnostic]:
    """Environments without a machine, control nodes that configure nothing, files in ``keys/`` that nothing reads,
    and what of the way in nobody brings about, by file and line."""
    return sorted({*_find_empty(site), *_find_idle_nodes(site), *_find_strays(site), *find_entry_notes(site)})


def _find_empty(site: Site) -> Iterator[Diagnostic]:
    """A note and no mistake: it may be written before its first machine is. But all else knows a site's environments
    by its machines, so what it says of a branch, a control node or a gate is read by nobody."""
    used = {one.name for one in list_environments(site)}
    for environment in site.empty:
        name = environment.name
        message = f"{name} has no machine, so nothing of it takes effect"
        hint = "write it into a machine's environment=, or take it away"
        if name in used:
            message = (
                f"no machine is of this Environment {name}, but of another of that name: nothing of it takes effect"
            )
            hint = "keep one of them, and name that in every machine"
        source = source_of(environment)
        file, line = (str(source.file.relative_to(site.root)), source.line) if source is not None else ("modules", 1)
        yield Diagnostic(file, line, message, hint)


def _find_idle_nodes(site: Site) -> Iterator[Diagnostic]:
    """A note and no mistake: one that is to take over from another is made first, and named afterwards."""
    for declared in site.machines.values():
        control = find_control(declared.machine)
        if control is None or list_environments(site, declared.name):
            continue
        source = source_of(control)
        file = source.file if source is not None else declared.file
        yield Diagnostic(
            str(file.relative_to(site.root)),
            source.line if source is not None else 1,
            f"no environment names {declared.name}, so this control node configures nothing",
            f'where it should, write control_node="{declared.name}" into the Environment',
        )


def _find_strays(site: Site) -> Iterator[Diagnostic]:
    """A key may be left from a node that was, or wait for one to come; but nobody logs in with it."""
    folder = site.root / KEYS_FOLDER
    read = {f"{name_key(one)}.pub" for one in list_environments(site) if one.control_node}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.name in read or file.name.startswith(".") or file.suffix == ".md":
            continue
        message = "nothing reads this file: no environment of the site has a control node that it would belong to"
        hint = f"files that are read: {', '.join(sorted(read)) or 'none'}; take it away, or rename it"
        yield Diagnostic(f"{KEYS_FOLDER}/{file.name}", 1, message, hint)
