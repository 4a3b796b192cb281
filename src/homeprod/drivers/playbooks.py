"""The playbook repository and the vault repository as a person has them, at two revisions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import homeprod
from homeprod.core.errors import HomeprodError, PromotionError, UsageError
from homeprod.core.tree import File, Kind, Tree
from homeprod.drivers.apps.git import Git, GitError
from homeprod.drivers.apps.tree import read_commits, read_work_tree
from homeprod.promotion.closure import INVENTORY, Revision

_COLLECTION = Path(homeprod.__file__).parent / "ansible" / "collections" / "ansible_collections" / "homeprod" / "site"
VAULT_SETTING = "homeprod.vault"
"""Of git, in the clone of the playbook repository: where the vault's clone lies, relative to it."""
SITE_SETTING = "homeprod.site"
"""Likewise: where the site is."""
_CLONES = {"--repository": "the playbook repository", "--vault": "the vault repository"}
_NAME_VAULT = (
    "name your clone of it, once for each time or once for all:\n\n"
    "  … --vault DIR\n"
    f"  git -C {{clone}} config {VAULT_SETTING} DIR"
)


@dataclass(frozen=True, slots=True)
class Step:
    """From one commit to another, by their full names; from nothing where ``before`` is empty. ``vault`` is the
    commit of the vault that both are beside, empty without a vault."""

    before: str
    after: str
    revisions: tuple[Revision, Revision]
    vault: str = ""


def read_step(folder: Path, span: str, vault: Path | None = None) -> Step:
    """``span`` is ``A..B`` as git has it; without B it is the head. The head of the vault's clone counts for both
    sides. Raises UsageError, PromotionError, AppsError."""
    first, second = _split(span)
    git = open_clone(folder, "--repository")
    before, after = _find_commit(git, first), _find_commit(git, second or "HEAD")
    trees = read_commits(git, {"before": before, "after": after})
    for commit, tree in ((before, trees["before"]), (after, trees["after"])):
        _require_inventory(commit, tree)
    collection, (head, secrets) = read_collection(), _read_vault(vault)
    revisions = (Revision(trees["before"], collection, secrets), Revision(trees["after"], collection, secrets))
    return Step(before, after, revisions, head)


def _split(span: str) -> tuple[str, str]:
    first, dots, second = span.partition("..")
    if dots and first and not second.startswith("."):
        return first, second
    hint = "name where it comes from and where it goes to:\n\n  homeprod affected origin/prod..HEAD"
    raise UsageError(f"{span!r} is no A..B" if span else "say which revisions are to be compared", hint=hint)


def read_first_step(folder: Path, revision: str) -> Step:
    """From nothing, an inventory without a host, to ``revision``. Raises as :func:`read_step`."""
    step = read_step(folder, f"{revision}..{revision}")
    after = step.revisions[1]
    nothing = Tree({INVENTORY: File(Kind.FILE, b"all: {}\n")})
    return Step("", step.after, (Revision(nothing, after.collection, after.vault), after))


def read_revisions(git: Git, commits: Collection[str], vault: Tree | None) -> dict[str, Revision]:
    """By commit, each beside this homeprod's collection and the same vault. Raises PromotionError, AppsError."""
    trees = read_commits(git, {commit: commit for commit in set(commits)})
    for commit, tree in trees.items():
        _require_inventory(commit, tree)
    collection = read_collection()
    return {commit: Revision(tree, collection, vault) for commit, tree in trees.items()}


@dataclass(frozen=True, slots=True)
class Vault:
    """A person's clone of the vault repository. ``head`` is what a control node runs with now; ``source`` says where
    that stands, for words."""

    git: Git
    head: str
    source: str = ""

    def has_folder(self, name: str) -> bool:
        """At its head."""
        return self.git.ask("cat-file", "-t", f"{self.head}:{name}") == "tree"

    def has(self, commit: str) -> bool:
        return bool(commit) and self.git.ask("cat-file", "-t", commit) == "commit"

    def read(self, commit: str) -> Tree:
        """Raises AppsError where it is not whole."""
        return read_commits(self.git, {commit: commit})[commit]


def find_vault(clone: Path, given: Path | None) -> Path:
    """Where a person's clone of the vault is: as ``given``, else as git's settings say in the clone of the playbook
    repository. Raises UsageError: without the vault, digests are others than the control node's; or where the one or
    the other is no clone."""
    open_clone(clone, "--repository")
    if given is not None:
        return given
    if (found := find_known_vault(clone)) is not None:
        return _require_named(clone, found)
    message = "what stands in the vault counts too, and nobody says where your clone of it is"
    raise UsageError(message, hint=_NAME_VAULT.format(clone=clone))


