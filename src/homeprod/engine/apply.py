"""Apply: do what the plan says, in the order that its parts need, everything else at once, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

from homeprod.core.address import Address
from homeprod.core.errors import HomeprodError, LeaseError
from homeprod.engine.coldstart import cold_start, end_cold_start, is_owed_a_start
from homeprod.engine.create import create_machine, prepare_machine
from homeprod.engine.event import Event, Listener, Stage
from homeprod.engine.file import bring_bundle, bring_image, delete_file
from homeprod.engine.finish import finish_machine, start_machine
from homeprod.engine.removal import drop_cd, remove_machine
from homeprod.engine.ring import ring, will_ring
from homeprod.engine.stake import check_stakes
from homeprod.engine.update import check_same, remove_tag, update_machine
from homeprod.engine.work import InterruptedWorkError, Say, Work
from homeprod.plan.change import Action, Change
from homeprod.plan.mark import NEW_TAG
from homeprod.plan.order import Graph, order_changes
from homeprod.plan.plan import Plan

THREADS = 32
"""Changes under way at once; most of them wait for a guest. How many write is ``Manner.parallel``."""

LOOK_UP = 0.25
"""Seconds."""


@dataclass(slots=True)
class Outcome:
    """What became of each change. ``cut_off`` were begun and not ended, because somebody asked to stop;
    ``left`` are cold starts that nobody agreed to; ``unfinished`` says why a machine's end was not seen, or
    that nothing is known of it."""

    done: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, HomeprodError]] = field(default_factory=list)
    skipped: list[Change] = field(default_factory=list)
    cut_off: list[Change] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)
    unfinished: dict[Address, str] = field(default_factory=dict)
    was_interrupted: bool = False


def begin_outcome(plan: Plan) -> Outcome:
    """Nothing is done yet; what is unknown, or waits for a person, will not be finished, whatever is done."""
    waiting = {notice.address: notice.message for notice in plan.notices if notice.waits}
    return Outcome(unfinished=waiting | {unknown.address: unknown.message for unknown in plan.unknown})


def check_plan(plan: Plan) -> None:
    """Raise HomeprodError for a plan that cannot be applied; nothing was touched then."""
    if plan.conflicts:
        first, more = plan.conflicts[0], len(plan.conflicts) - 1
        message = first.message + (f" (and {more} more, above)" if more else "")
        raise HomeprodError(message, where=str(first.address), hint=first.hint)


def apply_plan(work: Work, plan: Plan, listen: Listener) -> Outcome:
    """Do it. A change that fails takes with it those that need it; the others go on. What was done by then carries
    its marks, and the next plan sees it. Raises HomeprodError before anything was touched."""
    check_plan(plan)
    graph = order_changes(plan, work.desired, work.actual)
    check_stakes(work, plan)
    return _Run(work, plan, graph, _serialise(listen), begin_outcome(plan)).go()


def _serialise(listen: Listener) -> Listener:
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            listen(event)

    return tell


@dataclass
class _Run:
    work: Work
    plan: Plan
    graph: Graph
    listen: Listener
    outcome: Outcome
    lost: set[int] = field(default_factory=set)
    under_way: dict[Future[str], int] = field(default_factory=dict)

    def go(self) -> Outcome:
        """Once ``is_stopping`` is set nothing new begins, and tasks that run are waited for; KeyboardInterrupt leaves
        at once, threads still waiting."""
        sorter = TopologicalSorter(self.graph)
        sorter.prepare()
        pool = ThreadPoolExecutor(THREADS, "apply")
        is_patient = True
        try:
            while sorter.is_active():
                self._begin(sorter, pool)
                self._end(sorter)
        except KeyboardInterrupt:
            is_patient = False
            self.work.is_stopping.set()
            raise
        finally:
            pool.shutdown(wait=is_patient, cancel_futures=True)
        left = self.outcome.skipped or self.outcome.cut_off
        self.outcome.was_interrupted = self.work.is_stopping.is_set() and bool(left)
        return self.outcome

    def _begin(self, sorter: TopologicalSorter[int], pool: ThreadPoolExecutor) -> None:
        ready = list(sorter.get_ready())
        while ready:
            for place in ready:
                if self.work.is_stopping.is_set() or self.graph[place] & self.lost:
                    self._skip(place)
                    sorter.done(place)
                else:
                    self.under_way[pool.submit(self._do, self.plan.changes[place])] = place
            ready = list(sorter.get_ready())

    def _skip(self, place: int) -> None:
        change = self.plan.changes[place]
        self.lost.add(place)
        self.outcome.skipped.append(change)
        self._tell(Stage.SKIPPED, change)

    def _end(self, sorter: TopologicalSorter[int]) -> None:
        """Looks up now and then: a signal may come to any thread, and Python's handlers run in this one alone."""
        ended, _ = wait(self.under_way, timeout=LOOK_UP, return_when=FIRST_COMPLETED)
        for future in ended:
            place = self.under_way.pop(future)
            self._note(place, future)
            sorter.done(place)

    def _note(self, place: int, future: Future[str]) -> None:
        change = self.plan.changes[place]
        try:
            reason = future.result()
        except (InterruptedWorkError, LeaseError):  # a lost lease is told once, by whoever holds it
            self.lost.add(place)
            self.outcome.cut_off.append(change)
            self._tell(Stage.CUT_OFF, change)
        except HomeprodError as error:
            error.where = error.where or str(change.address)
            self.lost.add(place)
            self.outcome.failed.append((change, error))
            self._tell(Stage.FAILED, change, str(error))
        else:
            self.outcome.done.append(change)
            if reason:
                self.outcome.unfinished[change.address] = reason
            if reason and change.action is Action.COLD_START:
                self.lost.add(place)  # where one does not come back, no other is shut down
            self._tell(Stage.UNFINISHED if reason else Stage.DONE, change, reason)

    def _do(self, change: Change) -> str:
        self._tell(Stage.BEGUN, change, change.why)
        return do_change(self.work, change, lambda line: self._tell(Stage.SAID, change, line))

    def _tell(self, stage: Stage, change: Change, text: str = "") -> None:
        self.listen(Event(stage, change.address, change.action.value, text))


