"""Whom a revision is tried on, and for whom."""

from __future__ import annotations

from homeprod.promotion.candidates import Candidate, Subject, list_candidates, list_differing
from homeprod.promotion.closure import Closure

LAB = {"lab-web": "lab", "lab-db": "lab"}
PROD = {"web": "prod", "db": "prod"}


def make(**changed: str) -> dict[str, Closure]:
    """Closures of all hosts; those of ``changed`` (with ``_`` for ``-``) read something else."""
    told = {name.replace("_", "-"): text for name, text in changed.items()}
    return {
        host: Closure(host, environment, {"input": told.get(host, "old")})
        for host, environment in {**LAB, **PROD}.items()
    }


OLD = make()
APPLIED = {host: OLD[host].digest for host in LAB}


def ask(
    after: dict[str, Closure], *bases: dict[str, Closure], green: tuple[str, ...] = (), **more: object
) -> dict[str, tuple[list[str], bool]]:
    known = {"counterparts": {"web": "lab-web"}, "applied": APPLIED, **more}
    found = list_candidates(after, "lab", bases, is_green=lambda one: one.host in green, **known)  # type: ignore[arg-type]
    return {one.host: ([subject.host for subject in one.subjects], one.is_settled) for one in found}


def test_hosts_that_differ_are_tried_for_themselves_and_for_those_that_name_them() -> None:
    assert ask(OLD, OLD) == {}
    assert ask(make(lab_web="new"), OLD) == {"lab-web": (["lab-web", "web"], False)}
    assert ask(make(lab_db="new", db="new"), OLD) == {"lab-db": (["lab-db"], False)}


def test_a_counterpart_is_tried_where_only_the_other_differs() -> None:
    after = make(web="new")
    [found] = list_candidates(after, "lab", [OLD], {"web": "lab-web"}, is_green=lambda _: False, applied=APPLIED)
    assert found == Candidate(
        "lab-web",
        (Subject("lab-web", "lab", OLD["lab-web"].digest), Subject("web", "prod", after["web"].digest)),
        False,
    )
    assert ask(make(db="new"), OLD) == {}, "nobody stands for it"
    assert ask(make(web="new"), OLD, counterparts={"web": "lab-gone"}) == {}


def test_what_was_broken_off_goes_on_from_where_it_stood() -> None:
    after = make(lab_web="new", web="new")
    assert ask(after, after) == {"lab-web": (["lab-web", "web"], False)}, (
        "the branch is there, and nothing is applied"
    )
    assert ask(after, after, OLD, applied={**APPLIED, "lab-web": after["lab-web"].digest}) == {
        "lab-web": (["lab-web", "web"], False)
    }, "it is applied, and prod has not got it"
    applied = {**APPLIED, "lab-web": after["lab-web"].digest}
    assert ask(after, after, OLD, applied=applied, green=("lab-web",)) == {"lab-web": (["lab-web", "web"], False)}
    assert ask(after, after, OLD, applied=applied, green=("lab-web", "web")) == {
        "lab-web": (["lab-web", "web"], True)
    }
    assert ask(after, after, OLD, green=("lab-web", "web")) == {"lab-web": (["lab-web", "web"], False)}


def test_an_environment_that_has_nothing_yet_is_affected_whole() -> None:
    assert list_differing(OLD, "prod") == ["db", "web"]
    assert list_differing(OLD, "prod", {}) == ["db", "web"]
    assert list_differing(make(web="new"), "prod", OLD) == ["web"]
    assert list_differing(make(web="new"), "prod", OLD, make(web="new", db="other")) == ["db", "web"]
