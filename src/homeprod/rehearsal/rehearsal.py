"""A rehearsal, from the first machine to the last look. Whoever calls it holds the lab, and takes it away again."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass

from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.rehearsal.course import Course
from homeprod.rehearsal.judgement import Look, Seen
from homeprod.rehearsal.lab import Say
from homeprod.rehearsal.look import look_at, share_routes, walk_expectations
from homeprod.rehearsal.machines import Watch, make_machines, ring_for
from homeprod.rehearsal.node import StandInNode
from homeprod.rehearsal.origin import Origin
from homeprod.rehearsal.prospect import Prospect
from homeprod.rehearsal.runs import Runs
from homeprod.rehearsal.secrets import list_secrets
from homeprod.wiring import open_cluster
from homeprod.wiring.asker import open_asker

SETTLE = 10.0
"""Seconds after a run until units are looked at: one that does not come up needs a moment to say so."""


@dataclass
class Rehearsal:
    """``watch`` hears how machines are made, ``say`` all else."""

    origin: Origin
    watch: Watch
    say: Say
    settle: float = SETTLE

    @property
    def prospect(self) -> Prospect:
        return self.origin.prospect

    def perform(self) -> dict[str, Seen]:
        """What was seen of each machine. Raises HomeprodError where stand-ins cannot be built, or their control node
        does not do its part: then nothing is known about the revision."""
        with closing(open_cluster(self.origin.site, lab=self.origin.lab.name)) as cluster:
            node = self._bring_up_node(cluster)
            self.say(f"making {', '.join(self.prospect.names)}")
            make_machines(self.origin.site, cluster, self.prospect.names, self.watch, boots=True)
            door = node.open_door()
            step, known = self.prospect.step, {one.name: not one.is_new for one in self.prospect.choice.subjects}
            course = Course(
                Runs(door, self.say),
                ring=lambda name: ring_for(self.origin.site, cluster, door, name),
                go_on=self.origin.go_on,
                look=self._look,
                say=self.say,
            )
            return course.take(known, step.before[:12], step.after[:12])

    def _bring_up_node(self, cluster: ProxmoxHypervisor) -> StandInNode:
        origin, prospect = self.origin, self.prospect
        self.say(f"making {prospect.node}, which configures the others")
        make_machines(origin.site, cluster, [prospect.node], self.watch, boots=True)
        node = StandInNode(origin.lab, origin.site, cluster, prospect.node, prospect.person, self.say)
        origin.site = node.bring_up()
        if zones := prospect.list_zones():
            self.say("making an authority for their certificates")
            node.make_authority(prospect.environment.name, zones)
        count = len(list_secrets(prospect.vault))
        self.say(f"sealing {count} stand-in {'secret' if count == 1 else 'secrets'}")
        origin.fill_vault(node.seal)
        return node

    def _look(self, names: Collection[str]) -> dict[str, Look]:
        time.sleep(self.settle)
        trials, person = self.prospect.expectations.asked, self.prospect.person
        problems = walk_expectations(self.prospect.site, trials, open_asker(self.origin.lab.name, None))
        return {
            name: look_at(
                name,
                lambda machine, command: self.origin.lab.run_in(machine, person, command),
                share_routes(trials, problems, name),
            )
            for name in names
        }
