"""The step forward: an environment's branch and the records, moved together and from where they were looked at."""

from __future__ import annotations

from collections.abc import Sequence

from homeprod.cli import render
from homeprod.cli.promotion.ground import Ground
from homeprod.core.errors import PromotionError
from homeprod.drivers.apps.git import Git
from homeprod.drivers.branches import Move, OvertakenError
from homeprod.drivers.records import NOTES, RecordSigner
from homeprod.promotion.record import Entry

_TRIES = 5
"""Pushes, each with what somebody else noted meanwhile; the branch has one alone."""


def require_descent(ground: Ground, revision: str) -> None:
    """Raises PromotionError where the branch would not go forward."""
    if ground.branches.descends(revision, ground.head):
        return
    branch, remote = ground.branch, ground.branches.remote
    if ground.branches.descends(ground.head, revision):
        message = f"{branch} is past it already, at {ground.head[:12]}"
        hint = "where it is to go back, commit what takes the change back, and promote that"
        if ground.environment.promotion is not None:
            command = f"homeprod rollback --env {ground.environment.name} --to {revision[:12]}"
            hint = f"where it is to go back, by a commit that goes forward:\n\n  {command}"
    else:
        message = f"it does not come after {ground.head[:12]}, where {branch} is: a branch only ever moves forward"
        hint = f"bring into it what is there, and try that:\n\n  git merge {remote}/{branch}"
    raise PromotionError(message, where=revision[:12], hint=hint)


def advance(ground: Ground, revision: str, entries: Sequence[Entry] = (), signer: RecordSigner | None = None) -> None:
    """Move the branch to ``revision``, and with it all records of the clone, ``entries`` among them. Raises
    OvertakenError where somebody else moved the branch meanwhile; then nothing was moved, and ``entries`` are not
    kept."""
    git = ground.branches.git
    kept = git.ask("rev-parse", "--verify", "--quiet", NOTES)
    if entries and signer is not None:
        ground.records.append(entries, signer)
    try:
        with render.busy("pushing"):
            _push(ground, revision)
    except PromotionError:
        if entries:  # what was said of a step that was not made must not go with another one
            _put_back(git, kept)
        raise


def _put_back(git: Git, kept: str) -> None:
    """The clone's records as they were, unless somebody added to them just now."""
    now = git.ask("rev-parse", "--verify", "--quiet", NOTES)
    git.run("update-ref", *((NOTES, kept, now) if kept else ("-d", NOTES, now)))


def _push(ground: Ground, revision: str) -> None:
    branch = f"refs/heads/{ground.branch}"
    for number in range(1, _TRIES + 1):
        there = ground.branches.look([branch, NOTES])
        if there.get(branch, "") != ground.head:
            raise OvertakenError([branch], ground.branches.url)
        try:
            own = _merge_notes(ground, there.get(NOTES, ""))
            notes = [Move(NOTES, there.get(NOTES, ""), own)] if own and own != there.get(NOTES) else []
            ground.branches.move([Move(branch, ground.head, revision), *notes])
        except OvertakenError as error:
            if branch in error.refs or number == _TRIES:
                raise
        else:
            return


def _merge_notes(ground: Ground, there: str) -> str:
    """The clone's records, with those that are ``there``; empty where there are none at all."""
    git = ground.branches.git
    if there:
        ground.records.fetch()
    own = git.ask("rev-parse", "--verify", "--quiet", NOTES)
    if there and not ground.branches.descends(own, there):
        raise OvertakenError([NOTES], ground.branches.url)
    return own
