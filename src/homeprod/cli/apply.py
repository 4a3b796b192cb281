"""``homeprod apply``: do what ``plan`` shows. Exits 3 where a machine's end was not seen, or
nothing is known of one."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace

from homeprod.cli import render
from homeprod.cli.agreement import agree
from homeprod.cli.coldstart import are_asked_apart, choose_cold_starts, tell_left
from homeprod.cli.connection import connect
from homeprod.cli.errand import Errand, run_errand
from homeprod.cli.interruption import stop_gently
from homeprod.cli.lease import Tenure
from homeprod.cli.observation import share_after_apply
from homeprod.cli.plan import Planned, make_plan, new_instance
from homeprod.cli.planfile import check_fresh, read_plan_file
from homeprod.cli.progress import Progress
from homeprod.cli.settle import make_settled
from homeprod.cli.showplan import show_plan
from homeprod.cli.stream import send_event, send_plan, send_summary
from homeprod.core.errors import UsageError
from homeprod.drivers.bundle import bring_bundle
from homeprod.drivers.git import read_commit
from homeprod.drivers.image import bring_image
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.apply import Outcome, apply_plan, begin_outcome, check_plan
from homeprod.engine.event import Event, Listener
from homeprod.engine.ports import Bell
from homeprod.engine.ring import list_rung
from homeprod.engine.work import Manner, Work
from homeprod.lab.folder import require_up
from homeprod.plan.change import Action, Change
from homeprod.plan.desired import desire
from homeprod.plan.plan import Plan
from homeprod.site.configured import is_published
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site
from homeprod.wiring.doorbell import Bells, find_signer


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    _expect_nobody(options)
    with closing(connect(site, options)) as cluster:
        errand = Errand(
            plan=lambda: _plan(site, cluster, options),
            agree=lambda planned: _agree_on(planned, site, options),
            is_same=lambda agreed, planned: agreed.plan.is_same(planned.plan),
            run=lambda planned, turn: run_plan(site, planned, options, turn),
        )
        code = run_errand(site, cluster, options, errand)
        if not options.no_wait and code in (0, 1, 3):
            share_after_apply(site, cluster, options)
        return code


def _expect_nobody(options: argparse.Namespace) -> None:
    """Of a lab that boots nothing nobody's end is awaited, as with ``--no-wait``. Raises LabError."""
    if options.lab and not options.no_wait and not require_up(options.lab).read_spec().boot:
        options.no_wait = True
        render.say(f"note: lab {options.lab} boots nothing, so no guest is waited for, as with --no-wait")


