"""Apps of a host, from the first publication on."""

from __future__ import annotations

from tests.kept_host import KeptHost, compose


def test_apps_that_are_published_run(host: KeptHost) -> None:
    host.publish("wiki", compose("web", "db"))
    host.publish("clock", compose())
    host.configure({"wiki": {}, "clock": {}})
    status = host.run()
    assert status["state"] == "current"
    assert {name: part["state"] for name, part in status["apps"].items()} == {"wiki": "current", "clock": "current"}
    assert status["apps"]["wiki"]["services"] == {"web": "running", "db": "running"}
    assert status["apps"]["wiki"]["verified"] == status["configuration"]["verified"] == "zoe"
    assert host.list_running().keys() == {"wiki-web-1", "wiki-db-1", "clock-web-1"}


def test_a_commit_that_touches_one_of_five_apps_restarts_that_one(host: KeptHost) -> None:
    names = ("a", "b", "c", "d", "e")
    for name in names:
        host.publish(name, compose())
    host.configure({name: {} for name in names})
    host.run()
    before = host.list_running()
    host.publish("c", compose(note="new"))
    status = host.run()
    after = host.list_running()
    assert [name for name in before if before[name] != after[name]] == ["c-web-1"]
    assert status["apps"]["c"]["applied"] == host.repository.find("deploy/lab-coder/c")
    host.run()
    assert host.list_running() == after
