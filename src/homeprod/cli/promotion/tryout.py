"""To an environment without a gate: the branch moves, and its hosts try the revision for those that come after."""

from __future__ import annotations

import time
from collections.abc import Sequence

from homeprod import __version__
from homeprod.cli import render
from homeprod.cli.promotion.account import Account
from homeprod.cli.promotion.applied import find_applied
from homeprod.cli.promotion.checks import SiteChecks
from homeprod.cli.promotion.gates import find_counterparts, find_fresh_days
from homeprod.cli.promotion.ground import Ground
from homeprod.cli.promotion.node import Node, open_node
from homeprod.cli.promotion.rollout import DONE, FAILED, WAITS
from homeprod.cli.promotion.standing import DAY
from homeprod.cli.promotion.step import advance
from homeprod.cli.promotion.trial import Trial, Tried
from homeprod.cli.question import ask
from homeprod.cli.schema.promotion import TriedEntry
from homeprod.core.errors import ControlError, HomeprodError
from homeprod.drivers.doorwords import tell
from homeprod.drivers.records import RecordSigner
from homeprod.promotion.candidates import Candidate, Closures, Subject, list_candidates
from homeprod.promotion.outcome import Result
from homeprod.promotion.record import FUTURE, Signed, judge
from homeprod.promotion.record import Trial as TrialEntry
from homeprod.site.configured import list_environments
from homeprod.site.machine import Environment
from homeprod.wiring.records import find_record_signer


def try_out(account: Account) -> int:
    ground, options = account.ground, account.options
    signer = None if options.no_try else find_record_signer(ground.site, ground.node, lab=options.lab)
    _move(account)
    if signer is None:
        return DONE
    try:
        return _try(account, signer)
    except HomeprodError as error:
        if account.command not in error.hint:
            words = f"{ground.branch} is at {account.revision[:12]}; the same command goes on:\n\n  {account.command}"
            error.hint = f"{error.hint}\n\n{words}".strip()
        raise


def _try(account: Account, signer: RecordSigner) -> int:
    """What follows once the branch is there."""
    ground, options = account.ground, account.options
    with open_node(ground.site, ground.node, options) as node:
        node.knock()
        node.require_ready()
        entries = ground.hear().believed
        candidates = _list_candidates(account, node, entries)
        due = [one for one in candidates if options.again or not one.is_settled]
        for one in candidates:
            if one not in due:
                render.say(f"{one.host}: its record counts still; --again tries it once more")
        tried = _hold_trial(account, node, due) if due else []
    _note(account, tried, entries, signer)
    return _conclude(account, tried)


def _move(account: Account) -> None:
    ground, revision = account.ground, account.revision
    if ground.head == revision:
        render.say(f"{ground.branch} is at {revision[:12]} already")
        return
    account.print_step()
    if not account.options.yes:
        ask(f"move {ground.branch} there?", "yes")
    advance(ground, revision)
    account.has_moved = True
    account.print(f"{ground.branch} is at {revision[:12]}")


def _list_candidates(account: Account, node: Node, entries: Sequence[Signed]) -> list[Candidate]:
    ground, now = account.ground, time.time()
    after, own = ground.find_closures(account.revision, ground.head)
    before = [own, *(_find_base(ground, node, one) for one in ground.followers)]
    days = _find_days(ground)

    def is_green(one: Subject) -> bool:
        return judge(entries, one.host, one.digest, now, days[one.environment] * DAY).is_green

    counterparts = find_counterparts(ground.site, ground.environment)
    applied = find_applied(ground, node)
    return list_candidates(after, ground.environment.name, before, counterparts, is_green=is_green, applied=applied)


def _find_base(ground: Ground, node: Node, follower: Environment) -> Closures:
    """What the environment behind this one is at: as its gate says, else its branch with the vault of now. So too
    where its node has not heard of that gate yet."""
    if follower.promotion is not None and follower.control_node == node.name:
        told = node.find_promotion(follower.name)
        revision, vault = str(told.get("admitted") or ""), str(told.get("admitted_vault") or "")
        if ground.branches.has(revision) and ground.secrets.has(vault):
            return ground.find_closures(revision, vault=vault)[0]
    return ground.find_closures(ground.heads[follower.name])[0]


