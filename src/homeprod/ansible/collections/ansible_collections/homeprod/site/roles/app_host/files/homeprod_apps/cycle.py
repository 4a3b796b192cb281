"""One run: fetch, believe, try beside, run, look, go back where that is needed, and say all of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .advance import Advance
from .choice import Choice, Chooser
from .configuration import App
from .containers import find_containers
from .docker import Docker
from .followed import Followed, check_that_nothing_is_lost, follow_configuration
from .git import GitError
from .harbormaster import check_version
from .lock import hold
from .memory import Known, Memory, read_memory, write_memory
from .problem import Problem
from .redaction import read_secrets
from .remote import Remotes
from .settings import Settings
from .status import FAILED, Part, Status, write_status

_PRIVATE = ("mirrors", "signatures", "configuration", "harbormaster")
"""Folders that are root's alone: what apps write is in one of them."""


@dataclass
class Cycle:
    """``insists`` is a person who waits: nothing is put off because it failed a moment ago."""

    settings: Settings
    insists: bool = False
    clock: Callable[[], float] = time.time
    memory: Memory = field(default_factory=Memory)

    def run(self) -> Status:
        """Raises BusyError where another is under way, Problem where nothing can even be written down."""
        folder = self.settings.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in _PRIVATE:
                (folder / name).mkdir(mode=0o700, exist_ok=True)
            with hold(folder / "lock"):
                return self._run_alone()
        except OSError as error:
            raise Problem(
                f"{error.filename or folder}: {error.strerror}", "see how full the disk is\n    df -h"
            ) from error

    def _run_alone(self) -> Status:
        self.memory = read_memory(self.settings.folder / "memory.json")
        status = Status(self.settings.host, self.clock())
        if self.memory.was_damaged:
            status.notes.append("what was known from earlier runs could not be read, and is found out anew")
        try:
            self._follow(status)
        except (Problem, GitError) as error:
            problem = error if isinstance(error, Problem) else Problem(f"git failed: {error}"[:300], "df -h")
            status.problem, status.hint = problem.message, problem.hint
        self._date(status)
        status.conclude(self.clock())
        self._save()
        write_status(self.settings.folder, status)
        return status

    def _save(self) -> None:
        write_memory(self.settings.folder / "memory.json", self.memory)

    def _follow(self, status: Status) -> None:
        settings = self.settings
        docker = Docker(settings)
        check_version(settings)
        find_containers(docker)  # who asks a docker that is not there would take every app for stopped
        redaction = read_secrets(settings.secrets)
        remotes = Remotes(settings, self.memory.servers, self.clock, insists=self.insists)
        try:
            followed = follow_configuration(settings, remotes, status.configuration)
            if not followed.commit:
                return
            chooser = Chooser(settings, remotes, docker, followed, redaction, self.clock, self.insists)
            configuration = followed.read(followed.commit)
            stopped = {name: app for name, app in configuration.apps.items() if not app.is_enabled}
            choices = self._choose(configuration.apps, chooser, status)
            check_that_nothing_is_lost(settings, configuration.apps, {*choices, *stopped})
            self._forget_unused(choices, followed)
            Advance(
                settings, docker, self.memory, status, redaction, chooser, self.clock, self._save, self.insists,
                configuration.prune,
            ).run(choices, stopped)  # fmt: skip
        finally:
            status.connections = remotes.asked

    def _choose(self, apps: dict[str, App], chooser: Chooser, status: Status) -> dict[str, Choice]:
        choices: dict[str, Choice] = {}
        for name, app in apps.items():
            part = status.apps[name] = Part(url=app.url, branch=app.branch)
            known = self.memory.apps.setdefault(name, Known())
            if not app.is_enabled:
                continue
            projects = {
                one.applied.project: other for other, one in self.memory.apps.items() if one.applied and other != name
            }
            projects.update({one.revision.project: other for other, one in choices.items()})
            try:
                choice = chooser.choose(app, known, part, projects)
            except (Problem, GitError) as error:
                problem = error if isinstance(error, Problem) else Problem(f"git failed: {error}"[:300])
                part.tell(FAILED, problem)
                choice = chooser.find(known.applied)
            if choice is not None:
                choices[name] = choice
        return choices

    def _forget_unused(self, choices: dict[str, Choice], followed: Followed) -> None:
        """Mirrors of addresses that no app has any more, and what was laid out to be tried."""
        revisions = [one for known in self.memory.apps.values() for one in (known.applied, known.healthy, known.bad)]
        used = {one.mirror for one in revisions if one is not None} | {
            one.mirror.folder.name for one in choices.values()
        }
        apps = followed.read(followed.commit).apps
        for mirror in (self.settings.folder / "mirrors").glob("*.git"):
            if mirror.name not in used and mirror.name.rpartition("-")[0] not in {"_config", *apps}:
                shutil.rmtree(mirror)
        shutil.rmtree(self.settings.folder / "candidates", ignore_errors=True)

    def _date(self, status: Status) -> None:
        told = status.configuration
        if self.memory.state != told.state:
            self.memory.state, self.memory.since = told.state, self.clock()
        told.since = self.memory.since
        for name, part in status.apps.items():
            known = self.memory.apps.get(name, Known())
            if known.applied is not None:
                part.applied, part.verified = known.applied.commit, known.applied.signer
            if (known.state, name in self.memory.apps) != (part.state, True):
                known.state, known.since = part.state, self.clock()
            part.since = known.since
