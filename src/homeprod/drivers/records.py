"""Records in a clone of the playbook repository: read and believed, added to, and exchanged with the git host.

They are git notes, on the commit that each is about. What the host has is merged into what is here, line by line and
never the other way round: whoever can push to the host can add nothing that is believed, and take nothing away here.

Source: git-notes(1).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from homeprod.core.errors import PromotionError
from homeprod.drivers.apps.git import Git, GitError
from homeprod.drivers.apps.tree import read_contents
from homeprod.drivers.recordsigner import RecordSigner as RecordSigner
from homeprod.drivers.recordsigner import open_record_signer as open_record_signer
from homeprod.promotion.notes import NOTES, Heard, choose_notes, read_notes, write_line
from homeprod.promotion.record import Entry, Signed, write_entry
from homeprod.promotion.sshsig import Believers

__all__ = ["NOTES", "Heard", "RecordSigner", "Records", "Signed", "open_record_signer"]
_FETCHED, _ASIDE = "refs/notes/homeprod-fetched", "refs/notes/homeprod-aside"
_TRIES = 5
"""Pushes, each after a merge of what somebody else pushed meanwhile."""


class Records:
    """Of the repository that ``clone`` lies in. ``people`` are those whose entries are believed, each with their
    public keys."""

    def __init__(self, clone: Path, people: Mapping[str, Sequence[str]], remote: str = "origin") -> None:
        self._git = Git(clone)
        self._believers = Believers(people)
        self._remote = remote

    def fetch(self) -> None:
        """The remote's notes, merged into the clone's; a remote without any is one with nothing to add. Raises
        PromotionError."""
        refspec = f"+{NOTES}:{_FETCHED}"
        try:
            self._git.run(
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self._remote, refspec, is_patient=True
            )
        except GitError as error:
            if "couldn't find remote ref" in error.output:
                return
            hint = f"see whether the git host answers:\n\n  git -C {self._git.folder} ls-remote {self._remote}"
            raise self._fail(f"cannot be fetched from {self._remote}", error, hint) from error
        self._merge()

    def read(self) -> Heard:
        """All there are, as far as they are believed. Raises PromotionError where git cannot read them."""
        try:
            return read_notes(dict(self._read_texts()), self._believers)
        except GitError as error:
            raise self._fail("cannot be read", error, f"see:\n\n  git -C {self._git.folder} fsck") from error

    def append(self, entries: Sequence[Entry], signer: RecordSigner) -> None:
        """Sign them, and add each to the note of its revision, here; :meth:`push` makes them the host's. Raises
        PromotionError, UsageError."""
        lines = _write_lines(entries, signer)
        with self._alone():
            self._add_all(lines, NOTES)

    def write_aside(self, entries: Sequence[Entry], signer: RecordSigner) -> str:
        """Sign them, and write them with all that is here into a commit that nothing here leads to: whoever pushes it
        makes it so. Raises as :meth:`append`."""
        lines = _write_lines(entries, signer)
        with self._alone():
            own = self._git.ask("rev-parse", "--verify", "--quiet", NOTES)
            self._git.run("update-ref", *((_ASIDE, own) if own else ("-d", _ASIDE)))
            self._add_all(lines, _ASIDE)
            return self._git.ask("rev-parse", "--verify", "--quiet", _ASIDE)

    def _add_all(self, lines: Mapping[str, Sequence[str]], ref: str) -> None:
        for revision, more in lines.items():
            try:
                self._add(revision, more, ref)
            except GitError as error:
                raise self._fail(f"cannot be kept on {revision[:12]}", error, self._advise(error)) from error

    def push(self) -> None:
        """What is here, with what the host had besides. Raises PromotionError where it is not taken; what is here
        stays, and is pushed with the next."""
        for attempt in range(1, _TRIES + 1):
            self.fetch()
            if not self._has_any():
                return
            try:
                self._git.run(
                    "push", "--quiet", "--no-verify", "--", self._remote, f"{NOTES}:{NOTES}", is_patient=True
                )
            except GitError as error:
                if attempt < _TRIES and _was_outrun(error):
                    continue
                way = f"git -C {self._git.folder} push {self._remote} {NOTES}"
                hint = f"they are kept here, and go with the next push; see whether you may push there:\n\n  {way}"
                raise self._fail(f"cannot be pushed to {self._remote}", error, hint) from error
            else:
                return

    def _merge(self) -> None:
        try:
            with self._alone():
                if not self._has_any():
                    self._git.run("update-ref", NOTES, _FETCHED)
                    return
                self._git.run("notes", "--ref", NOTES, "merge", "--quiet", "-s", "cat_sort_uniq", _FETCHED)
        except GitError as error:
            raise self._fail("cannot be merged", error, self._advise(error)) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other homeprod changes the notes of this clone meanwhile: git itself would let the later one win. Raises
        PromotionError where nothing can be written there."""
        folder = Path(self._git.run("rev-parse", "--path-format=absolute", "--git-common-dir").decode().strip())
        try:
            with (folder / "homeprod-records.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise PromotionError(
                f"the records cannot be kept: {reason}",
                where=str(folder),
                hint="let whoever runs homeprod write there",
            ) from error

    def _add(self, revision: str, more: Sequence[str], ref: str) -> None:
        if not self._git.ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"):
            raise GitError("fatal: there is no such commit")
        known = (
            self._git.run("notes", "--ref", ref, "show", revision).decode(errors="replace")
            if self._has_note(revision, ref)
            else ""
        )
        lines = sorted({*known.splitlines(), *more} - {""})
        text = "".join(f"{line}\n" for line in lines).encode(errors="replace")
        blob = self._git.run("hash-object", "-w", "--stdin", given=text).decode().strip()
        self._git.run("notes", "--ref", ref, "add", "--force", "-C", blob, revision)

    def _has_note(self, revision: str, ref: str) -> bool:
        return bool(self._git.ask("notes", "--ref", ref, "list", revision))

    def _read_texts(self) -> Iterator[tuple[str, str | None]]:
        if not self._has_any():
            return
        listed = [line.split() for line in self._git.run("notes", "--ref", NOTES, "list").decode().splitlines()]
        blobs = {commit: blob for blob, commit in listed}
        wanted = choose_notes(self._measure(sorted(set(blobs.values()))))
        contents = read_contents(self._git, sorted(wanted))
        for commit, blob in sorted(blobs.items()):
            yield commit, contents[blob].decode(errors="replace") if blob in contents else None

    def _has_any(self) -> bool:
        return bool(self._git.ask("rev-parse", "--verify", "--quiet", NOTES))

    def _measure(self, blobs: Sequence[str]) -> dict[str, int]:
        """Bytes by blob; source: git-cat-file(1), --batch-check."""
        given = "".join(f"{blob}\n" for blob in blobs).encode()
        rows = (row.split() for row in self._git.run("cat-file", "--batch-check", given=given).decode().splitlines())
        return {row[0]: int(row[2]) for row in rows if len(row) == 3 and row[1] == "blob"}

    def _fail(self, what: str, error: GitError, hint: str) -> PromotionError:
        return PromotionError(f"the records {what}: {error.word}", where=str(self._git.folder), hint=hint)

    def _advise(self, error: GitError) -> str:
        if "tell me who you are" in error.output:
            return 'tell git who you are:\n\n  git config --global user.name "…"\n  git config --global user.email …'
        return f"see what git says of them:\n\n  git -C {self._git.folder} notes --ref {NOTES} list"


def _write_lines(entries: Sequence[Entry], signer: RecordSigner) -> dict[str, list[str]]:
    """By the commit that each is about."""
    lines: dict[str, list[str]] = {}
    for entry in entries:
        lines.setdefault(entry.revision, []).append(write_line(entry, signer.sign(write_entry(entry))))
    return lines


def _was_outrun(error: GitError) -> bool:
    """Somebody else was faster: git's words, or a lock of theirs."""
    return any(
        sign in error.output
        for sign in ("non-fast-forward", "fetch first", "cannot lock ref", "failed to update ref")
    )
