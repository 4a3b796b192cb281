"""The inventory as far as it says who belongs to what: hosts, groups, and the lines of each host."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from homeprod.promotion.document import UnreadableError, get, list_pairs, read_nodes, render

ENTIRE = ("all", "*")
_DEPTH = 50


@dataclass
class Inventory:
    """Of one or more files. Ansible joins what they say of a host or of a group, wherever it stands."""

    own: dict[str, list[str]] = field(default_factory=dict)
    """What is written of each host itself."""
    variables: dict[str, list[str]] = field(default_factory=dict)
    """What is written of each group."""
    members: dict[str, set[str]] = field(default_factory=dict)
    """The groups in which a host is listed, by host."""
    parents: dict[str, set[str]] = field(default_factory=dict)
    """The groups in which a group is listed, by group."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.own))

    def list_groups(self) -> set[str]:
        listed = {group for groups in (*self.members.values(), *self.parents.values()) for group in groups}
        return {"all", *self.variables, *self.parents, *listed}

    def find_groups(self, host: str) -> set[str]:
        """With those that its groups lie in."""
        found, left = {"all"}, list(self.members.get(host, ()))
        while left:
            group = left.pop()
            if group not in found:
                found.add(group)
                left += self.parents.get(group, ())
        return found

    def list_lines(self, host: str) -> list[str]:
        """Equal lists, equal variables and groups."""
        groups = sorted(self.find_groups(host))
        return [*self.own.get(host, ()), *(f"{name}: {self.variables.get(name, [])}" for name in groups)]

    def find_environment(self, host: str) -> str:
        """As homeprod renders it; empty where it is in none."""
        groups = sorted(self.find_groups(host))
        return next((name.removeprefix("env_") for name in groups if name.startswith("env_")), "")

    def select(self, pattern: str) -> set[str]:
        """Hosts that a play with this pattern could have; too many rather than too few. Source: Ansible's user guide,
        "Patterns: targeting hosts and groups"."""
        parts = [part.strip() for part in re.split(r"[,:](?![^\[]*\])", pattern) if part.strip()]
        if "{{" in pattern or "{%" in pattern or not parts:
            return set(self.own)
        plain = [part for part in parts if part[0] not in "!&"]
        chosen = {host for part in plain for host in self._match(part)} if plain else set(self.own)
        for part in (one[1:] for one in parts if one[0] == "&"):
            chosen &= self._match(part)
        for part in (one[1:] for one in parts if one[0] == "!"):
            chosen -= self._match(part, surely=True)
        return chosen

    def _match(self, part: str, *, surely: bool = False) -> set[str]:
        """Only hosts that are meant for sure, or all that could be: a name that is nobody's may be a group's that
        somebody else makes."""
        name = re.sub(r"\[[^\]]*\]$", "", part)  # of a group only the first one, say
        if name != part and surely:
            return set()
        if name in ENTIRE:
            return set(self.own)
        if name.startswith("~"):
            return self._search(name[1:], surely=surely)
        if any(sign in name for sign in "*?["):
            return self._find(lambda one: fnmatch.fnmatchcase(one, name))
        found = self._find(lambda one: one == name)
        return found if found or surely or name in ("localhost", "127.0.0.1") else set(self.own)

    def _search(self, expression: str, *, surely: bool) -> set[str]:
        try:
            compiled = re.compile(expression)
        except re.error:
            return set() if surely else set(self.own)
        return self._find(lambda one: compiled.match(one) is not None)

    def _find(self, holds: Callable[[str], bool]) -> set[str]:
        return {host for host in self.own if holds(host) or any(map(holds, self.find_groups(host)))}


def read_inventory(contents: Mapping[str, bytes]) -> Inventory:
    """By file. Raises UnreadableError, which names file and line."""
    inventory = Inventory()
    for file, content in contents.items():
        try:
            nodes = read_nodes(content)
        except UnreadableError as error:
            raise UnreadableError(f"{file}:{error.line}: {error.reason}", error.line) from error
        for name, group in list_pairs(nodes):
            _gather(inventory, name, group)
    return inventory


def _gather(inventory: Inventory, name: str, group: yaml.Node, depth: int = 0) -> None:
    if depth > _DEPTH:
        raise UnreadableError("the inventory's groups have no end")
    if (variables := get(group, "vars")) is not None:
        inventory.variables.setdefault(name, []).append(render(variables))
    for host, own in list_pairs(get(group, "hosts")):
        inventory.own.setdefault(host, []).append(render(own))
        inventory.members.setdefault(host, set()).add(name)
    for child, content in list_pairs(get(group, "children")):
        inventory.parents.setdefault(child, set()).add(name)
        _gather(inventory, child, content, depth + 1)
