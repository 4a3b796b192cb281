"""To an environment with a gate: what was tried goes through, its branch moves, and the roll-out is watched."""

from __future__ import annotations

import time
from collections.abc import Sequence

from homeprod.cli import render
from homeprod.cli.promotion.account import Account
from homeprod.cli.promotion.applied import ask_applied
from homeprod.cli.promotion.ending import refuse, tell_uncleared
from homeprod.cli.promotion.ground import Ground
from homeprod.cli.promotion.node import Node, open_node
from homeprod.cli.promotion.rollout import DONE, REFUSED, Known, Watched, watch
from homeprod.cli.promotion.standing import Standing, describe, list_standings, make_evidence
from homeprod.cli.promotion.step import advance
from homeprod.cli.promotion.trials import list_lines
from homeprod.cli.question import ask
from homeprod.promotion.record import Emergency
from homeprod.wiring.records import find_record_signer


def go_through_gate(account: Account) -> int:
    ground, revision, options = account.ground, account.revision, account.options
    entries, now = ground.hear().believed, time.time()
    standings = list_standings(ground, revision, entries, ask_applied(ground, options), now)
    account.hosts, account.is_emergency = [describe(one, now) for one in standings], options.emergency
    if ground.head == revision:
        render.say(f"{ground.branch} is at {revision[:12]} already")
    else:
        account.print_step()
        for line in list_lines(standings, now):
            account.print(line)
        if _is_refused(account, standings):
            return REFUSED
        _advance(account)
    if options.no_watch:
        return DONE
    with open_node(ground.site, ground.node, options) as node:
        node.require_ready()
        watched = watch_rollout(ground, node, revision, account.command)
    account.rollout, account.problem = list(watched.hosts), watched.problem
    tell_watched(watched, f"{ground.environment.name} is at {revision[:12]}")
    return watched.code


def _is_refused(account: Account, standings: Sequence[Standing]) -> bool:
    held = [one.subject.host for one in standings if one.bad is not None]
    lacking = [one.subject.host for one in standings if not one.is_good and one.bad is None]
    if held:
        refuse(account, tell_uncleared(held))
    elif lacking and not account.options.emergency:
        refuse(account, f"no record that counts: {', '.join(lacking)}")
    else:
        return False
    return True


def _advance(account: Account) -> None:
    ground, options, name = account.ground, account.options, account.ground.environment.name
    if options.emergency:
        signer = find_record_signer(ground.site, ground.node, lab=options.lab)
        if not options.yes:
            ask(f"bring to {name} what was not tried, shown as that for ever after?", name)
        advance(ground, account.revision, [_make_emergency(account)], signer)
    else:
        if not options.yes:
            ask(f"move {ground.branch} there?", "yes")
        advance(ground, account.revision)
    account.has_moved = True
    account.print(f"{ground.branch} is at {account.revision[:12]}")


def _make_emergency(account: Account) -> Emergency:
    digests = find_digests(account.ground, account.revision)
    name, why = account.ground.environment.name, account.options.why
    return Emergency(environment=name, revision=account.revision, at=time.time(), why=why, digests=digests)


def find_digests(ground: Ground, revision: str) -> dict[str, str]:
    """Of the environment's hosts."""
    [after] = ground.find_closures(revision)
    return {host: one.digest for host, one in after.items() if one.environment == ground.environment.name}


def watch_rollout(ground: Ground, node: Node, revision: str, command: str) -> Watched:
    """Ctrl-C leaves it, and says what goes on; ``command`` watches it again."""

    def is_later(head: str) -> bool:
        return ground.branches.has(head) and ground.branches.descends(head, revision)

    evidence = make_evidence(ground, ground.records.read().believed, time.time())
    known = Known(
        vault=ground.secrets.head,
        digests=find_digests(ground, revision),
        is_later=is_later,
        find_lack=lambda host, digest: evidence.find_lack(host, digest, revision, ""),
    )
    try:
        with render.busy(f"waiting for {node.name}"):
            return watch(node, ground.environment.name, revision, known)
    except KeyboardInterrupt:
        render.say(f"\nwatched no longer; the roll-out goes on without. To watch it again:\n\n  {command}")
        raise


def tell_watched(watched: Watched, done: str) -> None:
    if watched.problem:
        render.say_problem(watched.problem, watched.hint)
    else:
        render.say(done)
