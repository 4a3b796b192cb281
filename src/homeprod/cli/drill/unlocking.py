"""Unlocking: a control node that was made again is New, then Locked; the drill waits for the person who opens it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from homeprod.cli import render
from homeprod.core.errors import HomeprodError
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.site.site import Site
from homeprod.wiring.doorbell import open_doorbell

LOOK_EVERY = 3.0
REMIND_EVERY = 300.0
"""Seconds between two words to a person who has not come yet."""
_STEPS = {"New": "bootstrap", "Locked": "unlock"}


@dataclass
class Patience:
    """Until when a wait lasts, in seconds, and how it passes."""

    seconds: float
    sleep: Callable[[float], None] = time.sleep
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    def pause(self, seconds: float) -> None:
        self.sleep(max(0.0, min(seconds, self.end - time.monotonic())))


def await_ready(site: Site, cluster: ProxmoxHypervisor, node: str, lab: str, minutes: float) -> None:
    """Tells the command that comes next, and goes on by itself. Raises HomeprodError where the time is over."""
    patience, told, when, state = Patience(minutes * 60), "", 0.0, ""
    while True:
        state = read_state(site, cluster, node, lab)
        if state == "Ready":
            render.say(f"{node} is Ready")
            return
        now = time.monotonic()
        if state != told or now - when >= REMIND_EVERY:
            _tell(node, state, patience)
            told, when = state, now
        if patience.is_over:
            break
        patience.pause(LOOK_EVERY)
    step = _STEPS.get(state.partition(":")[0])
    hint = f"once you are there, on a terminal:\n\n  ssh -t {node} {step}" if step else "see it on its console"
    raise HomeprodError(f"is not Ready after {minutes:g} minutes: it is {state}", where=f"vm/{node}", hint=hint)


def read_state(site: Site, cluster: ProxmoxHypervisor, node: str, lab: str) -> str:
    """New, Locked or Ready; or why it does not say."""
    try:
        return str(open_doorbell(site, cluster, node, None, lab=lab).status()["state"])
    except HomeprodError as error:
        return f"silent: {error.message}"
    except KeyError:
        return "silent: it answers as another version of homeprod does"


def _tell(node: str, state: str, patience: Patience) -> None:
    left = max(0, round((patience.end - time.monotonic()) / 60))
    step = _STEPS.get(state)
    if step is None:
        render.say(f"{node} is {state}; waiting for it ({left} minutes at most)")
        return
    what = "take its keyring over" if step == "bootstrap" else "open its keyring"
    render.say(f"{node} is {state}; {what}, on a terminal ({left} minutes are left):\n\n  ssh -t {node} {step}\n")
