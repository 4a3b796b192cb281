"""A plan once nothing of an earlier apply runs any more: its tasks are joined, then everything is read anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from homeprod.cli import render
from homeprod.cli.plan import Planned
from homeprod.cli.progress import Progress
from homeprod.engine.event import Event, Stage
from homeprod.engine.join import Joinable, choose_ours, join_task, list_nodes, list_tasks
from homeprod.engine.ports import Hypervisor
from homeprod.site.site import Site

MAKERS_LIMIT = 900.0
"""Seconds that an apply waits for creations whose tasks it cannot see."""


def make_settled(site: Site, hypervisor: Hypervisor, make: Callable[[], Planned]) -> Planned:
    """What runs is listed before each reading: a task that is not in the list had ended before it. Costs a call for
    each node beside what ``make`` costs."""
    said, joined, deadline = set[str](), set[str](), time.monotonic() + MAKERS_LIMIT
    while True:
        nodes = list_nodes(site)
        running = list_tasks(hypervisor, nodes)
        planned = make()
        moved = {found.listed.node for found in planned.actual.machines.values()} - set(nodes)
        running += list_tasks(hypervisor, sorted(moved))
        ours = [found for found in choose_ours(site, planned.actual, running) if found.task.task.upid not in joined]
        if ours:
            _join(hypervisor, planned, ours)
            joined |= {found.task.task.upid for found in ours}
            continue
        passing = [conflict for conflict in planned.plan.conflicts if conflict.passes]
        if not passing or time.monotonic() >= deadline:
            return planned
        for conflict in passing:
            if str(conflict.address) not in said:
                render.say(f"{conflict.address}: {conflict.message}; waiting for its end")
                said.add(str(conflict.address))
        time.sleep(2)


def _join(hypervisor: Hypervisor, planned: Planned, ours: Sequence[Joinable]) -> None:
    words = {conflict.address: conflict.message for conflict in planned.plan.conflicts if conflict.passes}
    for found in ours:
        what = words.get(found.address, f"a task of an earlier apply still runs ({found.task.kind})")
        render.say(f"{found.address}: {what}; waiting for its end")
    with Progress(len(ours), threading.Event()) as progress:
        for found in ours:
            _follow(hypervisor, found, progress)


def _follow(hypervisor: Hypervisor, found: Joinable, progress: Progress) -> None:
    def tell(stage: Stage, text: str = "") -> None:
        progress.show(Event(stage, found.address, f"join {found.task.kind}", text))

    tell(Stage.BEGUN)
    join_task(hypervisor, found, lambda line: tell(Stage.SAID, line))
    tell(Stage.DONE)
