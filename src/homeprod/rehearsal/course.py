"""The course of a rehearsal, once its stand-ins are there: the present revision, then the one that is tried."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from homeprod.rehearsal.judgement import Look, Seen
from homeprod.rehearsal.runs import Runs, RunSeen


@dataclass
class Course:
    """``ring`` says to the control node that a machine is there, and gives the run's number; ``go_on`` moves the
    branch to the revision that is tried, and gives its name there; ``look`` looks at machines. Each of them, and
    every method, raises HomeprodError where nothing can be known of the revision."""

    runs: Runs
    ring: Callable[[str], int]
    go_on: Callable[[], str]
    look: Callable[[Collection[str]], Mapping[str, Look]]
    say: Callable[[str], None]
    seen: dict[str, Seen] = field(default_factory=dict)

    def take(self, known: Mapping[str, bool], present: str, wanted: str) -> dict[str, Seen]:
        """What was seen of each machine; of those that are not ``known`` to the present revision, none of it."""
        before = [name for name, is_known in known.items() if is_known]
        if before:
            self.say(f"converging to the present revision, {present}")
            self._converge_to_present(before)
            for name, look in self.look(before).items():
                self.seen[name] = replace(self.seen[name], before=look)
        commit = self.go_on()
        if before:
            self.say(f"asking what {wanted} would change")
        for name in before:
            check = self.runs.await_check(name, commit, f"the check of {name}")
            self.seen[name] = replace(self.seen[name], check=check)
        self.say(f"converging to {wanted}")
        self._converge(list(known))
        good = [name for name in known if _is_good(self.seen[name].converge)]
        if good:
            self.say("converging again, which may change nothing")
            self._repeat(good)
            for name, look in self.look(good).items():
                self.seen[name] = replace(self.seen[name], after=look)
        return self.seen

    def _converge_to_present(self, names: Collection[str]) -> None:
        """Tried twice: it is no revision to be judged, and a machine that has just booted may still be busy."""
        begun = {name: self.ring(name) for name in names}
        for name, number in begun.items():
            base = self.runs.await_run(number, f"the first run of {name}")
            if not base.is_good:
                base = self.runs.await_run(self.runs.ask_again(name), f"the first run of {name}, repeated")
            self.seen[name] = Seen(base=base)
            if not base.is_good:
                self.say(f"{name}: at the present revision {base.problem or base.status}; it is tried all the same")

    def _converge(self, names: Collection[str]) -> None:
        """A host that the present revision did not know is told of now."""
        begun = {name: self.runs.ask_again(name) if name in self.seen else self.ring(name) for name in names}
        for name, number in begun.items():
            converge = self.runs.await_run(number, f"the run of {name}")
            self.seen[name] = replace(self.seen.get(name, Seen()), converge=converge)

    def _repeat(self, names: Collection[str]) -> None:
        begun = {name: self.runs.ask_again(name) for name in names}
        for name, number in begun.items():
            again = self.runs.await_run(number, f"the repeated run of {name}")
            self.seen[name] = replace(self.seen[name], again=again)


def _is_good(run: RunSeen | None) -> bool:
    return run is not None and run.is_good
