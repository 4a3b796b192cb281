"""The closure of what a run of one host can come to read, as digests: where two are equal, a run would do the same.

Rather too much than too little: a file that is no role's, nobody's variables and none of the site's own for another
host is everybody's, and what cannot be followed makes everything an input.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from homeprod.core.tree import File, Tree
from homeprod.promotion.document import UnreadableError
from homeprod.promotion.inventory import Inventory, read_inventory
from homeprod.promotion.playbook import Playbook, read_playbook
from homeprod.promotion.references import Doubt, References
from homeprod.promotion.role import FOLDER, OURS, Role, find_role, list_links, read_file, scan_file

INVENTORY = "site/inventory.yml"
EVERYTHING = "everything"
VAULT = "vault:"
_VARIABLES = ("group_vars", "host_vars")
_NO_INPUT = re.compile(
    r"(.*/)?(README|LICENSE|LICENCE|CHANGELOG)[^/]*|[^/]+\.md|docs/.*|stand-ins/.*|\.git[^/]*(/.*)?|site/pictures/.*|site/[^/]+\.json"
)
"""What no run reads: words for people, what stands in for secrets, and the control nodes' own settings."""


@dataclass(frozen=True)
class Revision:
    """Both repositories at one moment, and the collection beside them. ``vault`` is None where it is not at hand."""

    playbooks: Tree
    collection: Tree
    vault: Tree | None = None

    @cached_property
    def playbook(self) -> Playbook:
        return read_playbook(self.playbooks)

    @cached_property
    def inventories(self) -> dict[str, Inventory]:
        """By environment; the rendered one alone under an empty name. Raises UnreadableError."""
        rendered = self.playbooks.get(INVENTORY)
        own = rendered.content if rendered is not None else None
        if own is None:
            raise UnreadableError(f"{INVENTORY} is not there")
        plain = read_inventory({INVENTORY: own})
        found = {"": plain}
        for name in sorted({plain.find_environment(host) for host in plain} - {""}):
            file = f"{name}/hosts.yml"
            more = self.vault.get(file) if self.vault is not None else None
            sealed = {f"{VAULT}{file}": more.content} if more and more.content else {}
            found[name] = read_inventory({INVENTORY: own, **sealed})
        return found

    @cached_property
    def loose(self) -> References:
        """What files lead to that are nobody's in particular."""
        found = References()
        files = tuple(_list_loose(self))
        for path, file in files:
            if path.endswith((".yml", ".yaml")):
                found.add(read_file(path, file))
            elif path.endswith(".j2"):
                found.add(scan_file(path, file))
        found.doubts += list_links(files)
        return found

    def find_role(self, name: str) -> Role | None:
        if name not in self._roles:
            self._roles[name] = find_role(name, self.playbooks, self.collection)
        return self._roles[name]

    @cached_property
    def _roles(self) -> dict[str, Role | None]:
        return {}


@dataclass
class Closure:
    """``inputs`` are digests by what they are of. ``doubts`` say why everything is among them."""

    host: str
    environment: str
    inputs: dict[str, str] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return digest(f"{name}\0{value}\n" for name, value in sorted(self.inputs.items()))


def find_closures(revision: Revision) -> dict[str, Closure]:
    """By host. Raises UnreadableError where there is no inventory to be read."""
    plain = revision.inventories[""]
    return {host: _find_closure(revision, host, plain.find_environment(host)) for host in plain}


def _find_closure(revision: Revision, host: str, environment: str) -> Closure:
    inventory = revision.inventories[environment]
    closure, references = Closure(host, environment), References()
    references.add(revision.loose)
    references.doubts += revision.playbook.doubts
    plays = [play for play in revision.playbook.plays if host in inventory.select(play.pattern)]
    for number, play in enumerate(plays, 1):
        closure.inputs[f"{play.title} (play {number} of this host)"] = digest([play.text])
        references.add(play.references)
    closure.inputs |= _follow_roles(revision, references)
    groups = inventory.find_groups(host)
    for path, file in _list_variables(revision, environment):
        if _is_of(path, host, groups, inventory):
            closure.inputs[path] = _name(file)
            references.add(scan_file(path, file))
    closure.inputs[f"{INVENTORY}: {host}"] = digest(inventory.list_lines(host))
    closure.inputs |= {path: _name(file) for path, file in _list_loose(revision, host)}
    _widen(closure, references, revision)
    return closure


