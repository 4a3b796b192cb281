"""The control node, as promotion asks it: what it knows of hosts, runs that a person has it begin, and their end."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from homeprod.cli.connection import connect
from homeprod.core.errors import ControlError, TransientError, UnreachableError
from homeprod.core.overview.host import HostLine, read_host
from homeprod.drivers.doorbell import Doorbell
from homeprod.promotion.outcome import Convergence, read_convergence
from homeprod.site.site import Site
from homeprod.wiring.doorbell import find_signer, open_doorbell

_PAUSE = 1.0
"""Seconds between two questions for the same thing."""
_FAILURES = 10
"""Questions in a row that nobody answers, before the node is said to be silent."""


class WaitingError(ControlError):
    """It goes on by itself once a person has done what ``hint`` says; nothing is lost."""


@dataclass(frozen=True, slots=True)
class Node:
    """``name`` is the control node's."""

    name: str
    door: Doorbell

    def require_ready(self) -> None:
        """Raises WaitingError where it is Locked, New or does not answer."""
        try:
            told = self.door.status()
        except UnreachableError as error:
            raise WaitingError(error.message, where=self.name, hint=error.hint) from error
        if told.get("state") != "Ready":
            hint = f"then repeat this, which goes on from there:\n\n  {told.get('next', '')}"
            raise WaitingError(f"{self.name} is {told.get('state')}", hint=hint)

    def knock(self) -> None:
        """Something was pushed. That it is not heard is no harm: the node looks by itself."""
        with suppress(ControlError):
            self.door.knock()

    def list_problems(self) -> list[str]:
        """What it says that a person should see to."""
        return [str(one) for one in self.door.get("/api/status").get("problems") or ()]

    def find_hosts(self) -> dict[str, HostLine]:
        """By name. Raises ControlError."""
        try:
            return {one.name: one for one in map(read_host, self.door.get("/api/hosts")["hosts"])}
        except (KeyError, TypeError, ValueError) as error:
            hint = "bring both to the same version:\n\n  homeprod control upgrade"
            raise ControlError(
                "it answers as another version of homeprod does", where=self.name, hint=hint
            ) from error

    def find_host(self, name: str) -> HostLine:
        return read_host(self.door.get(f"/api/hosts/{quote(name, safe='')}")["host"])

    def begin(self, host: str) -> int:
        """A run of the host at the newest head; its number. Raises ControlError."""
        return int(self.door.post(f"/api/hosts/{quote(host, safe='')}/retry")["run"])

    def find_run(self, number: int) -> dict[str, Any]:
        return dict(self.door.get(f"/api/runs/{number}")["run"])

    def read_end(self, run: Mapping[str, Any]) -> Convergence:
        """Of a run that has ended."""
        return read_convergence(run, self.door.follow(f"/api/runs/{run['id']}/events"))

    def watch_promotion(self, environment: str, seconds: float = _PAUSE) -> Iterator[dict[str, Any]]:
        """What it says of the environment's gate and roll-out, again and again. Raises WaitingError where it does not
        answer any more, ControlError."""
        while True:
            yield self.ask_patiently(lambda: self.find_promotion(environment))
            time.sleep(seconds)

    def find_promotion(self, environment: str) -> dict[str, Any]:
        """Empty where it knows of no gate there, or not yet: it has not fetched the settings that name one."""
        told = self.door.get("/api/promotion")["environments"]
        return dict(next((one for one in told if one.get("environment") == environment), {}))

    def ask_patiently(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Again where nobody answers: a node that begins anew is back in a moment. Raises WaitingError."""
        for number in range(1, _FAILURES + 1):
            try:
                return ask()
            except UnreachableError as error:
                if number == _FAILURES:
                    raise WaitingError(error.message, where=self.name, hint=error.hint) from error
                time.sleep(_PAUSE)
        raise AssertionError


@contextmanager
def open_node(site: Site, name: str, options: argparse.Namespace) -> Iterator[Node]:
    """The control node of that name. Raises WaitingError where it cannot be reached now, HomeprodError."""
    with closing(connect(site, options)) as cluster:
        signer = find_signer(site, name, lab=options.lab)
        try:
            door = open_doorbell(site, cluster, name, signer, lab=options.lab)
        except (UnreachableError, TransientError) as error:
            raise WaitingError(error.message, where=error.where, hint=error.hint) from error
        yield Node(name, door)
