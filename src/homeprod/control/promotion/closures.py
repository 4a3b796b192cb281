"""Closures: the digest of what each host would run, at one revision of both repositories."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from homeprod.control.promotion.stage import Pair
from homeprod.core.errors import ControlError
from homeprod.core.tree import Tree
from homeprod.drivers.playbooks import read_collection
from homeprod.promotion.closure import Revision, find_closures
from homeprod.promotion.document import UnreadableError

_KEPT = 8
"""Pairs that are remembered."""


@dataclass(frozen=True, slots=True)
class HostDigest:
    environment: str
    digest: str


class Closures:
    """``read_trees`` gives the files of both repositories at their revisions. The collection is homeprod's own, as it
    is installed: it changes with an upgrade alone, and then nothing is remembered."""

    def __init__(self, read_trees: Callable[[str, str], Awaitable[tuple[Tree, Tree]]]) -> None:
        self._read_trees = read_trees
        self._known: dict[Pair, Mapping[str, HostDigest]] = {}
        self._collection: Tree | None = None

    async def find(self, pair: Pair) -> Mapping[str, HostDigest]:
        """By host, of every environment. Raises ControlError where the files cannot be read or understood."""
        if pair not in self._known:
            playbooks, vault = await self._read_trees(pair.revision, pair.vault)
            found = await asyncio.to_thread(self._compute, pair, playbooks, vault)
            for old in list(self._known)[: max(len(self._known) - _KEPT + 1, 0)]:
                del self._known[old]
            self._known[pair] = found
        return self._known[pair]

    async def find_of(self, pair: Pair, environment: str) -> dict[str, str]:
        """Digests by host, of one environment. Raises ControlError."""
        return {host: one.digest for host, one in (await self.find(pair)).items() if one.environment == environment}

    def _compute(self, pair: Pair, playbooks: Tree, vault: Tree) -> Mapping[str, HostDigest]:
        self._collection = self._collection or read_collection()
        try:
            found = find_closures(Revision(playbooks, self._collection, vault))
        except UnreadableError as error:
            hint = "render the site into the playbook repository, and push that signed\n    homeprod render --to DIR"
            raise ControlError(
                f"the inventory cannot be read: {error}", where=pair.revision[:12], hint=hint
            ) from error
        return {host: HostDigest(one.environment, one.digest) for host, one in found.items()}
