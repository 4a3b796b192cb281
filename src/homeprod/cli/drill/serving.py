"""Serving: the site's expectations walked for real, and the apps of hosts as they say themselves."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homeprod.cli import render
from homeprod.cli.drill.logbook import Logbook
from homeprod.cli.drill.unlocking import Patience
from homeprod.cli.schema.drill import AskedEntry
from homeprod.cli.walking import walk_ways
from homeprod.core.errors import HomeprodError
from homeprod.core.overview.host import HostLine, read_host
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.network.expectations import try_expectations
from homeprod.network.walk.trial import find_live_problem
from homeprod.site.configured import explain_unconfigured
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import DeclaredMachine, Site
from homeprod.wiring.doorbell import find_signer, open_doorbell

LOOK_EVERY = 15.0
ASK_EVERY = 60.0
"""Seconds between two looks of a control node at a host for the sake of its apps."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is not as it must be, where, and what to do."""

    where: str
    what: str
    hint: str


@dataclass
class Serving:
    """``heard`` is when a control node had heard of a host's apps before the drill, by its own clock."""

    site: Site
    cluster: ProxmoxHypervisor
    options: argparse.Namespace
    log: Logbook
    app_hosts: Mapping[str, DeclaredMachine]
    heard: Mapping[str, float]
    asked_at: float = 0.0

    def await_all(self, seconds: float) -> None:
        """What is served may take to come: asked again and again, and what is still wrong at the end is a problem of
        the drill. Raises StoppedError."""
        patience, told = Patience(seconds), ""
        while True:
            faults = [*self._find_faults()]
            if not faults or patience.is_over:
                break
            words = "; ".join(f"{one.where}: {one.what}" for one in faults)
            if words != told:
                render.say(f"not yet ({max(0, patience.end - time.monotonic()):.0f} s are left): {words}")
                told = words
            patience.pause(LOOK_EVERY)
        for one in faults:
            self.log.fail(one.where, one.what, one.hint)
        self._note_unasked()
        self.log.stop_if_failed()

    def _find_faults(self) -> Iterator[Fault]:
        self.log.asked = walk_expectations(self.site, self.options)
        for one in self.log.asked:
            if one.problem:
                yield Fault(
                    one.url, f"from {one.origin}: {one.problem}", "see all of it:\n\n  homeprod route test --live"
                )
        lines = read_lines(self.site, self.cluster, self.options, self.app_hosts)
        is_asked = False
        for host in self.app_hosts:
            if fault := self._judge(host, lines.get(host)):
                yield fault
                is_asked = self._ask(host) or is_asked
        if is_asked:
            self.asked_at = time.monotonic()

    def _judge(self, host: str, line: HostLine | None) -> Fault | None:
        apps = line.apps if line is not None else None
        hint = f"see what it says there:\n\n  ssh -t {host} homeprod-apps status"
        if apps is None or apps.heard <= self.heard.get(host, 0.0):
            return Fault(f"vm/{host}", "has not said yet how its apps are", hint)
        if apps.problem:
            return Fault(f"vm/{host}", f"its apps: {apps.problem}", hint)
        ill = ", ".join(f"{one.name} {one.word}{f' ({one.problem})' if one.problem else ''}" for one in apps.ill)
        return Fault(f"vm/{host}", f"its apps: {ill}", hint) if ill else None

    def _ask(self, host: str) -> bool:
        """Have its control node look now, and not at its time. Where it will not, its own time comes."""
        if time.monotonic() - self.asked_at < ASK_EVERY and self.asked_at:
            return False
        node = self.app_hosts[host].machine.environment.control_node
        try:
            signer = find_signer(self.site, node, lab=self.options.lab)
            open_doorbell(self.site, self.cluster, node, signer, lab=self.options.lab).post(
                f"/api/hosts/{host}/check"
            )
        except HomeprodError as error:
            render.say(f"{node} was not asked to look at {host}: {error.message}")
        return True

    def _note_unasked(self) -> None:
        if not self.log.asked:
            self.log.unproven.append("the site has no expectations, so nothing was asked of its way in")
        for one in self.log.asked:
            if one.verdict == "not asked":
                self.log.unproven.append(f"{one.url} from {one.origin}: nothing could be asked")


def walk_expectations(site: Site, options: argparse.Namespace) -> list[AskedEntry]:
    """As `route test --live` does. Raises LabError where the lab cannot be entered."""
    if site.entry is None or not site.entry.expectations:
        return []
    trials = [*try_expectations(site, site.entry)]
    walks = walk_ways(site, site.entry, [trial.way for trial in trials], options)
    return [
        AskedEntry(
            url=str(trial.way.target),
            origin=trial.way.from_,
            verdict=walk.verdict,
            problem=trial.problem or find_live_problem(trial.expectation, walk),
        )
        for trial, walk in zip(trials, walks, strict=True)
    ]


def choose_app_hosts(
    chosen: list[DeclaredMachine], heard: Mapping[str, float], lines: Mapping[str, HostLine]
) -> dict[str, DeclaredMachine]:
    """Those of the chosen that Harbormaster keeps, and that said of their apps before or do now. Of one that never
    did nobody knows what is to come."""
    return {
        one.name: one
        for one in list_kept_hosts(chosen)
        if one.name in heard or ((line := lines.get(one.name)) is not None and line.apps is not None)
    }


def list_kept_hosts(chosen: list[DeclaredMachine]) -> list[DeclaredMachine]:
    """Those that Harbormaster keeps, and that a control node asks how their apps are."""
    return [
        one
        for one in chosen
        if isinstance(one.machine, VirtualMachine)
        and "harbormaster" in one.machine.kept_by
        and one.machine.started
        and not explain_unconfigured(one)
    ]


def read_lines(
    site: Site, cluster: ProxmoxHypervisor, options: argparse.Namespace, hosts: Mapping[str, DeclaredMachine]
) -> dict[str, HostLine]:
    """What their control nodes say of these hosts. One that does not answer says nothing."""
    found: dict[str, HostLine] = {}
    for node in dict.fromkeys(one.machine.environment.control_node for one in hosts.values()):
        try:
            signer = find_signer(site, node, lab=options.lab)
            told = open_doorbell(site, cluster, node, signer, lab=options.lab).get("/api/hosts")["hosts"]
            found |= {line.name: line for line in map(read_host, told) if line.name in hosts}
        except HomeprodError as error:
            render.say(f"{node}: {error.message}")
        except (KeyError, TypeError, ValueError):
            render.say(f"{node} answers as another version of homeprod does")
    return found
