"""For one app, which revision is to run: the newest that may, and can; else the one that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .backoff import Backoff
from .belief import find_who, follow
from .configuration import App
from .docker import Docker
from .followed import Followed
from .git import GitError
from .memory import Known, Revision
from .mirror import Mirror, open_mirror
from .problem import Problem, UnreachedError
from .redaction import Redaction
from .remote import Remotes
from .settings import Settings
from .stack import try_out
from .status import CURRENT, LATE, REFUSED, ROLLED_BACK, WAITS, Part


@dataclass(frozen=True)
class Choice:
    """``app`` as the revision's own configuration says it."""

    app: App
    mirror: Mirror
    revision: Revision


@dataclass
class Chooser:
    settings: Settings
    remotes: Remotes
    docker: Docker
    followed: Followed
    redaction: Redaction
    clock: Callable[[], float]
    insists: bool

    def choose(self, app: App, known: Known, part: Part, projects: Mapping[str, str]) -> Choice | None:
        """``part`` is told why where it is not the newest; None where there is nothing to run. ``projects`` are those
        that other apps have, by compose's names. Raises Problem."""
        part.url, part.branch, part.state = app.url, app.branch, CURRENT
        mirror = open_mirror(self._mirrors, app.name, app.url, app.branch)
        belief = follow(mirror, self.remotes, self.settings)
        part.wanted, part.attempted = belief.wanted, belief.commit
        if belief.problem is not None:
            part.tell(WAITS if isinstance(belief.problem, UnreachedError) else REFUSED, belief.problem)
        if not belief.commit:
            return self._find_applied(known)
        wanted = Revision(belief.commit, self.followed.commit, app.digest, mirror.folder.name)
        if wanted.is_like(known.applied):
            return self._find_applied(known)
        if wanted.is_like(known.bad):
            hint = f"publish another; to have it tried again\n    homeprod-apps accept {app.name}"
            part.tell(ROLLED_BACK, Problem(f"{wanted.commit[:12]} was not well: {known.why_bad}", hint))
            return self._find_applied(known)
        return self._try(app, mirror, wanted, known, part, projects) or self._find_applied(known)

    @property
    def _mirrors(self) -> Path:
        return self.settings.folder / "mirrors"

    def _find_applied(self, known: Known) -> Choice | None:
        return self.find(known.applied)

    def find(self, revision: Revision | None) -> Choice | None:
        """None where its configuration, or its mirror, is lost."""
        if revision is None:
            return None
        name = revision.mirror.rpartition("-")[0]
        app = self.followed.find_app(revision.configuration, name)
        if app is None:
            return None
        mirror = open_mirror(self._mirrors, name, app.url, app.branch)
        return Choice(app, mirror, revision) if mirror.git.find(revision.commit) else None

    def _try(
        self, app: App, mirror: Mirror, wanted: Revision, known: Known, part: Part, projects: Mapping[str, str]
    ) -> Choice | None:
        key = f"{wanted.commit} {wanted.digest}"
        if known.tried == key and known.trial.waits(self.clock()) and not self.insists:
            part.tell(LATE, Problem(known.trial.problem, "it is tried again by itself"))
            return None
        try:
            stack = try_out(app, mirror, wanted.commit, self.docker, self.redaction)
            _check_project(stack.project, known, projects)
            signer = find_who(mirror, wanted.commit, self.settings)
        except (Problem, GitError) as error:
            problem = error if isinstance(error, Problem) else Problem(f"git failed: {error}"[:200])
            before = known.trial if known.tried == key else Backoff()
            known.tried, known.trial = key, before.fail(problem.message, self.clock())
            part.tell(LATE, problem)
            return None
        known.tried, known.trial = "", Backoff()
        made = replace(wanted, signer=signer, project=stack.project, services=stack.services, since=self.clock())
        return Choice(app, mirror, made)


def _check_project(project: str, known: Known, projects: Mapping[str, str]) -> None:
    if other := projects.get(project):
        hint = "write `name:` into its compose file"
        raise Problem(f"compose would call it {project}, as it calls {other}: one would stop the other", hint)
    runs = known.applied.project if known.applied is not None else project
    if runs != project:
        hint = "publish it with `enabled: false` first"
        raise Problem(f"compose would call it {project} and no longer {runs}: the old containers would run on", hint)