def find_known_vault(clone: Path) -> Path | None:
    """Where git's settings say, relative to where the clone of the playbook repository begins."""
    return _find_named(clone, VAULT_SETTING)


def find_named_site(clone: Path) -> Path | None:
    """Where the site is, as git's settings say in the same way; None where they do not."""
    return _find_named(clone, SITE_SETTING)


def _find_named(clone: Path, setting: str) -> Path | None:
    git = Git(clone)
    named = git.ask("config", "--get", setting) if clone.is_dir() else ""
    return Path(git.ask("rev-parse", "--show-toplevel") or clone) / Path(named).expanduser() if named else None


def _require_named(clone: Path, vault: Path) -> Path:
    """What is wrong with a setting is said of the setting."""
    try:
        open_clone(vault, "--vault")
    except HomeprodError as error:
        hint = f"so says `git config {VAULT_SETTING}` in {clone}; name it anew:\n\n"
        error.hint = f"{hint}  git -C {clone} config {VAULT_SETTING} DIR"
        raise
    return vault


def fetch_vault(folder: Path, remote: str = "origin") -> Vault:
    """With its head as its git host has it now; of a clone without a remote its own. Raises UsageError,
    PromotionError."""
    git = open_clone(folder, "--vault")
    if git.ask("remote", "get-url", remote):
        return _fetch_head(git, remote)
    head = _find_commit(git, "HEAD")
    return Vault(git, head, f"{folder}, at {head[:12]}")


def _fetch_head(git: Git, remote: str) -> Vault:
    """Source: git-ls-remote(1): with --symref `ref: refs/heads/NAME`, a tab and `HEAD` come first."""
    try:
        listed = git.run("ls-remote", "--symref", remote, "HEAD", is_patient=True).decode(errors="replace")
        git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", remote, "HEAD", is_patient=True)
    except GitError as error:
        hint = f"see whether git reaches it:\n\n  git -C {git.folder} ls-remote {remote}"
        message = f"the vault's git host does not answer as it should: {error.word}"
        raise PromotionError(message, where=str(git.folder), hint=hint) from error
    rows = [line.split("\t")[0] for line in listed.splitlines()]
    branch = next((row.removeprefix("ref: refs/heads/") for row in rows if row.startswith("ref: ")), "HEAD")
    head = _find_commit(git, next((row for row in rows if not row.startswith("ref: ")), "HEAD"))
    return Vault(git, head, f"{remote}/{branch} of {git.ask('remote', 'get-url', remote)}, at {head[:12]}")


def read_collection() -> Tree:
    """Of homeprod's own roles, as they are installed here; not what Python has made of some files meanwhile. Raises
    AppsError."""
    tree = read_work_tree(_COLLECTION)
    return Tree({path: file for path, file in tree if "__pycache__" not in path.split("/")})


def open_clone(folder: Path, option: str) -> Git:
    """Of a person, who names it by ``option``, or has named it once for all. Raises UsageError."""
    hint = f"name your clone of {_CLONES[option]}:\n\n  … {option} DIR"
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=str(folder), hint=hint)
    if not is_clone(folder):
        raise UsageError("this is no git repository", where=str(folder), hint=hint)
    return Git(folder)


def is_clone(folder: Path) -> bool:
    return folder.is_dir() and bool(Git(folder).ask("rev-parse", "--git-dir"))


def _find_commit(git: Git, name: str) -> str:
    found = git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if not found:
        hint = f"see which there are, and fetch where it is new:\n\n  git -C {git.folder} branch -a"
        raise PromotionError(f"there is no revision {name}", where=str(git.folder), hint=hint)
    return found


def _require_inventory(commit: str, tree: Tree) -> None:
    if tree.get(INVENTORY) is None:
        hint = "it is rendered by the site:\n\n  homeprod render --to DIR"
        raise PromotionError(f"it has no {INVENTORY}, so nobody knows its hosts", where=commit[:12], hint=hint)


def _read_vault(folder: Path | None) -> tuple[str, Tree | None]:
    """The head of a clone, and what stands there."""
    if folder is None:
        return "", None
    git = open_clone(folder, "--vault")
    head = _find_commit(git, "HEAD")
    return head, read_commits(git, {"head": head})["head"]
