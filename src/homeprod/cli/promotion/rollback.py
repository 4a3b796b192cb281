"""``homeprod rollback``: an environment goes back to a revision that it had, by a commit that goes forward; what it
leaves is held until somebody clears it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from homeprod.cli import render
from homeprod.cli.promotion.ending import carry_through, refuse, tell_uncleared
from homeprod.cli.promotion.former import find_former
from homeprod.cli.promotion.gates import name_gated
from homeprod.cli.promotion.ground import Ground, open_ground
from homeprod.cli.promotion.node import open_node
from homeprod.cli.promotion.passage import find_digests, tell_watched, watch_rollout
from homeprod.cli.promotion.place import load_named_site
from homeprod.cli.promotion.rollout import DONE, REFUSED
from homeprod.cli.promotion.standing import list_held
from homeprod.cli.promotion.step import advance
from homeprod.cli.question import ask
from homeprod.cli.schema.promotion import RollbackReport, RolloutEntry
from homeprod.core.errors import ControlError, PromotionError, UsageError
from homeprod.core.overview.age import tell_age
from homeprod.drivers.commitsignature import require_signer
from homeprod.drivers.doorwords import tell
from homeprod.drivers.revert import make_revert
from homeprod.promotion.record import Bad, Clear, Rollback, find_bad
from homeprod.site.configured import require_machine
from homeprod.wiring.records import find_record_signer, list_believed


@dataclass
class _Account:
    ground: Ground
    options: argparse.Namespace
    left: str = ""
    to: str = ""
    revision: str = ""
    bad: Mapping[str, str] = field(default_factory=dict)
    cleared: list[str] = field(default_factory=list)
    rollout: list[RolloutEntry] | None = None
    problem: str = ""

    def print(self, line: str) -> None:
        if not self.options.json:
            render.print_line(line)

    def report(self, code: int) -> RollbackReport:
        return RollbackReport(
            environment=self.ground.environment.name,
            branch=self.ground.branch,
            left=self.left,
            to=self.to,
            revision=self.revision,
            bad=dict(self.bad),
            cleared=self.cleared,
            rollout=self.rollout,
            problem=self.problem,
            exit_code=code,
        )


def run(options: argparse.Namespace) -> int:
    if options.clear is not None and options.to:
        raise UsageError("--clear moves no branch, so --to is of no use with it", hint="leave one out")
    site = load_named_site(options)
    ground = open_ground(options, options.env or name_gated(site), site)
    if ground.environment.promotion is None:
        hint = "bring it another revision: commit what takes the change back, and\n\n"
        hint += f"  homeprod promote REV --to {ground.environment.name}"
        raise UsageError(f"{ground.environment.name} has no gate, so nothing could be held there", hint=hint)
    account = _Account(ground, options)
    return carry_through(account, partial(_clear if options.clear is not None else _roll_back, account))


def _roll_back(account: _Account) -> int:
    ground, options = account.ground, account.options
    if not ground.head:
        raise PromotionError(f"there is no branch {ground.branch} to roll back", where=ground.branches.url)
    signer = find_record_signer(ground.site, ground.node, lab=options.lab)
    entries = ground.hear().believed
    account.left = ground.head
    account.to = ground.branches.find_commit(options.to) if options.to else find_former(ground, entries, options)
    _require_earlier(account)
    account.bad = _find_bad_digests(account)
    _show(account)
    if _is_refused(account, list_held(ground, account.to, entries)):
        return REFUSED
    if not options.yes:
        ask(f"roll {ground.environment.name} back?", "yes")
    git = ground.branches.git
    made = make_revert(git, account.left, account.to, ground.branch, options.why)
    require_signer(git, made, list_believed(ground.site, ground.node))
    advance(ground, made, [_make_entry(account, made)], signer)
    account.revision = made
    account.print(f"{ground.branch} is at {made[:12]}, with the files of {account.to[:12]}")
    _say_held(account)
    return DONE if options.no_watch else _watch(account)


def _require_earlier(account: _Account) -> None:
    ground, left, to = account.ground, account.left, account.to
    git = ground.branches.git
    if to == left or git.ask("rev-parse", f"{to}^{{tree}}") == git.ask("rev-parse", f"{left}^{{tree}}"):
        raise PromotionError(f"{ground.branch} has its files already; nothing was moved", where=to[:12])
    if not ground.branches.descends(left, to):
        hint = f"see which there were:\n\n  git log --oneline {ground.branches.remote}/{ground.branch}"
        raise PromotionError(f"{ground.branch} never had this revision", where=to[:12], hint=hint)


def _is_refused(account: _Account, held: Sequence[str]) -> bool:
    """Nothing that is held comes back, by whichever way."""
    if held:
        refuse(account, tell_uncleared(held))
        name = account.ground.environment.name
        commands = "".join(f"\n  homeprod rollback --env {name} --clear {host}" for host in held)
        render.say(f"where that may run there again:\n{commands}")
    return bool(held)


def _find_bad_digests(account: _Account) -> dict[str, str]:
    """Of the hosts whose run is another at the two: what they have at the one that is left."""
    left, to = account.ground.find_closures(account.left, account.to)
    own = [host for host, one in sorted(left.items()) if one.environment == account.ground.environment.name]
    return {host: left[host].digest for host in own if host not in to or to[host].digest != left[host].digest}


def _show(account: _Account) -> None:
    branches = account.ground.branches
    for words, commit in (("leaves", account.left), ("back to", account.to)):
        account.print(f"{words:<8}{commit[:12]}  {tell(branches.tell_subject(commit))}".rstrip())
    hosts = ", ".join(account.bad) or "no host: their runs are the same"
    account.print(f"hosts   {hosts}")


def _make_entry(account: _Account, revision: str) -> Rollback:
    return Rollback(
        environment=account.ground.environment.name,
        revision=revision,
        at=time.time(),
        why=account.options.why,
        left=account.left,
        to=account.to,
        digests=find_digests(account.ground, revision),
        bad=account.bad,
    )


def _say_held(account: _Account) -> None:
    if account.bad:
        command = f"homeprod rollback --env {account.ground.environment.name} --clear"
        render.say(f"what {account.left[:12]} would run there is held until somebody clears it:\n\n  {command}")


def _watch(account: _Account) -> int:
    ground = account.ground
    command = f"homeprod promote {account.revision[:12]} --to {ground.environment.name}"
    with open_node(ground.site, ground.node, account.options) as node:
        node.require_ready()
        watched = watch_rollout(ground, node, account.revision, command)
    account.rollout, account.problem = list(watched.hosts), watched.problem
    tell_watched(watched, f"{ground.environment.name} is back at what it was at {account.to[:12]}")
    return watched.code


def _clear(account: _Account) -> int:
    ground, options, host = account.ground, account.options, account.options.clear
    held = find_bad(ground.hear().believed, ground.environment.name)
    meant = [one for one in held if host in ("", one.host)]
    if not meant and host:
        require_machine(ground.site, host)
    if not meant:
        there = ", ".join(dict.fromkeys(one.host for one in held)) or "none"
        what = f"nothing of {host} is held" if host else f"nothing is held in {ground.environment.name}"
        raise PromotionError(what, hint=f"hosts with something that is held: {there}")
    for one in meant:
        account.print(_tell_bad(one))
    if not options.yes:
        ask("may it run there again, once it is promoted?", "yes")
    at = max(time.time(), *(one.rollback.at + 0.001 for one in meant))  # clocks differ, and the later word counts
    entry = Clear(environment=ground.environment.name, revision=ground.head, at=at, why=options.why, host=host)
    ground.records.append([entry], find_record_signer(ground.site, ground.node, lab=options.lab))
    ground.records.push()
    account.cleared = list(dict.fromkeys(one.host for one in meant))
    account.print(f"cleared: {', '.join(account.cleared)}")
    _knock(account)
    return DONE


def _tell_bad(bad: Bad) -> str:
    why = f": {bad.rollback.why}" if bad.rollback.why else ""
    when = tell_age(time.time() - bad.rollback.at)
    return tell(f"{bad.host}  {bad.digest[:12]}  rolled back by {bad.person} {when} ago{why}")


def _knock(account: _Account) -> None:
    """The node hears of it sooner; it looks by itself too."""
    try:
        with open_node(account.ground.site, account.ground.node, account.options) as node:
            node.knock()
    except ControlError as error:
        render.say(f"note: {account.ground.node} hears of it when it looks next: {error.message}")
