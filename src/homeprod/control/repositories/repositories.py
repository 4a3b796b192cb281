"""Both repositories of an environment as one checkout: what a run plays, and with what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from homeprod.control.inventory import InventoryHost, read_inventory
from homeprod.control.places import Places
from homeprod.control.repositories.clone import Believed, Clone
from homeprod.control.repositories.errors import GitError, RepositoryError, explain
from homeprod.control.repositories.head import Heads
from homeprod.control.repositories.note import FETCHED_NOTES, read_note_texts
from homeprod.control.repositories.tree import forget_trees, lay_out, read_tree
from homeprod.control.settings import EnvironmentSettings, NodeSettings, parse_settings
from homeprod.core.errors import ControlError
from homeprod.core.tree import Tree

_VAULT_BRANCH = "HEAD"


@dataclass(frozen=True, slots=True)
class Checkout:
    """Both trees of an environment, at heads that were believed. ``settings`` are the node's own of that head, None
    where it has none; ``problems`` say which newer heads are not believed."""

    environment: str
    revision: str
    playbooks: Path
    vault: Path
    inventory: Mapping[str, InventoryHost]
    settings: NodeSettings | None
    problems: tuple[str, ...] = ()
    vault_revision: str = ""

    @property
    def inventories(self) -> tuple[Path, ...]:
        """For Ansible's ``-i``, in this order."""
        return self.playbooks / "site" / "inventory.yml", self.vault


