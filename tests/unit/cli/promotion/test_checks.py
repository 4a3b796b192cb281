"""What apps say of themselves after a trial."""

from __future__ import annotations

from argparse import Namespace

import pytest
from tests.home import PEGASUS

from homeprod.cli.promotion import checks
from homeprod.cli.promotion.checks import SiteChecks, list_ill_apps
from homeprod.core.overview.apps import AppLine, AppsLine
from homeprod.site.loader import load_site


def make_line(*states: str, problem: str = "") -> AppsLine:
    apps = tuple(
        AppLine(name=f"app{number}", state=state, applied="a" * 40, verified="zoe")  # type: ignore[arg-type]
        for number, state in enumerate(states)
    )
    return AppsLine(heard=1.0, looked=1.0, problem=problem, apps=apps)


def test_apps_that_are_ill_are_findings_and_what_may_pass_is_none() -> None:
    assert list_ill_apps(None) == []
    assert list_ill_apps(make_line("current", "stopped", "late", "waits")) == []
    assert list_ill_apps(make_line("unhealthy", "current", "rolled back")) == [
        "app app0 is unhealthy",
        "app app2 is rolled back",
    ]
    assert list_ill_apps(make_line(problem="it cannot look")) == ["its apps: it cannot look"]


def test_what_becomes_well_in_time_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_PAUSE", 0.01)
    site, lines = load_site(PEGASUS), [make_line("unhealthy"), make_line("unhealthy"), make_line("current")]
    look = SiteChecks(site, lambda _: lines.pop(0), Namespace(lab="", at=None), seconds=60)
    assert look(["lab-ansible"]) == {}
    assert lines == []
    ill = SiteChecks(site, lambda _: make_line("failed"), Namespace(lab="", at=None), seconds=0)
    assert ill(["lab-ansible"]) == {"lab-ansible": ["app app0 is failed"]}
