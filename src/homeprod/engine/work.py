"""Work: what one apply works with, and how it runs a task of Proxmox."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from homeprod.core.address import Address
from homeprod.core.errors import TransientError
from homeprod.engine.gate import Gate
from homeprod.engine.ports import Bell, Hypervisor, Task
from homeprod.plan.actual import Actual
from homeprod.plan.desired import DesiredMachine
from homeprod.site.place import Image
from homeprod.site.site import Site

Say = Callable[[str], None]
ImageSource = Callable[[Image, Say], Path]
"""Gives an image as a local file, its checksum verified. Raises HomeprodError."""
BundleSource = Callable[[str, Say], Path]
"""Gives the bundle, by its file's name, as a local file. Raises HomeprodError."""

ATTEMPTS = 5


class InterruptedWorkError(Exception):
    """Somebody asked to stop: the step that would come next is not begun."""


def tell_time() -> str:
    """Now, for the marks: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Manner:
    """How to go about it. Limits in seconds. ``commit`` is the site's git commit, for the marks; ``parallel`` how
    many tasks Proxmox is given at once, 0 for as many as it keeps up with; ``explain_after`` is how long
    a shutdown may take before it is told what ends it. ``comes_back``: what is deleted is made again, so that what
    others know of its VMID, such as backup jobs, stays."""

    waits: bool = True
    forces_stop: bool = False
    comes_back: bool = False
    commit: str = ""
    wait_limit: float = 600
    shutdown_limit: int = 180
    parallel: int = 0
    explain_after: float = 20.0
    look_every: float = 2.0
    pause: float = 1.0


@dataclass(frozen=True)
class Work:
    """Shared by all threads of one apply. ``gate`` bounds how many write to Proxmox at once, ``is_stopping`` is set
    when nothing new is to be begun."""

    site: Site
    hypervisor: Hypervisor
    desired: Mapping[Address, DesiredMachine]
    actual: Actual
    manner: Manner = field(default_factory=Manner)
    image_source: ImageSource | None = None
    bundle_source: BundleSource | None = None
    bell: Bell | None = None
    is_stopping: threading.Event = field(default_factory=threading.Event)
    gate: Gate = field(init=False)
    digests: dict[int, str] = field(default_factory=dict)
    """By VMID, where this apply itself moved a configuration that another of its changes is yet to write."""

    def __post_init__(self) -> None:
        parallel = self.manner.parallel
        object.__setattr__(self, "gate", Gate(parallel, parallel) if parallel else Gate())

    def digest(self, vmid: int) -> str:
        """What the machine's configuration must still be for a write of this apply."""
        return self.digests.get(vmid, self.actual.machines[vmid].config.digest)

    def run(self, begin: Callable[[], Task | None], say: Say, *, is_owed: bool = False, is_news: bool = True) -> int:
        """Begin a task and wait for its end, a few times where Proxmox says that repeating may help (a lock that is
        taken). The log of one that is no news is not read unless it fails. Raises ProxmoxError, and
        InterruptedWorkError before it begins; a task that is owed to an earlier one (the start after a shutdown) is
        begun all the same. How often it was begun: where that is more than once, an earlier one whose answer was lost
        may still take effect."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._run_once(begin, say if is_news else None, is_owed=is_owed)
            except TransientError as error:
                self.gate.shrink()
                if attempt == ATTEMPTS:
                    error.message += f" (tried {ATTEMPTS} times)"
                    raise
                say(f"{error.message}; trying again ({attempt + 1} of {ATTEMPTS})")
                time.sleep(self.manner.pause * attempt * random.uniform(0.5, 1.5))  # noqa: S311 (jitter, no secret)
            else:
                return attempt
        raise AssertionError("there is at least one attempt")

    def _run_once(self, begin: Callable[[], Task | None], on_line: Say | None, *, is_owed: bool) -> None:
        with self.gate.enter():
            if self.is_stopping.is_set() and not is_owed:  # here, since waiting for a place may take long
                raise InterruptedWorkError
            begun = time.monotonic()
            task = begin()
            if task is not None:
                self.hypervisor.wait(task, on_line=on_line)
        if task is not None:
            self.gate.note(task.kind, time.monotonic() - begun)
