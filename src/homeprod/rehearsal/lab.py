"""The lab that stand-ins live in: one for a site, brought up for a rehearsal and taken away after it, always."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from homeprod.core.errors import ControlError, LabError, PromotionError
from homeprod.lab.census import require_running
from homeprod.lab.folder import LabFolder, find_folder, labs_folder, make_private
from homeprod.lab.host import check_host, require_root
from homeprod.lab.lan import Lan
from homeprod.lab.lan.gitserver import find_sshd
from homeprod.lab.lan.resolver import list_gateways
from homeprod.lab.life import bring_up, take_down, wait_for_images
from homeprod.lab.login import make_login
from homeprod.lab.repository.store import Store
from homeprod.lab.spec import LabSpec
from homeprod.site.site import Site
from homeprod.wiring.rehearsal import describe_lab

Say = Callable[[str], None]
_OFF = 2.0
"""Seconds that a stand-in gets to power off: nothing of it is kept."""
_SECONDS = 300.0
"""For a command in a machine."""


@dataclass(frozen=True, slots=True)
class StandInLab:
    """``spec`` is what it looks like, ``scratch`` the folder (0700) for all that the rehearsal makes beside it."""

    lab: LabFolder
    spec: LabSpec
    scratch: Path

    @property
    def name(self) -> str:
        return self.lab.name

    @property
    def store(self) -> Store:
        return Store(self.lab.path)

    @property
    def git_host(self) -> str:
        """The gateway's address: no name of the site's can stand before it."""
        return list_gateways(self.spec)[0]

    def up(self, say: Say) -> None:
        """Until it answers, and its image is there. Raises LabError."""
        bring_up(self.lab, self.spec, say)
        wait_for_images(self.lab, self.spec, say)

    def read_git_key(self) -> str:
        """The public host key of its git server."""
        return Lan(self.spec, self.lab.path).git.ensure_host_key() if self.spec.boot else ""

    def serve_repositories(self) -> None:
        """Also after a key was let in. Raises LabError."""
        if self.spec.boot:
            Lan(self.spec, self.lab.path).git.up(list_gateways(self.spec))

    def load_gateway(self, rules: str) -> None:
        if self.spec.boot:
            Lan(self.spec, self.lab.path).gateway.take(rules)

    def make_login(self, machine: str, user: str, command: Sequence[str], *, has_terminal: bool = False) -> list[str]:
        """The command line that logs in to one of its machines. Raises LabError."""
        found = require_running(self.lab, self.spec, machine)
        argv = make_login(self.lab, self.spec, found, user, command)
        if has_terminal:  # also where we have none ourselves (ssh_config(5))
            place = argv.index("ssh") + 1
            argv[place:place] = ["-o", "RequestTTY=force"]
        return argv

    def run_in(self, machine: str, user: str, command: str, given: str = "") -> str:
        """What a command in a machine prints. Raises ControlError where it fails, or does not end."""
        argv = self.make_login(machine, user, [command])
        try:
            done = subprocess.run(
                argv, input=given, capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace"
            )
        except subprocess.TimeoutExpired as error:
            raise ControlError(f"a command did not end within {_SECONDS:.0f} s", where=machine) from error
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise ControlError(f"a command ended with {done.returncode}: {said}", where=machine)
        return done.stdout


def describe_stand_in_lab(site: Site, stand_ins: Site, name: str, *, boots: bool) -> LabSpec:
    """The site's own network, with all its names: what is configured may speak of machines that are not here."""
    whole, own = describe_lab(site, name), describe_lab(stand_ins, name)
    return replace(whole, boot=boots, people=own.people, seeds=own.seeds)


def name_lab(site: Site) -> str:
    return f"rehearsal-{site.config.id[:8]}"


def check_machine(spec: LabSpec, revision: str) -> None:
    """Whether a lab of that kind can be had here. Raises LabError, saying what is missing."""
    if spec.boot:
        require_root(revision, "rehearse")
        find_sshd()
    check_host(spec, find_folder(spec.name).path)


@contextmanager
def hold_lab(site: Site, say: Say) -> Iterator[tuple[LabFolder, Path]]:
    """The site's one place for rehearsals: the lab's folder, and a folder (0700) beside. What an earlier rehearsal
    left, one that was killed say, is taken away first; and all of this one's in the end, whatever ends it. Raises
    PromotionError where another rehearsal of this site goes on."""
    lab = find_folder(name_lab(site))
    folder = labs_folder().parent / "rehearsals" / site.config.id
    make_private(folder.parent)
    make_private(folder)
    with _only_one(folder / "lock"):
        scratch = folder / "scratch"
        if lab.path.exists() or scratch.exists():
            say("taking away what an earlier rehearsal left")
            _clear(lab, scratch, say)
        make_private(scratch)
        try:
            yield lab, scratch
        finally:
            with _uninterrupted():
                if lab.path.exists():
                    say("taking the stand-ins away")
                _clear(lab, scratch, say)


@contextmanager
def _only_one(file: Path) -> Iterator[None]:
    """The kernel drops the lock of a killed process, so it is never stale."""
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait for its end; there is room for one at a time"
            raise PromotionError("another rehearsal of this site goes on", where=str(file), hint=hint) from None
        yield


def _clear(lab: LabFolder, scratch: Path, say: Say) -> None:
    """Raises LabError where something stays."""
    try:
        if lab.path.exists():
            take_down(lab, say, removes_disks=True, limit=_OFF)
    except LabError as error:
        error.hint = f"take it away by hand:\n\n  homeprod lab down {lab.name} --disks"
        raise
    finally:
        _remove(scratch)


def _remove(scratch: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(scratch)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Whoever is impatient waits: half a lab would stay. Only where signals are handled at all."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.getsignal(name) for name in names}
    for name in names:
        signal.signal(name, signal.SIG_IGN)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def write_key(lab: LabFolder, person: str, key: Path) -> None:
    """The person's private key among the lab's own, so that it logs in with it; gone with the lab."""
    lab.keys.mkdir(mode=0o700, exist_ok=True)
    target = lab.keys / person
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key.read_text())
