"""Configuring: the runs of machines that were made again, waited for host by host at their control nodes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from homeprod.cli import render
from homeprod.cli.drill.building import Builder
from homeprod.cli.drill.unlocking import Patience
from homeprod.core.errors import ControlError, TransientError, UnreachableError
from homeprod.core.overview.host import HostLine, read_host
from homeprod.drivers.doorbell import Doorbell
from homeprod.site.configured import explain_unconfigured
from homeprod.site.site import DeclaredMachine
from homeprod.wiring.doorbell import find_signer, open_doorbell

LOOK_EVERY = 5.0
RING_EVERY = 30.0
"""Seconds until a ring that was not accepted is repeated."""
SILENCE = 30.0
"""Seconds without a word, after which it is said who is waited for."""


@dataclass
class Configuring:
    """``instances`` are the lives to be configured, by host. ``unrung`` says of hosts why their ring was not
    accepted."""

    builder: Builder
    hosts: Mapping[str, DeclaredMachine]
    instances: Mapping[str, str]
    unrung: dict[str, str]
    told: set[str] = field(default_factory=set)
    rung: float = field(default_factory=time.monotonic)

    def await_all(self, minutes: float) -> None:
        """Notes what each host's run took, and a problem for each that failed or did not come. Raises
        StoppedError."""
        patience = Patience(minutes * 60)
        self._await(set(self.hosts), patience, minutes)
        self.builder.log.stop_if_failed()
        if self.unrung:  # a person trusted its key, and it still has the mark of what is not finished
            again = set(self.unrung)
            self.unrung = self.builder.make(sorted(again))
            self._await(again, patience, minutes)
            self.builder.log.stop_if_failed()

    def _await(self, waiting: set[str], patience: Patience, minutes: float) -> None:
        spoke = time.monotonic()
        while True:
            lines = self._ask()
            settled = {host for host in sorted(waiting) if self._is_settled(host, lines.get(host))}
            waiting -= settled
            if not waiting:
                return
            if patience.is_over:
                self._give_up(sorted(waiting), lines, minutes)
                return
            if settled or time.monotonic() - spoke >= SILENCE:
                spoke = time.monotonic()
                render.say(f"still under way: {', '.join(sorted(waiting))}")
            self._ring_again(host for host in waiting if not self._has_come(host, lines.get(host)))
            patience.pause(LOOK_EVERY)

    def _has_come(self, host: str, line: HostLine | None) -> bool:
        return line is not None and line.wanted.instance == self.instances[host]

    def _ask(self) -> dict[str, HostLine]:
        """A node that does not answer just now is asked again at the next look."""
        found: dict[str, HostLine] = {}
        for node in dict.fromkeys(one.machine.environment.control_node for one in self.hosts.values()):
            try:
                found |= {line.name: line for line in map(read_host, self._open(node).get("/api/hosts")["hosts"])}
            except (UnreachableError, TransientError) as error:
                self._tell_once(f"{node}: {error.message}")
            except (KeyError, TypeError, ValueError) as error:
                raise ControlError("answers as another version of homeprod does", where=f"vm/{node}") from error
        return found

    def _open(self, node: str) -> Doorbell:
        site, lab = self.builder.site, self.builder.options.lab
        signer = find_signer(site, node, lab=lab)
        return open_doorbell(site, self.builder.cluster, node, signer, lab=lab)

    def _is_settled(self, host: str, line: HostLine | None) -> bool:
        if line is None or not self._has_come(host, line):
            return False
        if line.held_keys:
            self._tell_once(
                f"{host} was made again, so it has another SSH host key, which is held; where it is right:\n\n"
                f"  homeprod control trust {host}\n"
            )
            return False
        if line.state == "failed":
            run = f"homeprod runs show {line.last_run.id}" if line.last_run is not None else "homeprod runs"
            words = f"its run failed: {line.problem.splitlines()[0] if line.problem else 'see what it said'}"
            self.builder.log.fail(f"vm/{host}", words, f"see what it said:\n\n  {run}")
            return True
        if line.waits or line.applied.instance != self.instances[host]:
            return False
        seconds = self._read_duration(host)
        if seconds is not None:
            self.builder.log.configured[host] = seconds
        render.say(f"{host} is configured" + (f" ({seconds:.0f} s)" if seconds is not None else ""))
        return True

    def _read_duration(self, host: str) -> float | None:
        """Of its last successful run."""
        door = self._open(self.hosts[host].machine.environment.control_node)
        runs: list[dict[str, Any]] = door.get(f"/api/runs?limit=5&host={quote(host, safe='')}&kind=configure")["runs"]
        done = next((one for one in runs if one["status"] == "successful"), None)
        return float(done["ended"] - done["started"]) if done is not None and done["started"] else None

    def _ring_again(self, unheard: Iterable[str]) -> None:
        """For those whose ring did not arrive at all, as while a node was busy or away."""
        hosts = sorted(self.unrung.keys() & set(unheard))
        if hosts and time.monotonic() - self.rung >= RING_EVERY:
            left = self.builder.make(hosts)
            self.unrung = {host: why for host, why in self.unrung.items() if host not in hosts} | left
            self.rung = time.monotonic()

    def _tell_once(self, words: str) -> None:
        if words not in self.told:
            self.told.add(words)
            render.say(words)

    def _give_up(self, waiting: list[str], lines: Mapping[str, HostLine], minutes: float) -> None:
        for host in waiting:
            line = lines.get(host)
            state = line.word if line is not None else "not known to its control node"
            why = self.unrung.get(host, "") if line is None or line.word == "waits" else ""
            words = f"is not configured after {minutes:g} minutes: {why or state}"
            self.builder.log.fail(f"vm/{host}", words, "see what it waits for:\n\n  homeprod control hosts")


def choose_hosts(chosen: list[DeclaredMachine]) -> dict[str, DeclaredMachine]:
    """Those that a control node configures, and that run."""
    return {
        one.name: one for one in chosen if not explain_unconfigured(one) and getattr(one.machine, "started", True)
    }