class Repositories:
    """``settings`` are those that came with the machine; an environment's own head brings newer ones, which count for
    what comes after it."""

    def __init__(self, settings: Callable[[], NodeSettings], places: Places) -> None:
        self._settings = settings
        self._trees = places.cache / "trees"
        heads = Heads(places.database.with_name("heads.json"))
        self._playbooks = Clone("playbook", "playbooks", places, heads)
        self._vault = Clone("vault", "vault", places, heads)
        self._next: dict[str, asyncio.Task[Checkout]] = {}
        self._tasks: set[asyncio.Task[Checkout]] = set()
        self._turn = asyncio.Lock()
        self._checkouts: dict[str, Checkout] = {}
        self._opened: dict[str, dict[tuple[str, str], Checkout]] = {}
        self._kept: dict[str, set[tuple[str, str]]] = {}
        self._notes: tuple[str, Mapping[str, str | None]] = ("", {})

    def last(self, environment: str) -> Checkout | None:
        """What was fetched last."""
        return self._checkouts.get(environment)

    async def fetch(self, environment: str) -> Checkout:
        """The newest believed heads. Who asks while a fetch is under way shares the next one with all who ask
        meanwhile: what was pushed before the call is in it, always. Raises RepositoryError, ControlError."""
        task = self._next.get(environment)
        if task is None:
            task = asyncio.create_task(self._fetch_in_turn(environment))
            self._next[environment] = task
            self._tasks.add(task)
            task.add_done_callback(self._forget)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not task.cancelled() or (current is not None and current.cancelling()):
                raise
            hint = "it is fetched again once somebody unlocks"
            raise ControlError("the fetch was left off: the node was locked", where=environment, hint=hint) from None

    async def open(self, environment: str, revision: str, vault: str) -> Checkout:
        """Both trees at heads that were believed once, and still are there; kept until :meth:`keep` names others.
        Raises ControlError."""
        known = self._opened.get(environment, {}).get((revision, vault))
        if known is not None:
            return known
        last = self._checkouts.get(environment)
        if last is not None and (last.revision, last.vault_revision) == (revision, vault):
            found = last
        else:
            tree = await _lay(self._playbooks, "playbook", revision, self._trees)
            values = await _lay(self._vault, "vault", vault, self._trees, environment)
            inventory, settings = read_inventory(tree / "site" / "inventory.yml"), self._parse_settings(tree)
            found = Checkout(environment, revision, tree, values, inventory, settings, (), vault)
        self._opened.setdefault(environment, {})[revision, vault] = found
        return found

    async def keep(self, environment: str, pairs: Collection[tuple[str, str]]) -> None:
        """Those of its checkouts that are needed on, whatever is fetched: git keeps their commits too."""
        opened = self._opened.get(environment, {})
        self._opened[environment] = {pair: one for pair, one in opened.items() if pair in pairs}
        if self._kept.get(environment) == set(pairs):
            return
        for clone, commits in (
            (self._playbooks, [one for one, _ in pairs]),
            (self._vault, [one for _, one in pairs]),
        ):
            await clone.keep(environment, commits)
        self._kept[environment] = set(pairs)

    async def read_notes(self) -> Mapping[str, str | None]:
        """The records of the playbook repository as they were fetched last, by the commit that each note stands on;
        None for one that is too large. Raises RepositoryError."""
        try:
            tip = await self._playbooks.git.find_commit(FETCHED_NOTES)
            if tip != self._notes[0]:
                self._notes = tip, await read_note_texts(self._playbooks.git, FETCHED_NOTES) if tip else {}
        except GitError as error:
            raise explain("playbook", error, "its records", FETCHED_NOTES) from error
        return self._notes[1]

    async def read_trees(self, revision: str, vault: str) -> tuple[Tree, Tree]:
        """The files of both repositories at these commits, as values. Raises ControlError."""
        return (
            await asyncio.to_thread(read_tree, self._playbooks.git.folder, revision, "playbook"),
            await asyncio.to_thread(read_tree, self._vault.git.folder, vault, "vault"),
        )

    async def stop(self) -> None:
        """Whatever is being fetched is left off; returns when no git runs any more."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._next.clear()

    def _forget(self, task: asyncio.Task[Checkout]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have gone; nobody else needs to hear of it

    async def recall(self) -> None:
        """What was believed before, as far as it is still on this disk; the git host is not asked."""
        for environment in self._settings().environments:
            try:
                commits = (
                    await self._playbooks.find_believed(environment.branch),
                    await self._vault.find_believed(_VAULT_BRANCH),
                )
                if all(commits):
                    await self._lay_out(environment, *(Believed(commit) for commit in commits))
            except ControlError:
                continue  # the next fetch says what is wrong with it
        forget_trees(self._trees, self._list_needed(), kept=0)

    async def _fetch_in_turn(self, environment: str) -> Checkout:
        async with self._turn:
            self._next.pop(environment, None)  # a stop meanwhile has forgotten it already
            return await self._fetch(environment)

    async def _fetch(self, environment: str) -> Checkout:
        settings = self._find_settings(environment)
        known = settings.find_environment(environment)
        if known is None:
            hint = "declare it in the site, and render the site again"
            raise ControlError("this control node has no such environment", where=environment, hint=hint)
        keys, signers = settings.git_host_keys, settings.signers
        has_gate = known.promotion is not None or environment in self._opened
        believed = await asyncio.gather(
            self._playbooks.fetch(settings.playbooks, known.branch, keys, signers, with_notes=has_gate),
            self._vault.fetch(settings.vault, _VAULT_BRANCH, keys, signers),
            return_exceptions=True,  # both are at an end before the next fetch begins
        )
        playbooks, vault = (_raise(one) for one in believed)
        return await self._lay_out(known, playbooks, vault)

    async def _lay_out(self, environment: EnvironmentSettings, playbooks: Believed, vault: Believed) -> Checkout:
        tree = await _lay(self._playbooks, "playbook", playbooks.commit, self._trees)
        values = await _lay(self._vault, "vault", vault.commit, self._trees, environment.name)
        known = self._checkouts.get(environment.name)
        is_known = known is not None and known.playbooks == tree
        checkout = Checkout(
            environment.name,
            playbooks.commit,
            tree,
            values,
            known.inventory if known and is_known else read_inventory(tree / "site" / "inventory.yml"),
            self._read_settings(tree, known),
            tuple(problem for problem in (playbooks.problem, vault.problem) if problem),
            vault.commit,
        )
        self._checkouts[environment.name] = checkout
        forget_trees(self._trees, self._list_needed())
        return checkout

    def _find_settings(self, environment: str) -> NodeSettings:
        """Those of the environment's own head: who may sign for one says nothing for another."""
        known = self._checkouts.get(environment)
        return (known.settings if known else None) or self._settings()

    def _read_settings(self, tree: Path, known: Checkout | None) -> NodeSettings | None:
        """The very same value as before where they are equal: others tell by that whether they have changed."""
        if known is not None and known.playbooks == tree:
            return known.settings
        found = self._parse_settings(tree)
        return known.settings if known is not None and known.settings == found else found

    def _parse_settings(self, tree: Path) -> NodeSettings | None:
        own = self._settings()
        file = tree / "site" / f"{own.node}.json"
        if not file.is_file():
            return None
        found = parse_settings(file.read_bytes(), str(file))
        if (found.site_id, found.node) != (own.site_id, own.node):
            hint = "render the site that this control node belongs to"
            raise ControlError("the settings at the head are another control node's", where=str(file), hint=hint)
        return found

    def _list_needed(self) -> set[Path]:
        opened = (one for known in self._opened.values() for one in known.values())
        found = (*self._checkouts.values(), *opened)
        return {checkout.playbooks for checkout in found} | {checkout.vault for checkout in found}


def _raise(result: Believed | BaseException) -> Believed:
    if isinstance(result, BaseException):
        raise result
    return result


async def _lay(clone: Clone, name: str, commit: str, trees: Path, folder: str = "") -> Path:
    try:
        return await lay_out(clone.git, commit, trees, folder)
    except GitError as error:
        if folder and f":{folder}" in error.output:
            hint = f"a folder {folder}/ with hosts.yml, group_vars/ and host_vars/ belongs there"
            raise RepositoryError(name, f"it has no folder {folder}", where=commit[:12], hint=hint) from error
        raise explain(name, error, commit[:12], folder) from error
    except OSError as error:
        hint = "free some room on the control node's disk"
        raise RepositoryError(name, f"cannot be laid out: {error.strerror}", where=str(trees), hint=hint) from error
