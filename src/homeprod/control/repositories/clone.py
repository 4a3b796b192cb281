"""One repository: fetched into a bare clone, and its head believed or not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homeprod.control.places import Places
from homeprod.control.repositories.errors import GitError, RepositoryError, explain
from homeprod.control.repositories.git import Git, make_ssh_command
from homeprod.control.repositories.head import Heads
from homeprod.control.repositories.note import fetch_notes
from homeprod.control.repositories.signature import UnbelievedError, find_signer, write_signers
from homeprod.control.settings import KeyOwner


class RewrittenError(UnbelievedError):
    """It does not come after what was believed before."""


_PARTS = ("HEAD", "objects", "refs")
"""Without one of them a folder is no repository to git."""


@dataclass(frozen=True, slots=True)
class Believed:
    """``problem`` says why a newer head is not believed, empty where ``commit`` is the newest."""

    commit: str
    problem: str = ""


class Clone:
    """``name`` is ``playbook`` or ``vault``; ``deploy`` the name of its deploy key."""

    def __init__(self, name: str, deploy: str, places: Places, heads: Heads) -> None:
        self._name = name
        self._deploy = deploy
        self._places = places
        self._heads = heads
        self._folder = places.cache / "git" / f"{deploy}.git"
        self.git = Git(self._folder)

    async def fetch(
        self,
        address: str,
        branch: str,
        host_keys: Sequence[str],
        signers: Sequence[KeyOwner],
        *,
        with_notes: bool = False,
    ) -> Believed:
        """The newest head of ``branch`` (``HEAD``: the repository's own) that may be believed; ``with_notes`` the
        records besides, of which none is believed yet. Raises RepositoryError where there is no head."""
        try:
            await self._prepare(host_keys)
            head = await self._fetch_head(address, branch)
            if with_notes:  # after the branch: who promotes pushes them before it
                await fetch_notes(self.git, address)
            return await self._judge(head, branch, address, signers)
        except GitError as error:
            raise explain(self._name, error, address, branch) from error
        except OSError as error:
            hint = "free some room on the control node's disk"
            raise RepositoryError(
                self._name, f"cannot be kept: {error.strerror}", where=address, hint=hint
            ) from error

    async def find_believed(self, branch: str) -> str:
        """The commit that was believed last and is still there, without asking the git host; empty for none."""
        known = self._heads.read(f"{self._name} {branch}")
        return await self.git.find_commit(known) if known and self._folder.is_dir() else ""

    async def keep(self, environment: str, commits: Sequence[str]) -> None:
        """These are needed on, by the environment: git forgets none of them."""
        try:
            listed = await self.git.run("for-each-ref", "--format=%(refname)", f"refs/kept/{environment}/")
            wanted = {f"refs/kept/{environment}/{commit}": commit for commit in commits}
            gone = [name for name in listed.decode().split() if name not in wanted]
            for name, commit in wanted.items():
                await self.git.run("update-ref", name, commit)
            for name in gone:
                await self.git.run("update-ref", "-d", name)
        except GitError as error:
            raise explain(self._name, error, environment, environment) from error

    async def _fetch_head(self, address: str, branch: str) -> str:
        """Read from the ref, which git writes whole or not at all; FETCH_HEAD it may cut off on a full disk and say
        nothing."""
        source, kept = branch if branch == "HEAD" else f"refs/heads/{branch}", f"refs/fetched/{branch}"
        options = ("--no-tags", "--quiet", "--no-write-fetch-head")
        await self.git.run("fetch", *options, "--", address, f"+{source}:{kept}")
        return (await self.git.run("rev-parse", "--verify", f"{kept}^{{commit}}")).decode().strip()

    async def _judge(self, head: str, branch: str, address: str, signers: Sequence[KeyOwner]) -> Believed:
        known = self._heads.read(f"{self._name} {branch}")
        if head == known:
            return Believed(head)
        try:
            await self._believe(head, known, signers)
        except UnbelievedError as error:
            return await self._fall_back(head, known, branch, address, error)
        self._heads.write(f"{self._name} {branch}", head)
        return Believed(head)

    async def _believe(self, head: str, known: str, signers: Sequence[KeyOwner]) -> None:
        signers_file = self._folder.parent / f"{self._deploy}.signers"
        write_signers(signers_file, signers)
        await find_signer(self.git, head, signers_file)
        if known:
            try:
                await self.git.run("merge-base", "--is-ancestor", known, head)
            except GitError:
                raise RewrittenError(f"does not come after {known[:12]}, which was believed before") from None

    async def _fall_back(self, head: str, known: str, branch: str, address: str, reason: UnbelievedError) -> Believed:
        problem = f"its head {head[:12]} on {branch} {reason}"
        if known and await self.git.find_commit(known):
            # The node's page shows this as well, and no path of the node stands on it.
            way = (
                f"; push one that does, or remove {self._heads.file.name} on the control node where it was meant"
                if isinstance(reason, RewrittenError)
                else ""
            )
            return Believed(known, f"{self._name} repository: {problem}; runs go on with {known[:12]}{way}")
        hint = "sign the commit with a key of someone whom the site lets sign, and push it\n    git commit -S --amend"
        if known:
            hint = (
                f"where the history was rewritten on purpose, say so on the control node\n    rm {self._heads.file}"
            )
        raise RepositoryError(self._name, problem, where=address, hint=hint)

    async def _prepare(self, host_keys: Sequence[str]) -> None:
        if not all((self._folder / part).exists() for part in _PARTS):
            await self._make()
        known_hosts, public_key = self._folder.parent / "known_hosts", self._write_public_key()
        known_hosts.write_text("".join(f"{line}\n" for line in host_keys))
        agent = str(self._places.agent_socket("deploy"))
        self.git = Git(
            self._folder,
            {"SSH_AUTH_SOCK": agent, "GIT_SSH_COMMAND": make_ssh_command(known_hosts, public_key)},
        )

    async def _make(self) -> None:
        """Whole or not at all: a git that is killed amid its work, by a lock say, leaves what no git takes again."""
        draft = self._folder.with_name(f"{self._folder.name}.new")
        for folder in (draft, self._folder):
            shutil.rmtree(folder, ignore_errors=True)
        draft.mkdir(parents=True)
        await Git(draft).run("init", "--quiet", "--bare")
        draft.rename(self._folder)

    def _write_public_key(self) -> Path | None:
        """Of this repository's deploy key, None where the keyring published none."""
        try:
            key = json.loads(self._places.public_file.read_text())["deploy"][self._deploy]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not bootstrapped, or a test without keys: ssh then offers what the agent has
        file = self._folder.parent / f"{self._deploy}.pub"
        file.write_text(f"{key}\n")
        return file
