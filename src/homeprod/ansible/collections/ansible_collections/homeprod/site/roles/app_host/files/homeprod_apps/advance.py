"""What was chosen, run: by Harbormaster, looked after until it is well, and taken back where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .backoff import Backoff
from .choice import Choice, Chooser
from .configuration import App
from .containers import Services, tell_unwell, wait_until_well
from .docker import Docker
from .harbormaster import (
    Outcome,
    compose_configuration,
    digest_configuration,
    lay_down,
    prepare,
    run_harbormaster,
)
from .memory import Known, Memory
from .problem import Problem
from .redaction import Redaction
from .settings import Settings
from .status import FAILED, ROLLED_BACK, STOPPED, UNHEALTHY, Status


@dataclass
class Advance:
    """``save`` writes the memory: before Harbormaster starts, it must be known what it was told."""

    settings: Settings
    docker: Docker
    memory: Memory
    status: Status
    redaction: Redaction
    chooser: Chooser
    clock: Callable[[], float]
    save: Callable[[], None]
    insists: bool
    prune: bool = False
    _failures: dict[str, str] = field(default_factory=dict)

    def run(self, choices: dict[str, Choice], stopped: Mapping[str, App]) -> None:
        """Raises Problem where Harbormaster, or docker, does not do its work."""
        changed = {name for name, choice in choices.items() if self._is_due(choice, self.memory.apps[name])}
        self._move(choices, stopped, changed)
        seen = self._look(choices, changed)
        back = self._go_back(choices, seen, changed)
        if back:
            self._move(choices, stopped, back)
            seen = self._look(choices, back)
        seen = self._repair(choices, seen, changed | back)
        for name, services in seen.items():
            self._tell(name, services)
        self._tell_stopped(stopped)

    def _is_due(self, choice: Choice, known: Known) -> bool:
        if not choice.revision.is_like(known.applied):
            return True
        waits = known.repair.waits(self.clock()) and not self.insists
        return (known.is_pending and not waits) or known.secrets != self._stamp_secrets(choice.app.name)

    def _stamp_secrets(self, name: str) -> str:
        """Changes when a file does; says nothing of what is in it."""
        files = sorted((self.settings.secrets / name).glob("*"))
        return " ".join(f"{file.name}:{(at := file.stat()).st_mtime_ns}:{at.st_ino}" for file in files)

    def _move(self, choices: Mapping[str, Choice], stopped: Mapping[str, App], changed: set[str]) -> None:
        """The mirrors show what was chosen, and Harbormaster runs where that is not what it ran last."""
        apps = {name: (choice.app, choice.mirror.address) for name, choice in choices.items()}
        apps.update({name: (app, "file:///nonexistent") for name, app in stopped.items()})
        if not apps:
            return
        files = compose_configuration(apps, prune=self.prune)
        digest = digest_configuration(files, (f"{name} {one.revision.commit}" for name, one in choices.items()))
        if not changed and digest == self.memory.harbormaster:
            return
        restarted = {name for name in changed if choices[name].revision.is_like(self.memory.apps[name].applied)}
        self._mark(choices, stopped, changed)
        for choice in choices.values():
            choice.mirror.show(choice.revision.commit)
        prepare(self.settings.work, restarted)
        outcome = run_harbormaster(lay_down(files, self.settings.folder / "configuration"), self.docker)
        self._note(outcome, choices, stopped, changed, digest)

    def _mark(self, choices: Mapping[str, Choice], stopped: Mapping[str, App], changed: set[str]) -> None:
        for name in changed:
            known = self.memory.apps[name]
            known.applied, known.is_pending = choices[name].revision, True
            known.secrets = self._stamp_secrets(name)
        for name in stopped:
            self.memory.apps[name].is_pending = True
        self.memory.harbormaster = ""
        self.save()

    def _note(
        self,
        outcome: Outcome,
        choices: Mapping[str, Choice],
        stopped: Mapping[str, App],
        changed: set[str],
        digest: str,
    ) -> None:
        self._failures = {name: self.redaction.hide(words) for name, words in outcome.failures.items()}
        if outcome.problem:
            raise Problem(self.redaction.hide(outcome.problem), "journalctl -u homeprod-apps")
        self.memory.harbormaster = digest
        for name in changed:
            known = self.memory.apps[name]
            known.is_pending = name in self._failures
            known.repair = known.repair.fail(self._failures[name], self.clock()) if known.is_pending else Backoff()
        for name in self.memory.apps.keys() - choices.keys() - stopped.keys():
            del self.memory.apps[name]
        self.save()

    def _look(self, choices: Mapping[str, Choice], patient_for: set[str]) -> dict[str, Services]:
        wanted = {name: (one.revision.project, one.revision.services) for name, one in choices.items()}
        return wait_until_well(self.docker, wanted, patient_for - self._failures.keys())

    def _explain(self, name: str, services: Services) -> str:
        """Why it is not well, empty where it is."""
        return self._failures.get(name, "") or tell_unwell(services)

    def _go_back(self, choices: dict[str, Choice], seen: Mapping[str, Services], changed: set[str]) -> set[str]:
        """Those that return to the revision that was well before; what they leave is remembered, or the next run
        would bring it back."""
        back = set()
        for name in changed:
            known, why = self.memory.apps[name], self._explain(name, seen[name])
            before = self.chooser.find(known.healthy)
            if not why or not self.settings.rollback or before is None or before.revision.is_like(known.applied):
                continue
            known.bad, known.why_bad = choices[name].revision, why
            choices[name] = before
            part = self.status.apps[name]
            hint = f"publish another; to have it tried again\n    homeprod-apps accept {name}"
            part.tell(ROLLED_BACK, Problem(f"{known.bad.commit[:12]} was not well: {why}", hint))
            back.add(name)
        return back

    def _repair(
        self, choices: Mapping[str, Choice], seen: dict[str, Services], fresh: set[str]
    ) -> dict[str, Services]:
        """What was well and is not any more: a service that ended, or that somebody took away."""
        if not self.settings.repair:
            return seen
        ended = {name for name in seen.keys() - fresh if self._is_for_repair(name, seen[name])}
        for name in sorted(ended):
            known, app = self.memory.apps[name], choices[name].app
            self.status.notes.append(f"{name}: started again: {tell_unwell(seen[name])}")
            up = ("up", "--detach", "--no-build", "--no-recreate", "--pull", "missing")
            folder = self.settings.work / "repos" / name
            done = self.docker.compose(app, folder, *up, seconds=self.settings.pull_seconds)
            known.repair = known.repair.fail("", self.clock())
            if done.code:
                self._failures[name] = self.redaction.hide(done.said.strip().splitlines()[-1][:300])
        return self._look(choices, ended) if ended else seen

    def _is_for_repair(self, name: str, services: Services) -> bool:
        waits = self.memory.apps[name].repair.waits(self.clock()) and not self.insists
        return not waits and any(not one.is_well and not one.state.startswith("running") for one in services.values())

    def _tell(self, name: str, services: Services) -> None:
        known, part = self.memory.apps[name], self.status.apps[name]
        part.services = {one: service.state for one, service in services.items()}
        why = self._explain(name, services)
        if why:
            part.tell(
                UNHEALTHY,
                Problem(why, f"homeprod-apps status; docker compose ls; journalctl -u docker | grep {name}"),
            )
            return
        known.healthy, known.repair = known.applied, Backoff()
        if known.bad is not None and known.applied is not None and known.applied.is_like(known.bad):
            known.bad, known.why_bad = None, ""

    def _tell_stopped(self, stopped: Mapping[str, App]) -> None:
        for name in stopped:
            part = self.status.apps[name]
            part.state = STOPPED
            if name in self._failures:
                part.tell(FAILED, Problem(f"it does not stop: {self._failures[name]}", "docker ps"))