def _follow_roles(revision: Revision, references: References) -> dict[str, str]:
    """The files of all roles that are reached; what they lead to is added to ``references``."""
    inputs: dict[str, str] = {}
    seen: set[str] = set()
    while left := references.roles.keys() - seen:
        for name in sorted(left):
            seen.add(name)
            role = revision.find_role(name)
            if role is None:
                place, whose = references.roles[name], "homeprod" if name.startswith(OURS) else "this repository"
                references.doubts.append(Doubt(place.file, place.line, f"names {name}, which is no role of {whose}"))
                continue
            inputs |= {path: _name(file) for path, file in role.files}
            references.add(role.references)
    return inputs


def _widen(closure: Closure, references: References, revision: Revision) -> None:
    if references.reads_others or references.doubts:
        inventory = revision.inventories[closure.environment]
        closure.inputs |= {f"{INVENTORY}: {host}": digest(inventory.list_lines(host)) for host in inventory}
        closure.inputs |= {path: _name(file) for path, file in _list_variables(revision, closure.environment)}
    if references.doubts:
        closure.doubts = sorted(set(references.doubts), key=str)
        read = _list_read(revision.playbooks)
        closure.inputs[EVERYTHING] = digest(f"{path} {_name(file)}\n" for path, file in read)


def _list_read(tree: Tree) -> Iterator[tuple[str, File]]:
    return ((path, file) for path, file in tree if not _NO_INPUT.fullmatch(path))


def _list_loose(revision: Revision, host: str = "") -> Iterator[tuple[str, File]]:
    """What is nobody's in particular; of the site's files for one host (``site/entry/HOST``) those of ``host``."""
    for path, file in _list_read(revision.playbooks):
        parts = path.split("/")
        is_known = parts[0] in (FOLDER, *_VARIABLES) or path in (INVENTORY, *revision.playbook.files)
        is_variables = parts[0] == "site" and parts[1] in _VARIABLES
        is_anothers = parts[:2] == ["site", "entry"] and len(parts) > 3 and parts[2] != host
        if not (is_known or is_variables or is_anothers):
            yield path, file


def _list_variables(revision: Revision, environment: str) -> Iterator[tuple[str, File]]:
    """Beside the playbook, beside the rendered inventory, and the environment's in the vault."""
    for place in ("", "site/"):
        for folder in _VARIABLES:
            for path, file in revision.playbooks.below(f"{place}{folder}"):
                yield f"{place}{folder}/{path}", file
    if revision.vault is not None and environment:
        for path, file in revision.vault.below(environment):
            yield f"{VAULT}{environment}/{path}", file


def _is_of(path: str, host: str, groups: set[str], inventory: Inventory) -> bool:
    """A file whose group nobody knows is everybody's: another inventory may make it."""
    parts = path.partition(":")[2].partition("/")[2].split("/") if path.startswith(VAULT) else path.split("/")
    parts = parts[1:] if parts[0] == "site" else parts
    if parts[0] not in _VARIABLES or len(parts) < 2:
        return True
    name = re.sub(r"\.(yml|yaml|json)$", "", parts[1]) if len(parts) == 2 else parts[1]
    if parts[0] == "host_vars":
        return name == host
    return name in groups or name not in inventory.list_groups()


def _name(file: File) -> str:
    content = digest([file.content.hex()]) if file.content is not None else file.oid
    return f"{file.kind.value} {content}"


def digest(texts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        found.update(text.encode(errors="surrogateescape") + b"\0")
    return found.hexdigest()
