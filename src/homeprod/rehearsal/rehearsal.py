"""A rehearsal, from the first machine to the last look. Whoever calls it holds the lab, and takes it away again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass

from homeprod.core.tree import Kind
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.event import Listener
from homeprod.network.nat.nftables import render_nftables
from homeprod.network.nat.values import describe_nat
from homeprod.promotion.closure import INVENTORY, Revision
from homeprod.rehearsal.course import Course
from homeprod.rehearsal.judgement import Look, Seen
from homeprod.rehearsal.lab import Say, StandInLab, write_key
from homeprod.rehearsal.look import look_at, share_routes, walk_expectations
from homeprod.rehearsal.machines import make_machines, ring_for
from homeprod.rehearsal.node import StandInNode
from homeprod.rehearsal.prospect import Prospect
from homeprod.rehearsal.repositories import Files, Scratch, make_key
from homeprod.rehearsal.runs import Runs
from homeprod.rehearsal.secrets import list_secrets
from homeprod.rehearsal.standin import PLAYBOOKS, VAULT, Belongings
from homeprod.site.configured import list_environments
from homeprod.site.entry.gateway import Gateway
from homeprod.site.rendered.settings import describe_node
from homeprod.site.site import Site
from homeprod.wiring import open_cluster
from homeprod.wiring.asker import open_asker

_SETTLE = 10.0
"""Seconds after a run until units are looked at: one that does not come up needs a moment to say so."""
_EMPTY = b"all: {}\n"


@dataclass
class Stage:
    """What a rehearsal has built so far. ``key`` is its person's public one, ``base`` the first of its own commits in
    the playbook repository."""

    prospect: Prospect
    lab: StandInLab
    say: Say
    key: str
    site: Site
    playbooks: Scratch
    vault: Scratch
    base: str
    sealed_after: str

    @property
    def branches(self) -> list[str]:
        """Of all environments of the stand-ins: the control node looks at each."""
        return [one.branch or one.name for one in list_environments(self.site)]

    def push(self) -> None:
        self.lab.store.push(PLAYBOOKS, self.playbooks.folder)
        self.lab.store.push(VAULT, self.vault.folder)

    def go_on(self) -> str:
        """Move the environment's branch from its present revision to the one that is rehearsed; its name here."""
        before, after = self.prospect.step.after, self.prospect.step.revisions[1]
        files = make_files(self.prospect, self.site, after, before, self.key)
        commit = self.playbooks.commit(
            [self.prospect.environment.name], files, base=self.prospect.step.after, parent=self.base
        )
        self.push()
        return commit


def make_files(prospect: Prospect, stand_ins: Site, revision: Revision, commit: str, key: str) -> Files:
    """What differs, at that revision, from what is really there: the inventory's few lines, and what the control node
    is told of itself. It tries a run once: one that succeeds when it is repeated is not good."""
    settings = {**describe_node(stand_ins, prospect.node), "attempts": 1}
    return {
        INVENTORY: (Kind.FILE, prospect.adapt(revision, key, commit)),
        f"site/{prospect.node}.json": (Kind.FILE, json.dumps(settings, indent=2, sort_keys=True).encode() + b"\n"),
    }


def build_stage(prospect: Prospect, lab: StandInLab, say: Say) -> Stage:
    """The lab, up, with both repositories in it: the playbooks at the environment's present revision, a vault that
    holds nothing yet. Raises LabError, PromotionError."""
    person, key_file = prospect.person, lab.scratch / "key"
    key = make_key(key_file, person)
    lab.up(say)
    write_key(lab.lab, person, key_file)
    folder = lab.scratch / "site"
    folder.mkdir(mode=0o700)
    site = prospect.make_site(Belongings(folder, key, lab.git_host, lab.read_git_key()))
    playbooks = Scratch(lab.scratch / f"{PLAYBOOKS}.git", key_file, person, borrowed=prospect.repository)
    vault = Scratch(lab.scratch / f"{VAULT}.git", key_file, person)
    before = prospect.step.before
    files = make_files(prospect, site, prospect.step.revisions[0], before, key)
    environments = list_environments(site)
    base = playbooks.commit([one.branch or one.name for one in environments], files, base=before)
    empty: Files = {f"{one.name}/hosts.yml": (Kind.FILE, _EMPTY) for one in environments}
    first = vault.commit(["main"], empty)
    stage = Stage(prospect, lab, say, key, site, playbooks, vault, base, first)
    for name in (PLAYBOOKS, VAULT):
        lab.store.add(name)
    stage.push()
    lab.serve_repositories()
    entry = prospect.site.entry
    if entry is not None and entry.passthrough in prospect.names:
        values = describe_nat(prospect.site, entry)
        lab.load_gateway(render_nftables(values, Gateway(wan=prospect.spec.wan.interface)))
    return stage


