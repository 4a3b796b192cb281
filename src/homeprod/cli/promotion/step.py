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
    if (error := explain_descent(ground, revision)) is not None:
        raise error


def explain_descent(ground: Ground, revision: str) -> PromotionError | None:
    """Why the branch would not go forward; None where it would, or is there."""
    if ground.branches.descends(revision, ground.head):
        return None
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
    return PromotionError(message, where=revision[:12], hint=hint)


def advance(ground: Ground, revision: str, entries: Sequence[Entry] = (), signer: RecordSigner | None = None) -> None:
    """Move the branch to ``revision``, and with it all records of the clone and ``entries``. Raises OvertakenError
    where somebody else moved the branch meanwhile; then nothing was moved, and ``entries`` are nowhere."""
    branch = f"refs/heads/{ground.branch}"
    with render.busy("pushing"):
        for number in range(1, _TRIES + 1):
            there = ground.branches.look([branch, NOTES])
            if there.get(branch, "") != ground.head:
                raise OvertakenError([branch], ground.branches.url)
            try:
                notes = _find_notes_move(ground, there.get(NOTES, ""), entries, signer)
                ground.branches.move([Move(branch, ground.head, revision), *notes])
            except OvertakenError as error:
                if branch in error.refs or number == _TRIES:
                    raise
            else:
                _take_over(ground, notes)
                return


def _find_notes_move(ground: Ground, there: str, entries: Sequence[Entry], signer: RecordSigner | None) -> list[Move]:
    """What is ``there`` with what the clone has and ``entries``; nothing where that is all there already. Until they
    are pushed the clone's records do not lead to the entries: they are said of this step, and go with no other."""
    git = ground.branches.git
    if there:
        ground.records.fetch()
    own = ground.records.write_aside(entries, signer) if entries and signer is not None else _read_notes(git)
    if there and not ground.branches.descends(own, there):
        raise OvertakenError([NOTES], ground.branches.url)
    return [Move(NOTES, there, own)] if own != there else []


def _take_over(ground: Ground, notes: Sequence[Move]) -> None:
    for move in notes:
        if ground.branches.descends(move.wanted, _read_notes(ground.branches.git)):
            ground.branches.git.run("update-ref", NOTES, move.wanted)


def _read_notes(git: Git) -> str:
    return git.ask("rev-parse", "--verify", "--quiet", NOTES)
