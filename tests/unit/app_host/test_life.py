"""Apps of a host, from the first publication on."""

from __future__ import annotations

import json

from tests.kept_host import IMAGE, KeptHost, compose


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
    idle = host.run()
    assert idle["connections"] == 1, "five apps, one look at the git server"
    assert idle["configuration"]["since"] == status["configuration"]["since"] > 0
    assert host.list_running() == after


def test_an_app_that_is_built_is_built_before_the_old_one_stops(host: KeptHost) -> None:
    recipe = f"FROM {IMAGE}\nCOPY note /page/note\n"
    host.publish("wiki", built(recipe))
    host.configure({"wiki": {}})
    host.run()
    before = host.list_running()
    host.publish("wiki", built("FROM scratch\nCOPY none /none\n"))
    wiki = host.run(1)["apps"]["wiki"]
    assert wiki["problem"].startswith("it cannot be built: ")
    host.publish("wiki", built(recipe, context="https://git.example/other.git"))
    assert (
        "is built from https://git.example/other.git, which nobody verifies" in host.run(1)["apps"]["wiki"]["problem"]
    )
    assert host.list_running() == before


def built(recipe: str, context: str = ".") -> dict[str, str]:
    files = compose(build=context)
    return {
        **files,
        "Dockerfile": recipe,
        "compose.yaml": files["compose.yaml"].replace(f"image: {IMAGE}", "image: built:1"),
    }


def test_a_registry_that_is_down_keeps_nothing_back_that_is_here(host: KeptHost) -> None:
    """And Harbormaster, which pulls after it has stopped an app, is not let do so."""
    host.machine.docker("tag", IMAGE, "127.0.0.1:1/base:1")
    host.publish("wiki", compose(image="127.0.0.1:1/base:1"))
    host.configure({"wiki": {}})
    host.run()
    newer = host.publish("wiki", compose(image="127.0.0.1:1/base:1", note="x"))
    assert host.run()["apps"]["wiki"]["applied"] == newer


def test_a_docker_that_is_not_there_is_said_and_nothing_is_touched(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.run()
    before = host.list_running()
    done = host.machine.try_to(*host.make_command("run"), DOCKER_HOST="unix:///run/none.sock")
    assert done.returncode == 1
    assert host.read_status()["problem"].startswith("docker does not answer: ")
    assert host.list_running() == before


def test_a_lost_memory_loses_no_data(host: KeptHost) -> None:
    """Nor does a damaged one: what is wanted is found out anew, and what cannot be is told, with nothing archived."""
    host.publish("wiki", compose())
    host.publish("clock", compose())
    host.configure({"wiki": {}, "clock": {}})
    host.run()
    before = host.list_running()
    memory = host.folder / "kept" / "memory.json"
    memory.write_text('{"format": 1')
    status = host.run()
    assert status["notes"] == ["what was known from earlier runs could not be read, and is found out anew"]
    assert host.list_running() == before
    memory.unlink()
    host.publish("wiki", compose(image="nowhere.example/none:1"))
    assert "what ran of wiki is not known any more" in host.run(1)["problem"]
    assert host.list_running() == before
    assert not list((host.folder / "kept/harbormaster/archives").iterdir())


def test_the_status_is_for_all_and_the_rest_for_root(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.run()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (host.folder / "kept").iterdir()}
    assert (modes.pop("status.json"), modes.pop("lock")) == (0o644, 0o644)
    assert {name for name, mode in modes.items() if mode & 0o077} == set()
    assert json.loads(host.call("status", "--json").stdout) == host.read_status()
    assert host.call("nonsense").returncode == 64
