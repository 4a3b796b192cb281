"""The environments' branches at the git host: looked at, and moved forward.

A branch only ever moves by compare-and-swap: from where it was looked at, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from homeprod.core.errors import PromotionError
from homeprod.drivers.apps.git import Git, GitError
from homeprod.drivers.playbooks import open_clone

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Move:
    """Of a ref at the git host: from ``expected``, empty where it is not there yet, to ``wanted``."""

    ref: str
    expected: str
    wanted: str


class OvertakenError(PromotionError):
    """Refs are no longer where they were looked at: somebody else was faster, and nothing was moved."""

    def __init__(self, refs: Iterable[str], where: str) -> None:
        self.refs = tuple(refs)
        names = ", ".join(ref.removeprefix(_HEADS) for ref in self.refs)
        hint = "look again at where it stands now, and promote what is still meant:\n\n  homeprod trials"
        super().__init__(f"somebody else moved {names} meanwhile; nothing was moved", where=where, hint=hint)


class Branches:
    """Of the playbook repository, in a person's clone; ``remote`` is git's name for its git host."""

    def __init__(self, git: Git, remote: str = "origin") -> None:
        self.git, self.remote = git, remote

    @property
    def url(self) -> str:
        return self.git.ask("remote", "get-url", self.remote) or self.remote

    def fetch(self, names: Iterable[str]) -> dict[str, str]:
        """Where the branches are at the git host now; those that are not there are left out. Their commits are in the
        clone afterwards. Raises PromotionError where the git host does not answer as it should."""
        wanted = sorted(set(names))
        there = self.look([f"{_HEADS}{name}" for name in wanted])
        found = {name: there[f"{_HEADS}{name}"] for name in wanted if f"{_HEADS}{name}" in there}
        if found:
            specs = [f"+{_HEADS}{name}:refs/remotes/{self.remote}/{name}" for name in found]
            self._ask_host("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self.remote, *specs)
        for name, commit in found.items():  # somebody may have rewritten it between the look and the fetch
            if not self.has(commit):
                raise OvertakenError([f"{_HEADS}{name}"], self.url)
        return found

    def look(self, refs: Sequence[str]) -> dict[str, str]:
        """Where refs are at the git host, by their full names. Raises PromotionError."""
        rows = (line.split("\t") for line in self._ask_host("ls-remote", self.remote, *refs).splitlines())
        return {row[1]: row[0] for row in rows if len(row) == 2 and row[1] in refs}

    def find_commit(self, name: str) -> str:
        """Of this clone, by its full name. Raises PromotionError where there is none."""
        found = self.git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not found:
            hint = f"see which there are, and fetch where it is new:\n\n  git -C {self.git.folder} branch -a"
            raise PromotionError(f"there is no revision {name}", where=str(self.git.folder), hint=hint)
        return found

    def has(self, commit: str) -> bool:
        """Whether this clone has it."""
        return bool(commit) and self.git.ask("cat-file", "-t", commit) == "commit"

    def descends(self, commit: str, older: str) -> bool:
        """Whether it is the older one, or comes after it. After nothing comes everything."""
        if not older or older == commit:
            return True
        try:
            self.git.run("merge-base", "--is-ancestor", older, commit)
        except GitError:
            return False
        return True

    def tell_subject(self, commit: str) -> str:
        return self.git.ask("show", "-s", "--format=%s", commit)

    def move(self, moves: Sequence[Move]) -> None:
        """All of them, or none. Raises OvertakenError where one is elsewhere now, PromotionError where the git host
        refuses."""
        leases = [f"--force-with-lease={move.ref}:{move.expected}" for move in moves]
        wanted = [f"{move.wanted}:{move.ref}" for move in moves]
        options = ("-c", "push.followTags=false", "push", "--porcelain", "--no-verify", "--atomic", *leases)
        try:
            self.git.run(*options, self.remote, *wanted, is_patient=True)
        except GitError as error:
            self._check_push(error, moves)
        heads = [move for move in moves if move.ref.startswith(_HEADS)]
        lines = [f"update refs/remotes/{self.remote}/{m.ref.removeprefix(_HEADS)} {m.wanted}\n" for m in heads]
        self.git.run("update-ref", "--stdin", given="".join(lines).encode())

    def _ask_host(self, *arguments: str) -> str:
        try:
            return self.git.run(*arguments, is_patient=True).decode(errors="replace")
        except GitError as error:
            raise self._explain_silence(error) from error

    def _explain_silence(self, error: GitError) -> PromotionError:
        if not self.git.ask("remote", "get-url", self.remote) and "/" not in self.remote:
            hint = f"give it one:\n\n  git -C {self.git.folder} remote add {self.remote} URL"
            return PromotionError(f"the clone has no remote {self.remote}", where=str(self.git.folder), hint=hint)
        hint = f"see whether git reaches it:\n\n  git -C {self.git.folder} ls-remote {self.remote}"
        return PromotionError(f"the git host does not answer as it should: {error.word}", where=self.url, hint=hint)

    def _check_push(self, error: GitError, moves: Sequence[Move]) -> None:
        """Where the refs are says more than git's words: they may be moved, and only the answer was lost. Raises
        PromotionError unless that is so."""
        try:
            there = self.look([move.ref for move in moves])
        except PromotionError as silence:
            raise silence from error
        if all(there.get(move.ref, "") == move.wanted for move in moves):
            return
        if overtaken := [move.ref for move in moves if there.get(move.ref, "") != move.expected]:
            raise OvertakenError(overtaken, self.url) from error
        raise self._explain_push(error) from error

    def _explain_push(self, error: GitError) -> PromotionError:
        if "does not support --atomic" in error.output:
            hint = "the branch and its records move together or not at all; let the git host speak git's own protocol"
            return PromotionError(
                "the git host cannot move refs together; nothing was moved", where=self.url, hint=hint
            )
        words = [word for word in _read_refusals(error.output) if "atomic push fail" not in word]
        hint = "see whether you may push there; nothing has to be undone"
        message = f"the git host refuses: {words[0] if words else error.word}; nothing was moved"
        return PromotionError(message, where=self.url, hint=hint)


def _read_refusals(output: str) -> list[str]:
    """Why refs were not moved. Source: git-push(1), OUTPUT: of --porcelain `!`, a tab, FROM:TO, a tab, words."""
    rows = (line.split("\t", 2) for line in output.splitlines() if line.startswith("!\t"))
    return [row[2] for row in rows if len(row) == 3]


def open_branches(folder: Path, remote: str = "origin") -> Branches:
    """Raises UsageError where the folder is no clone of it."""
    return Branches(open_clone(folder, "--repository"), remote)