def do_change(work: Work, change: Change, say: Say) -> str:
    """One change; why its machine's end was not seen, or nothing. Raises HomeprodError."""
    if change.address.kind in ("image", "iso"):
        _change_file(work, change, say)
        return ""
    if change.action is Action.DELETE:
        remove_machine(work, change, say, is_replaced=work.manner.comes_back)
        drop_cd(work, change, say)
        return ""
    return _MACHINE[change.action](work, change, say)


def _change_file(work: Work, change: Change, say: Say) -> None:
    if change.action is Action.CREATE and change.address.kind == "iso":
        bring_bundle(work, change, say)
    elif change.action is Action.CREATE:
        bring_image(work, change, say)
    else:
        delete_file(work, change.node, change.volume, say)


def _create(work: Work, change: Change, say: Say) -> str:
    machine = work.desired[change.address]
    create_machine(work, change, machine, prepare_machine(work, change, machine, say), say)
    return finish_machine(work, change, machine, say, is_just_made=True) if machine.is_started else ""


def _replace(work: Work, change: Change, say: Say) -> str:
    """All that can be done before is, so that the old machine goes last and the new one comes at once."""
    machine = work.desired[change.address]
    new = replace(change, node=machine.node)
    config = prepare_machine(work, new, machine, say)
    is_over = remove_machine(work, change, say, is_replaced=True)
    create_machine(work, new, machine, config, say)
    reason = ""
    if machine.is_started:
        reason = finish_machine(work, new, machine, say, is_just_made=True, is_watched=not is_over)
    drop_cd(work, change, say)
    return reason


def _update(work: Work, change: Change, say: Say) -> str:
    """A running machine that a control node configures is configured once more: what changed may matter to it."""
    rings = work.bell is not None and will_ring(work.site, change, work.actual.machines[change.vmid])
    update_machine(work, change, work.desired[change.address], say, rings=rings)
    if not rings:
        return ""
    reason = ring(work, change, say)
    if not reason:
        remove_tag(work, change, NEW_TAG, say)
    return reason


def _start(work: Work, change: Change, say: Say) -> str:
    check_same(work, change, work.hypervisor.read_machine(change.node, change.vmid))
    if is_owed_a_start(work, change):
        return end_cold_start(work, change, say)
    start_machine(work, change, say)
    return ""


def _finish(work: Work, change: Change, say: Say) -> str:
    check_same(work, change, work.hypervisor.read_machine(change.node, change.vmid))
    return finish_machine(work, change, work.desired[change.address], say)


_MACHINE: dict[Action, Callable[[Work, Change, Say], str]] = {
    Action.CREATE: _create,
    Action.REPLACE: _replace,
    Action.UPDATE: _update,
    Action.ADOPT: _update,
    Action.START: _start,
    Action.COLD_START: cold_start,
    Action.FINISH: _finish,
}
