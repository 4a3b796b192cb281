"""Which revision an environment had before: where nobody names one, it is looked for where somebody knows it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from homeprod.cli import render
from homeprod.cli.promotion.ground import Ground
from homeprod.cli.promotion.node import open_node
from homeprod.cli.promotion.standing import list_held
from homeprod.core.errors import HomeprodError, PromotionError
from homeprod.promotion.record import Rollback, Signed


def find_former(ground: Ground, entries: Sequence[Signed], options: argparse.Namespace) -> str:
    """The last that was good, and brings nothing back that was rolled back: as the control node tells it, else as
    this clone saw the branch move. Raises PromotionError where nobody knows."""
    rolled = [one.entry for one in entries if isinstance(one.entry, Rollback)]
    own = [one for one in rolled if one.environment == ground.environment.name]
    if last := next((one for one in own if one.revision == ground.head), None):
        hint = f"name the one that is meant:\n\n  homeprod rollback --env {ground.environment.name} --to REV"
        message = f"{ground.branch} is rolled back already, to {last.to[:12]}"
        raise PromotionError(message, where=ground.head[:12], hint=hint)
    left = {one.left for one in own}
    for commit in (*_ask_node(ground, options), *_list_seen(ground)):
        is_former = commit not in left and commit != ground.head and ground.branches.has(commit)
        if is_former and ground.branches.descends(ground.head, commit) and not list_held(ground, commit, entries):
            return commit
    hint = f"name it; these are its commits:\n\n  git log --oneline {ground.branches.remote}/{ground.branch}\n"
    hint += f"  homeprod rollback --env {ground.environment.name} --to REV"
    raise PromotionError(f"nobody here knows which revision {ground.branch} had before", hint=hint)


def _ask_node(ground: Ground, options: argparse.Namespace) -> Sequence[str]:
    """What it admitted last where it holds the head, then what those hosts have that are not at the head."""
    try:
        with open_node(ground.site, ground.node, options) as node:
            told = node.find_promotion(ground.environment.name)
            hosts = [one for one in node.find_hosts().values() if one.environment == ground.environment.name]
    except HomeprodError as error:
        render.say(f"note: {ground.node} cannot say what was there before: {error.message}")
        return []
    behind = [one.applied.revision for one in hosts if one.applied.revision not in ("", ground.head)]
    latest = sorted(set(behind), key=lambda commit: _count_after(ground, commit))
    return [str(told.get("former") or ""), str(told.get("admitted") or ""), *latest]


def _count_after(ground: Ground, commit: str) -> int:
    """How many commits it is behind the head; those that are nowhere near come last."""
    counted = ground.branches.git.ask("rev-list", "--count", f"{commit}..{ground.head}")
    return int(counted) if counted.isdecimal() else 1_000_000


def _list_seen(ground: Ground) -> Iterator[str]:
    """Where this clone saw the branch before, the newest first. Source: git-reflog(1)."""
    ref = f"refs/remotes/{ground.branches.remote}/{ground.branch}"
    yield from ground.branches.git.ask("log", "-g", "--format=%H", ref, "--").splitlines()
