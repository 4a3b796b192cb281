"""What a file of Ansible's leads to: roles by name, other hosts' variables, and where it cannot be followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from homeprod.promotion.document import get, line_of, list_items, list_pairs, read_text, walk

_ROLES = ("include_role", "import_role")
_FILES = ("include_tasks", "import_tasks", "include_vars", "import_playbook", "include", "vars_files")
_GROUPS = ("add_host", "group_by")
_OURS = ("ansible.builtin.", "ansible.legacy.")
_LOOPS = {"items", "dict", "list", "sequence", "subelements", "together", "nested", "cartesian", "flattened"}
_LOOPS |= {"indexed_items", "random_choice"}
"""``with_…`` that only take values apart."""
_VALUES = _LOOPS | {"vars", "varnames", "config"}
_READERS = frozenset({"file", "template", "unvault"})
"""Of the role's or the playbook's own folders."""
_CALL = re.compile(r"\b(?:lookup|query|q)\s*\(\s*(?:(['\"])([\w.]+)\1\s*(?:,\s*(['\"])([^'\"]*)\3\s*(?=[,)]))?)?")
_OTHERS = re.compile(
    r"\b(hostvars|ansible_play_hosts(_all)?|play_hosts|ansible_play_batch|delegate_to)\b"
    r"|\bgroups\b(?!\s*['\"]?\s*:)"
)
_WAYS_OUT = re.compile(r"\.\./|\b(playbook_dir|inventory_dir|inventory_file)\b|\b(roles|group_vars|host_vars)/")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a file cannot be followed: then whatever changes may change what it does. ``line`` is 0 of a file that is
    not there."""

    file: str
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.words}" if self.line else f"{self.file} {self.words}"


@dataclass(frozen=True, slots=True)
class Place:
    file: str
    line: int


@dataclass
class References:
    roles: dict[str, Place] = field(default_factory=dict)
    """By name, each with where it is named first."""
    doubts: list[Doubt] = field(default_factory=list)
    reads_others: bool = False
    """Whether variables or groups of other hosts count."""

    def add(self, other: References) -> None:
        self.roles = other.roles | self.roles
        self.doubts += other.doubts
        self.reads_others = self.reads_others or other.reads_others


def read_references(root: yaml.Node | None, file: str) -> References:
    """Of plays, tasks or a role's meta data. Raises UnreadableError."""
    found = References()
    for top in list_items(root):  # a list of plays, or meta data; elsewhere the same words are somebody's variables
        for item in list_items(get(top, "roles", "dependencies")):
            _add_role(read_text(item) or read_text(get(item, "role", "name")), item, file, found)
    for mapping in walk(root):
        for key, value in list_pairs(mapping):
            _read_key(key, value, file, found)
    return found


def _read_key(key: str, value: yaml.Node, file: str, found: References) -> None:
    name = next((key.removeprefix(one) for one in _OURS if key.startswith(one)), key)
    if name in _ROLES:
        _add_role(read_text(get(value, "name", "role")) or _read_free_form(value), value, file, found)
    elif name in _FILES:
        for item in list_items(value):
            if _is_open(text := read_text(item) or read_text(get(item, "file", "dir"))):
                found.doubts.append(Doubt(file, line_of(value), f"brings in what a variable names: {text}"))
    elif name in _GROUPS:
        found.doubts.append(Doubt(file, line_of(value), f"makes groups while it runs ({name})"))
    elif name.startswith("with_") and name.removeprefix("with_") not in _LOOPS:
        found.doubts.append(Doubt(file, line_of(value), f"looks something up ({name})"))


def _read_free_form(value: yaml.Node) -> str | None:
    """``include_role: name=web``."""
    match = re.search(r"\b(?:name|role)=(\S+)", read_text(value) or "")
    return match[1] if match else None


def _add_role(name: str | None, node: yaml.Node, file: str, found: References) -> None:
    if name is None or _is_open(name):
        words = f"brings in a role that a variable names: {name}" if name else "brings in a role without a name"
        found.doubts.append(Doubt(file, line_of(node), words))
    else:
        found.roles.setdefault(name, Place(file, line_of(node)))


def _is_open(text: str | None) -> bool:
    return text is not None and ("{{" in text or "{%" in text)


def scan_text(text: str, file: str, first: int = 1) -> References:
    """Of what Jinja may stand in: lookups, other hosts, ways to files elsewhere. Lines are counted from ``first``."""
    found = References()
    for number, line in enumerate(text.splitlines(), first):
        found.reads_others = found.reads_others or _OTHERS.search(line) is not None
        found.doubts += [Doubt(file, number, words) for words in _list_ways_out(line)]
    return found


def _list_ways_out(line: str) -> Iterator[str]:
    for match in _CALL.finditer(line):
        plugin, argument = (match[2] or "").rpartition(".")[2], match[4]
        if plugin in _VALUES or (plugin in _READERS and argument is not None):
            continue
        yield f"looks something up ({plugin or 'by a plugin that a variable names'})"
    if way_out := _WAYS_OUT.search(line):
        yield f"may read files elsewhere ({way_out[0]})"