def fill_vault(stage: Stage, seal: Callable[[str, list[bytes]], dict[bytes, str]]) -> None:
    """The stand-in secrets, sealed by ``seal`` with the password of their environment. Raises HomeprodError."""
    prospect = stage.prospect
    environment = prospect.environment.name
    sealed = seal(environment, list_secrets(list(prospect.vault)))
    files: dict[str, tuple[Kind, bytes]] = {
        f"{one.name}/hosts.yml": (Kind.FILE, _EMPTY) for one in list_environments(stage.site)
    }
    files.pop(f"{environment}/hosts.yml", None)
    files |= {one.path: (one.kind, one.render(sealed)) for one in prospect.vault}
    stage.sealed_after = stage.vault.commit(["main"], files, parent=stage.sealed_after)
    stage.push()


@dataclass
class Rehearsal:
    """``listen`` hears how machines are made, ``say`` all else."""

    stage: Stage
    listen: Listener
    say: Say
    settle: float = _SETTLE

    @property
    def prospect(self) -> Prospect:
        return self.stage.prospect

    def perform(self) -> dict[str, Seen]:
        """What was seen of each machine. Raises HomeprodError where stand-ins cannot be built, or their control node
        does not do its part: then nothing is known about the revision."""
        with closing(open_cluster(self.stage.site, lab=self.stage.lab.name)) as cluster:
            node = self._bring_up_node(cluster)
            self.say(f"making {', '.join(self.prospect.names)}")
            make_machines(self.stage.site, cluster, self.prospect.names, self.listen, boots=True)
            door = node.open_door()
            step, known = self.prospect.step, {one.name: not one.is_new for one in self.prospect.choice.subjects}
            course = Course(
                Runs(door, self.say),
                ring=lambda name: ring_for(self.stage.site, cluster, door, name),
                go_on=self.stage.go_on,
                look=self._look,
                say=self.say,
            )
            return course.take(known, step.before[:12], step.after[:12])

    def _bring_up_node(self, cluster: ProxmoxHypervisor) -> StandInNode:
        stage, prospect = self.stage, self.prospect
        self.say(f"making {prospect.node}, which configures the others")
        make_machines(stage.site, cluster, [prospect.node], self.listen, boots=True)
        node = StandInNode(stage.lab, stage.site, cluster, prospect.node, prospect.person, self.say)
        stage.site = node.bring_up()
        if zones := prospect.list_zones():
            self.say("making an authority for their certificates")
            node.make_authority(prospect.environment.name, zones)
        count = len(list_secrets(list(prospect.vault)))
        self.say(f"sealing {count} stand-in {'secret' if count == 1 else 'secrets'}")
        fill_vault(stage, lambda environment, values: dict(node.seal(environment, values)))
        return node

    def _look(self, names: Collection[str]) -> dict[str, Look]:
        time.sleep(self.settle)
        trials, person = self.prospect.expectations.asked, self.prospect.person
        problems = walk_expectations(self.prospect.site, trials, open_asker(self.stage.lab.name, None))
        return {
            name: look_at(
                name,
                lambda machine, command: self.stage.lab.run_in(machine, person, command),
                share_routes(trials, problems, name),
            )
            for name in names
        }
