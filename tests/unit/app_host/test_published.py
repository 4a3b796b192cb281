"""What `homeprod apps publish` pushes, a host runs: both sides at once."""

from __future__ import annotations

import pytest
import yaml
from tests.app_repository import clean_environment, make_repository
from tests.kept_host import KeptHost, compose


def test_what_is_published_runs(host: KeptHost, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, clean_environment()[name])
    url = f"file://{host.inside}/site/apps.git"
    host.settings |= {"repository": url, "policy": {"signers": f"{host.inside}/site/key.signers"}}
    root = host.folder / "site"
    root.mkdir()
    repository = make_repository(root, make_files(host, "wiki", "clock"))
    assert repository.publish() == 0
    status = host.run()
    assert host.list_running().keys() == {"wiki-web-1", "clock-web-1"}
    assert {part["verified"] for part in status["apps"].values()} == {"pat@home.example"}
    before = host.list_running()
    repository.change({"apps/wiki/page": "new"})
    assert repository.publish() == 0
    host.run()
    assert [name for name in before if before[name] != host.list_running()[name]] == ["wiki-web-1"]
    heads = repository.list_heads()
    misplaced = heads["deploy/lab-coder/clock"]
    repository.change(make_files(host, "wiki", "clock", "mail"))
    branch = "refs/heads/deploy/lab-coder/mail"
    assert repository.publish() == 0
    repository.git("update-ref", branch, misplaced, folder=repository.hub)
    told = host.run(1)["apps"]["mail"]["problem"]
    assert "was published for deploy/lab-coder/clock, and stands on deploy/lab-coder/mail" in told


def make_files(host: KeptHost, *apps: str) -> dict[str, str]:
    url = host.settings["repository"]
    entries = {app: {"url": url, "branch": f"deploy/lab-coder/{app}"} for app in apps}
    return {
        "hosts/lab-coder/_harbormaster.yml": yaml.safe_dump({"apps": entries}),
        **{f"apps/{app}/compose.yaml": compose()["compose.yaml"] for app in apps},
    }
