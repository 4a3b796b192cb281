"""``homeprod promote``: bring a revision to an environment. One without a gate is where it is tried; one with a gate
takes what was tried, and is watched."""

from __future__ import annotations

import argparse
from functools import partial

from homeprod.cli.promotion.account import Account
from homeprod.cli.promotion.ending import carry_through
from homeprod.cli.promotion.ground import open_ground
from homeprod.cli.promotion.passage import go_through_gate
from homeprod.cli.promotion.step import require_descent
from homeprod.cli.promotion.tryout import try_out
from homeprod.core.errors import UsageError
from homeprod.drivers.commitsignature import require_signer, require_vault_signer
from homeprod.wiring.records import list_believed


def run(options: argparse.Namespace) -> int:
    _check_options(options)
    options.at = None  # ways are walked from where we are
    ground = open_ground(options, options.to)
    if options.emergency and ground.environment.promotion is None:
        hint = "leave --emergency out: nothing holds a revision there"
        raise UsageError(f"{ground.environment.name} has no gate", hint=hint)
    for option in ("--again", "--no-try"):
        if ground.environment.promotion is not None and getattr(options, option[2:].replace("-", "_")):
            hint = "leave it out: there nothing is tried, and what was tried goes through"
            raise UsageError(f"{option} is of use without a gate alone, and {options.to} has one", hint=hint)
    account = Account(ground, ground.branches.find_commit(options.revision), options)
    require_descent(ground, account.revision)
    people = list_believed(ground.site, ground.node)
    require_signer(ground.branches.git, account.revision, people)
    require_vault_signer(ground.secrets.git, ground.secrets.head, people)
    act = try_out if ground.environment.promotion is None else go_through_gate
    return carry_through(account, partial(act, account))


def _check_options(options: argparse.Namespace) -> None:
    if not options.revision or not options.to:
        what = "which revision" if not options.revision else "to which environment"
        raise UsageError(f"{what}?", hint="say it:\n\n  homeprod promote REV --to ENVIRONMENT")
    if options.emergency and not options.why:
        raise UsageError("an emergency says why, to all who look later", hint='add it:\n\n  --why "TEXT"')
    if options.why and not options.emergency:
        raise UsageError("--why is of use with --emergency alone", hint="leave it out")
