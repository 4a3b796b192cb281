"""Building: the machines destroyed, and made again, by the engine's own applies."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

from homeprod.cli.apply import carry_out, make_work, report_outcome
from homeprod.cli.drill.logbook import Logbook, time_machines
from homeprod.cli.drill.sight import Sight, plan_part
from homeprod.cli.lease import Tenure, take_turn
from homeprod.core.errors import ControlError, StalePlanError, TransientError
from homeprod.core.fingerprint import find_fingerprint
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.apply import Outcome, check_plan
from homeprod.engine.drill import write_note
from homeprod.engine.ports import Ring
from homeprod.plan.change import Action
from homeprod.plan.plan import Plan
from homeprod.site.site import Site
from homeprod.wiring.doorbell import Bells

_BUILDS = (Action.CREATE, Action.UPDATE, Action.FINISH)
"""What makes a machine, and makes whole one whose making was cut off."""


@dataclass
class _HeardBell:
    """``waits`` says by host why its control node did not accept the ring yet: that passes, or a person ends it. With
    ``trusts`` the person has: a held key that is the rung one, which the guest agent told just now, is right."""

    bells: Bells
    trusts: bool
    waits: dict[str, str] = field(default_factory=dict)

    def ring(self, node: str, ring: Ring, say: Callable[[str], None]) -> str:
        answer = self.bells.ring(node, ring, say)
        if answer and self.trusts and self._trust(node, ring, say):
            return ""
        if answer:
            self.waits[ring.host] = answer
        return answer

    def _trust(self, node: str, ring: Ring, say: Callable[[str], None]) -> bool:
        """Whether it was held, and is no more; a run is queued then. Raises ControlError where the signer is no
        administrator."""
        try:
            door = self.bells.open(node)
            held = door.get(f"/api/hosts/{ring.host}")["host"]["held_keys"]
        except (ControlError, TransientError):  # it does not know the host yet, or does not answer: nothing is held
            return False
        if not held or set(held) != {find_fingerprint(key) for key in ring.host_keys}:
            return False
        door.post(f"/api/hosts/{ring.host}/trust", {"fingerprints": held})
        say(f"its new SSH host key is trusted at {node}, as its guest agent tells it")
        return True


@dataclass(frozen=True, slots=True)
class Builder:
    """``boots`` is whether guests come up where it builds."""

    site: Site
    cluster: ProxmoxHypervisor
    options: argparse.Namespace
    log: Logbook
    boots: bool

    def destroy(self, seen: Sight, turn: Tenure) -> None:
        """The note comes first. Raises HomeprodError, StoppedError; KeyboardInterrupt where it was asked to stop."""
        if not seen.is_resumed:
            write_note(turn.hypervisor, self.site, seen.note)
        if not seen.destruction.changes:
            return
        options = self._manner()
        work = make_work(
            self.site,
            seen.planned,
            options,
            turn,
            Bells(self.site, turn.hypervisor, lab=options.lab),
            comes_back=True,
        )
        outcome = carry_out(work, seen.destruction, turn, options, time_machines(self.log.destroyed))
        self._settle(outcome, turn, options)

    def make(self, names: list[str]) -> dict[str, str]:
        """Those of the names that are not there, or not finished: by host, why its control node has not accepted its
        ring. Raises HomeprodError, StoppedError; KeyboardInterrupt where somebody asked to stop."""
        options = self._manner()
        with take_turn(self.site, self.cluster, options) as turn:
            planned = plan_part(self.site, self.cluster, options, names)
            check_plan(planned.plan)
            _check_only_made(planned.plan, names)
            if not planned.plan.changes:
                return {}
            bell = _HeardBell(Bells(self.site, turn.hypervisor, lab=options.lab), options.trust)
            work = make_work(self.site, planned, options, turn, bell)
            outcome = carry_out(work, planned.plan, turn, options, time_machines(self.log.created))
            self._settle(outcome, turn, options, waits=bell.waits)
        return bell.waits

    def _manner(self) -> argparse.Namespace:
        """A lease is broken once at most: it would be ours the next time, or that of who broke ours."""
        return argparse.Namespace(
            **{**vars(self.options), "json": False, "no_wait": not self.boots, "break_lease": False}
        )

    def _settle(
        self, outcome: Outcome, turn: Tenure, options: argparse.Namespace, waits: dict[str, str] | None = None
    ) -> None:
        report_outcome(outcome, options)
        if outcome.was_interrupted or turn.is_stopping.is_set():  # also where it came too late to cut anything off
            turn.raise_if_lost()
            raise KeyboardInterrupt
        for change, error in outcome.failed:
            where = str(change.address)
            self.log.note(where, str(error).removeprefix(f"{where}: "), error.hint)
        for address, reason in outcome.unfinished.items():
            if self.boots and address.name not in (waits or {}):
                self.log.note(str(address), reason)
        self.log.stop_if_failed()


def _check_only_made(plan: Plan, names: list[str]) -> None:
    """Whatever else it would do nobody agreed to. Raises StalePlanError."""
    for change in plan.changes:
        is_ours = change.address.kind == "vm" and change.address.name in names and change.action in _BUILDS
        if not is_ours and change.address.kind not in ("image", "iso"):
            words = f"the plan would {change.action.value} it meanwhile, which is no part of the drill"
            hint = "see what is there now, and put it right:\n\n  homeprod plan"
            raise StalePlanError(words, where=str(change.address), hint=hint)