def _find_days(ground: Ground) -> dict[str, int]:
    """For how long a record counts, by environment."""
    return {one.name: find_fresh_days(ground.site, one) for one in list_environments(ground.site)}


def _hold_trial(account: Account, node: Node, due: Sequence[Candidate]) -> list[Tried]:
    checks = SiteChecks(account.ground.site, lambda host: node.find_host(host).apps, account.options)
    try:
        with render.show_progress() as show:
            tried = Trial(node, account.revision, account.ground.secrets.head, account.options.wait_limit, show).run(
                due, checks
            )
    except KeyboardInterrupt:
        render.say("\nthe trial was left: nothing was noted, and what runs goes on; the same command tries it again")
        raise
    for name in checks.unseen:
        render.say(f"note: cannot be asked from here, and was not: {name}")
    if any(one.outcome.result is Result.UNTRIED for one in tried):
        for problem in _list_problems(node):
            render.say(f"note: {node.name} says: {problem}")
    return tried


def _list_problems(node: Node) -> list[str]:
    try:
        return [tell(one) for one in node.list_problems()]
    except ControlError as error:
        return [error.message]


def _note(account: Account, tried: Sequence[Tried], known: Sequence[Signed], signer: RecordSigner) -> None:
    made = [entry for one in tried for entry in _make_entries(account, one, known)]
    if made:
        with render.busy("noting it"):
            account.ground.records.append(made, signer)
            account.ground.records.push()


def _make_entries(account: Account, tried: Tried, known: Sequence[Signed]) -> list[TrialEntry]:
    """One for the host itself, and one for each that names it as its counterpart; none where nothing can be said."""
    outcome, days = tried.outcome, _find_days(account.ground)
    if outcome.result is Result.UNTRIED:
        return []

    def make(subject: Subject) -> TrialEntry:
        at = _find_moment(subject, known)
        return TrialEntry(
            environment=subject.environment,
            revision=account.revision,
            at=at,
            why=tell(outcome.why),
            host=subject.host,
            digest=subject.digest,
            result="green" if outcome.is_green else "red",
            tried_on=tried.candidate.host,
            place="lab",
            expires=at + days[subject.environment] * DAY,
            version=__version__,
        )

    return [make(subject) for subject in tried.candidate.subjects]


def _find_moment(subject: Subject, known: Sequence[Signed]) -> float:
    """Now; after every trial of the same that is known, since the latest counts and clocks differ."""
    entries = [one.entry for one in known if isinstance(one.entry, TrialEntry)]
    last = max((one.at for one in entries if (one.host, one.digest) == (subject.host, subject.digest)), default=0.0)
    now = time.time()
    return last + 0.001 if now <= last < now + FUTURE / 2 else now


def _conclude(account: Account, tried: Sequence[Tried]) -> int:
    account.tried = [_describe(one) for one in tried]
    for one in account.tried:
        account.print(_tell(one))
    if red := [one.host for one in account.tried if one.result == "red"]:
        account.problem = f"red: {', '.join(red)}"
        return FAILED
    if untried := [one.host for one in account.tried if one.result == "untried"]:
        account.problem = f"could not be tried: {', '.join(untried)}"
        render.say_problem(account.problem, f"the same once more goes on from there:\n\n  {account.command}")
        return WAITS
    if not tried:
        account.print("nothing is left to be tried")
    for follower in account.ground.followers:
        render.say(f"next:\n\n  homeprod promote {account.revision[:12]} --to {follower.name}")
    return DONE


def _describe(tried: Tried) -> TriedEntry:
    return TriedEntry(
        host=tried.candidate.host,
        result=tried.outcome.result.value,
        why=tried.outcome.why,
        runs=list(tried.runs),
        counts_for=[subject.host for subject in tried.candidate.subjects],
    )


def _tell(one: TriedEntry) -> str:
    colours = {"green": "green", "red": "red", "untried": "yellow"}
    others = [host for host in one.counts_for if host != one.host]
    counts = f"  counts for {', '.join(others)} too" if others and one.result != "untried" else ""
    return f"{one.host}: {render.paint(one.result, colours[one.result])}{counts}  {tell(one.why)}".rstrip()