def _plan(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> Planned:
    """Raises HomeprodError for a plan that cannot be applied."""
    planned = make_settled(site, cluster, lambda: _make_or_read(site, cluster, options))
    if options.json:
        send_plan(planned.plan)
    else:
        show_plan(planned.plan, desire(site))
    check_plan(planned.plan)
    if not options.no_wait:
        _require_signers(site, planned, options)
    return planned


def _require_signers(site: Site, planned: Planned, options: argparse.Namespace) -> None:
    """Before anything is made that could not be handed to its control node. Raises UsageError."""
    for node in sorted(list_rung(site, planned.plan, planned.actual, desire(site))):
        try:
            find_signer(site, node, lab=options.lab)
        except UsageError as error:
            error.hint += f"\n\nor make the machines now, and hand them to {node} later\n\n  homeprod apply --no-wait"
            raise


def run_plan(site: Site, planned: Planned, options: argparse.Namespace, turn: Tenure) -> int:
    """Apply what was agreed upon, showing how it goes, and tell what was left; the exit code. Raises LeaseError where
    somebody took over."""
    if not planned.plan.changes:
        outcome = begin_outcome(planned.plan)
        outcome.left += planned.left
        return report_outcome(outcome, options)
    bell = Bells(site, turn.hypervisor, lab=options.lab)
    outcome = carry_out(make_work(site, planned, options, turn, bell), planned.plan, turn, options)
    outcome.left += planned.left
    code = report_outcome(outcome, options)
    _tell_locked(site, outcome)
    if outcome.was_interrupted:
        turn.raise_if_lost()
    return code


def make_work(
    site: Site,
    planned: Planned,
    options: argparse.Namespace,
    turn: Tenure,
    bell: Bell,
    *,
    comes_back: bool = False,
) -> Work:
    """``comes_back`` as of :class:`Manner`."""
    manner = Manner(
        waits=not options.no_wait,
        forces_stop=options.force_stop,
        comes_back=comes_back,
        commit=read_commit(site.root),
        wait_limit=options.wait_limit,
        shutdown_limit=site.config.shutdown_limit,
        parallel=options.parallel,
    )
    return Work(
        site,
        turn.hypervisor,
        desire(site),
        planned.actual,
        manner,
        bring_image,
        bring_bundle,
        bell,
        is_stopping=turn.is_stopping,
    )


def carry_out(
    work: Work,
    plan: Plan,
    turn: Tenure,
    options: argparse.Namespace,
    watch: Listener | None = None,
) -> Outcome:
    """Do it, showing how it goes; ``watch`` is told too. Once interrupted it ends what is under way, twice it raises
    KeyboardInterrupt."""
    try:
        with stop_gently(work.is_stopping), Progress(len(plan.changes), work.is_stopping) as progress:
            return apply_plan(work, plan, _listen(progress, options, watch))
    except KeyboardInterrupt:
        turn.leave()
        render.say("left; tasks that Proxmox has begun go on, and the next plan sees what they made")
        raise


def _listen(progress: Progress, options: argparse.Namespace, watch: Listener | None) -> Listener:
    def tell(event: Event) -> None:
        if options.json:
            send_event(event)
        if watch is not None:
            watch(event)
        progress.show(event)

    return tell


def _make_or_read(site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace) -> Planned:
    if options.file is None:
        return make_plan(site, cluster, options)
    if options.only or options.start:
        hint = "what it is about stands in the file; choose when you plan:\n\n  homeprod plan --only NAME --out FILE"
        raise UsageError("a kept plan is applied as it is, without --only or --start", hint=hint)
    kept = read_plan_file(options.file, site)
    chosen = argparse.Namespace(**{**vars(options), "only": kept.only, "start": kept.start})
    planned = make_plan(
        site, cluster, chosen, lambda address: kept.instances.get(str(address)) or new_instance(address)
    )
    check_fresh(kept, site, planned.plan)
    return planned


def _agree_on(planned: Planned, site: Site, options: argparse.Namespace) -> Planned:
    """The part of the plan that somebody agreed to. Raises DeclinedError."""
    policy, plan = site.config.cold_starts, planned.plan
    agree(plan.without(Action.COLD_START) if are_asked_apart(policy, options) else plan, site, options)
    agreed, left = choose_cold_starts(plan, policy, options)
    return replace(planned, plan=agreed, left=left)


def report_outcome(outcome: Outcome, options: argparse.Namespace) -> int:
    code = _find_code(outcome)
    if options.json:
        send_summary(outcome, code)
    for _, error in outcome.failed:
        render.print_error(error)
    for reason, names in _group_unfinished(outcome):
        render.say(f"{render.paint_talk('not finished', 'yellow')}: {names}: {reason}")
    for words, changes in (("not begun", outcome.skipped), ("cut off", outcome.cut_off)):
        if changes:
            names = ", ".join(sorted({str(change.address) for change in changes}))
            render.say(f"{words}: {names}\n  the next apply goes on from here")
    if options.no_wait and any(_boots(change) for change in outcome.done):
        render.say("cloud-init's end was not waited for (--no-wait)")
    tell_left(outcome.left)
    return code


def _tell_locked(site: Site, outcome: Outcome) -> None:
    """A control node that was started has forgotten its secrets. Of one without a published key nothing is said: it
    may have none yet, and the plan leads through that."""
    for change in outcome.done:
        machine = site.machines.get(change.address.name)
        if (
            machine is None
            or change.action not in (Action.START, Action.COLD_START)
            or not is_published(site, machine)
        ):
            continue
        name = machine.name
        render.say(
            f"note: {name} was started, so it is Locked, and what it configures waits; when it has booted:\n\n"
            f"  ssh -t {name} unlock"
        )


def _group_unfinished(outcome: Outcome) -> list[tuple[str, str]]:
    """Each reason once, with the machines that it holds up."""
    grouped: dict[str, list[str]] = {}
    for address, reason in sorted(outcome.unfinished.items()):
        grouped.setdefault(reason, []).append(str(address))
    return [(reason, ", ".join(names)) for reason, names in grouped.items()]


def _find_code(outcome: Outcome) -> int:
    if outcome.was_interrupted:
        return 130
    if outcome.failed:
        return 1
    return 3 if outcome.unfinished else 0


def _boots(change: Change) -> bool:
    """Whether cloud-init runs in it now, so that there is an end to wait for."""
    return change.address.kind == "vm" and change.action in (Action.CREATE, Action.REPLACE, Action.FINISH)
