"""The traps of Harbormaster 0.5.0, each shown by running it plainly, and closed by what is around it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.docker_machine import DockerMachine
from tests.kept_host import KeptHost, compose

CONFIGURATION = "deploy/lab-coder/_config"


def test_1_an_image_that_cannot_be_had_takes_the_app_down(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    assert host.run_plainly().returncode == 0
    host.publish("wiki", compose(image="nowhere.example/none:1"))
    assert host.run_plainly().returncode == 1
    assert not host.list_running()


def test_1_kept_the_old_one_serves_until_the_new_ones_images_are_there(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.run()
    before = host.list_running()
    good = host.repository.find("deploy/lab-coder/wiki")
    bad = host.publish("wiki", compose(image="nowhere.example/none:1"))
    wiki = host.run(1)["apps"]["wiki"]
    assert host.list_running() == before
    assert (wiki["state"], wiki["wanted"], wiki["attempted"], wiki["applied"]) == ("late", bad, bad, good)
    assert wiki["problem"].startswith("an image cannot be had: ")
    forged = host.publish("wiki", compose(note="forged"), key="")
    wiki = host.run(1)["apps"]["wiki"]
    assert (wiki["state"], wiki["wanted"]) == ("refused", forged), "which weighs more than that it is late"
    newer = host.publish("wiki", compose(note="mended"))
    assert host.run()["apps"]["wiki"]["applied"] == newer


def test_2_a_commit_restarts_every_app_of_a_shared_branch(host: KeptHost) -> None:
    shared = {"a/compose.yaml": compose()["compose.yaml"], "b/compose.yaml": compose()["compose.yaml"]}
    entries = {name: {"branch": "main", "compose_config": f"{name}/compose.yaml"} for name in ("a", "b")}
    host.repository.publish("main", shared)
    host.configure(entries)
    assert host.run_plainly().returncode == 0
    before = host.list_running()
    host.repository.publish("main", {**shared, "a/note": "new"})
    assert host.run_plainly().returncode == 0
    assert not before.items() & host.list_running().items()


def test_3_a_tag_works_once(host: KeptHost) -> None:
    host.repository.publish("deploy/lab-coder/wiki", compose())
    host.repository.ask("tag", "v1", "deploy/lab-coder/wiki")
    host.configure({"wiki": {"branch": "v1"}})
    assert host.run_plainly().returncode == 0
    fetch = ("git", "-C", f"{host.inside}/plain/repos/wiki", "reset", "--hard", "origin/v1")
    assert host.machine.try_to(*fetch).returncode, "what it does at its second run"
    wiki = host.run(1)["apps"]["wiki"]
    assert (wiki["state"], wiki["problem"]) == ("refused", "v1 is a tag, and Harbormaster follows branches alone")


def test_3_without_a_branch_it_takes_master(host: KeptHost) -> None:
    host.repository.publish("master", compose())
    host.repository.publish(
        CONFIGURATION, {"_harbormaster.yml": f"apps: {{wiki: {{url: '{host.settings['repository']}'}}}}\n"}
    )
    assert host.run_plainly().returncode == 0
    assert host.list_running().keys() == {"wiki-web-1"}
    host.machine.docker("rm", "-f", "wiki-web-1")
    status = host.run(1)
    assert "wiki has no branch" in status["configuration"]["problem"]
    assert not host.list_running()


def test_4_one_service_of_many_is_enough_for_it(host: KeptHost) -> None:
    host.publish("wiki", compose("web", "db"))
    host.configure({"wiki": {}})
    assert host.run_plainly().returncode == 0
    host.machine.docker("stop", "wiki-db-1")
    assert host.run_plainly().returncode == 0
    assert host.list_running().keys() == {"wiki-web-1"}


@pytest.mark.parametrize("repairs", [True, False])
def test_4_kept_every_service_counts(host: KeptHost, repairs: bool) -> None:
    host.settings["repair"] = repairs
    host.publish("wiki", compose("web", "db"))
    host.configure({"wiki": {}})
    host.run()
    before = host.list_running()
    host.machine.docker("stop", "wiki-db-1")
    status = host.run(0 if repairs else 1)
    wiki = status["apps"]["wiki"]
    if repairs:
        assert status["notes"] == ["wiki: started again: db is exited (137)"]
        assert host.list_running() == before, "started, not made anew"
    else:
        assert (wiki["state"], wiki["problem"]) == ("unhealthy", "db is exited (137)")
        assert wiki["services"] == {"web": "running", "db": "exited (137)"}


def test_5_no_apps_stop_nothing(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    assert host.run_plainly().returncode == 0
    host.repository.publish(CONFIGURATION, {"_harbormaster.yml": "apps: {}\n"})
    assert host.run_plainly().returncode == 0
    assert host.list_running().keys() == {"wiki-web-1"}


def test_5_kept_no_apps_are_refused_and_a_stub_stops(host: KeptHost) -> None:
    host.publish("wiki", compose())
    first = host.configure({"wiki": {}})
    host.run()
    empty = host.repository.publish(CONFIGURATION, {"_harbormaster.yml": "apps: {}\n"})
    status = host.run(1)
    told = status["configuration"]
    assert (told["state"], told["attempted"], told["applied"]) == ("refused", empty, first)
    assert "no apps: Harbormaster would end well, and stop nothing" in told["problem"]
    assert host.list_running().keys() == {"wiki-web-1"}
    host.configure({"wiki": {"enabled": False}})
    assert host.run()["apps"]["wiki"]["state"] == "stopped"
    assert not host.list_running()


def test_6_another_name_starts_empty(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    assert host.run_plainly().returncode == 0
    write_data(host.folder / "plain")
    host.configure({"book": {"branch": "deploy/lab-coder/wiki"}})
    assert host.run_plainly().returncode == 0
    assert not (host.folder / "plain/data/book").exists()
    assert [path.name.partition("-")[0] for path in (host.folder / "plain/archives").iterdir()] == ["wiki"]
    assert not (host.folder / "plain/caches/wiki").exists()


def test_6_kept_who_leaves_without_a_word_is_refused(host: KeptHost) -> None:
    """Also where the host was away while a stub was published, and then left: that is a word."""
    host.publish("wiki", compose())
    host.publish("clock", compose())
    host.configure({"wiki": {}, "clock": {}})
    host.run()
    work = host.folder / "kept" / "harbormaster"
    write_data(work)
    host.configure({"book": {"branch": "deploy/lab-coder/wiki"}, "clock": {}})
    status = host.run(1)
    assert "wiki is gone or renamed while it runs" in status["configuration"]["problem"]
    assert (work / "data/wiki/page").exists()
    assert host.list_running().keys() == {"wiki-web-1", "clock-web-1"}
    host.configure({"wiki": {"enabled": False}, "clock": {}})
    host.configure({"clock": {}})
    host.run()
    assert host.list_running().keys() == {"clock-web-1"}
    assert [path.name.partition("-")[0] for path in (work / "archives").iterdir()] == ["wiki"]


def write_data(work: Path) -> None:
    for kind in ("data", "caches"):
        (work / kind / "wiki").mkdir(parents=True, exist_ok=True)
        (work / kind / "wiki" / "page").write_text("x")


def test_7_a_submodule_stays_empty(host: KeptHost) -> None:
    commit = add_submodule(host, host.publish("wiki", compose()))
    host.configure({"wiki": {}})
    assert host.run_plainly().returncode == 0
    assert list((host.folder / "plain/repos/wiki/other").iterdir()) == []
    wiki = host.run(1)["apps"]["wiki"]
    assert (wiki["state"], wiki["attempted"], wiki["applied"]) == ("late", commit, "")
    assert wiki["problem"] == "other is a submodule, which Harbormaster leaves empty"


def add_submodule(host: KeptHost, above: str) -> str:
    """To a commit of the app; the new one."""
    index = {"GIT_INDEX_FILE": str(host.folder / "index")}
    repository = host.repository
    repository.ask("read-tree", above, **index)
    repository.ask("update-index", "--add", "--cacheinfo", f"160000,{above},other", **index)
    tree = repository.ask("write-tree", **index)
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={repository.key}")
    commit = repository.ask(*signing, "commit-tree", "-S", "-p", above, "-m", "more", tree)
    repository.ask("update-ref", "refs/heads/deploy/lab-coder/wiki", commit)
    return commit


def test_7_it_runs_what_nobody_signed(host: KeptHost) -> None:
    """tests/unit/app_host/test_signatures.py has the rest."""
    host.publish("wiki", compose(), key="")
    host.configure({"wiki": {}}, key="")
    assert host.run_plainly().returncode == 0
    assert host.list_running()


def test_7_two_runs_at_once(host: KeptHost, machine: DockerMachine) -> None:
    """Harbormaster has no lock; here the second says so, and does nothing."""
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    host.call("status")  # writes the settings
    (host.folder / "kept").mkdir()
    script = 'exec 9>>"$1/kept/lock"; flock -n 9; shift; exec "$@"'
    done = machine.try_to("sh", "-c", script, "sh", host.inside, *host.make_command("run"))
    assert (done.returncode, done.stderr) == (0, "homeprod-apps: another run is under way; this one does nothing\n")
    assert not host.list_running()
    host.run()


def test_8_two_apps_are_one_project_to_compose(host: KeptHost) -> None:
    publish_nested(host)
    assert host.run_plainly().returncode == 0
    assert len(host.list_running()) == 1, "the second took the first one's container away"


def test_8_kept_the_second_is_refused(host: KeptHost) -> None:
    publish_nested(host)
    status = host.run(1)
    assert status["apps"]["a"]["state"] == "current"
    assert (status["apps"]["b"]["state"], status["apps"]["b"]["applied"]) == ("late", "")
    words = "compose would call it docker, as it calls a: one would stop the other"
    assert status["apps"]["b"]["problem"] == words
    named = "name: b\n" + compose(note="b")["compose.yaml"]
    host.publish("b", {"docker/compose.yaml": named})
    host.run()
    assert host.list_running().keys() == {"docker-web-1", "b-web-1"}


def publish_nested(host: KeptHost) -> None:
    for name in ("a", "b"):
        service = compose(hostname=name)["compose.yaml"]
        host.publish(name, {"docker/compose.yaml": service})
    host.configure({name: {"compose_config": "docker/compose.yaml"} for name in ("a", "b")})


def test_9_an_old_harbormaster_is_not_run(host: KeptHost) -> None:
    host.publish("wiki", compose())
    host.configure({"wiki": {}})
    programs = host.folder / "old"
    (programs / "bin").mkdir(parents=True)
    with zipfile.ZipFile(programs / "harbormaster.pyz", "w") as archive:
        archive.writestr("docker_harbormaster-0.4.9.dist-info/METADATA", "Version: 0.4.9\n")
    host.settings["programs"] = f"{host.inside}/old"
    assert "Harbormaster 0.4.9 is too old: it deletes images of others" in host.run(1)["problem"]
    assert not host.list_running()
    assert not list((programs / "bin").iterdir())
