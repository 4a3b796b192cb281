"""The trial: an environment's hosts are brought to a revision, once more, and looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from homeprod.cli.promotion.node import Node
from homeprod.core.errors import ControlError
from homeprod.promotion.candidates import Candidate
from homeprod.promotion.outcome import (
    Convergence,
    Outcome,
    Result,
    judge_findings,
    judge_first,
    judge_second,
)

Judge = Callable[[Convergence, str, str], Outcome]
Checks = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""What is not as it should be, by host, of those that are named."""
_PAUSE, _HEARTBEAT = 1.0, 30
"""Seconds between two looks, and between two words of how long it takes."""
_LOOKS = 10
"""After so many it is asked too whether the node is Ready still."""


@dataclass(frozen=True, slots=True)
class Tried:
    """``runs`` are numbers of the control node's."""

    candidate: Candidate
    outcome: Outcome
    runs: tuple[int, ...] = ()


class Trial:
    """Of a revision with one of the vault. ``limit`` is in seconds, for all runs of one round together. ``show``
    hears how far it is."""

    def __init__(self, node: Node, revision: str, vault: str, limit: float, show: Callable[[str], None]) -> None:
        self._node, self._revision, self._vault = node, revision, vault
        self._limit, self._show = limit, show

    def run(self, candidates: Sequence[Candidate], check: Checks) -> list[Tried]:
        """In their order. Raises WaitingError where the node is Locked meanwhile, or silent: nothing is said of any
        host then."""
        tried = {one.host: Tried(one, Outcome(Result.GREEN)) for one in candidates}
        for words, judge in (("converging", judge_first), ("converging again", judge_second)):
            self._converge(words, judge, tried)
        if green := _list_green(tried):
            self._show(f"checking {', '.join(green)}")
            for host, findings in check(green).items():
                tried[host] = replace(tried[host], outcome=judge_findings(findings))
        return list(tried.values())

    def _converge(self, words: str, judge: Judge, tried: dict[str, Tried]) -> None:
        """Of hosts that are green so far. All of them are through before the next round begins: what one does may
        undo what another did."""
        runs: dict[str, int] = {}
        for host in _list_green(tried):
            try:
                runs[host] = self._node.begin(host)
            except ControlError as error:
                self._node.require_ready()
                tried[host] = replace(tried[host], outcome=Outcome(Result.UNTRIED, _explain(error)))
        ended = self._wait(words, runs)
        for host, number in runs.items():
            outcome = judge(ended[host], self._revision, self._vault) if host in ended else self._miss(number)
            tried[host] = replace(tried[host], outcome=outcome, runs=(*tried[host].runs, number))

    def _miss(self, number: int) -> Outcome:
        return Outcome(Result.UNTRIED, f"run {number} has not ended within {self._limit:.0f} s")

    def _wait(self, words: str, runs: Mapping[str, int]) -> dict[str, Convergence]:
        """What came of those that ended in time, by host."""
        ended: dict[str, Convergence] = {}
        began, looks, told = time.monotonic(), 0, ""
        while len(ended) < len(runs) and time.monotonic() - began < self._limit:
            for host, number in runs.items():
                if host not in ended:
                    run = self._node.ask_patiently(lambda number=number: self._node.find_run(number))  # type: ignore[misc]
                    if run["ended"] is not None:
                        ended[host] = self._node.read_end(run)
            line = _tell(words, runs, ended, time.monotonic() - began)
            if line != told:
                self._show(line)
                told = line
            if len(ended) < len(runs):
                looks += 1
                if looks % _LOOKS == 0:
                    self._node.require_ready()
                time.sleep(_PAUSE)
        return ended


def _list_green(tried: Mapping[str, Tried]) -> list[str]:
    return [host for host, one in tried.items() if one.outcome.is_green]


def _tell(words: str, runs: Mapping[str, int], ended: Iterable[str], seconds: float) -> str:
    left = [f"{host} (run {number})" for host, number in runs.items() if host not in ended]
    took = f", {seconds // _HEARTBEAT * _HEARTBEAT:.0f} s" if seconds >= _HEARTBEAT else ""
    return f"{words}: {', '.join(left)}{took}" if left else f"{words}: {len(runs)} of {len(runs)} ended"


def _explain(error: ControlError) -> str:
    return f"no run of it can begin: {error.message}"
