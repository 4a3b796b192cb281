"""A drill to its end: the control node's door and ledger are real, its runs and the person who unlocks it are played;
what the site serves is asked over a socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.door import OTHER_HOST_KEY, make_settings
from tests.reference_schema import open_validator
from tests.system.drill_lab import ANSIBLE, NAME, PUBLIC, Played, open_played, type_words
from tests.system.site_lab import open_site_lab

from homeprod.cli.control.publish import PUBLIC_FILE
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.state import NodeState
from homeprod.core.fingerprint import find_fingerprint

BOTH = ("lab-ansible", "lab-proxy")
WELL = {"name": "clock", "state": "current", "applied": "a" * 40, "wanted": "a" * 40, "verified": "sean", "since": 1}


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Played]:
    with (
        open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as site_lab,
        open_played(site_lab, tmp_path / "state", monkeypatch) as played,
    ):
        yield played


def test_it_is_proven(played: Played) -> None:
    """The person who unlocks is told what to type, and an administrator has said that new host keys are right."""
    code, out, said = played.lab.drill(*BOTH, "--yes", "--trust", "--json")
    told = json.loads(out)
    open_validator("drill").validate(told)
    assert (code, told["verdict"], told["problems"], told["unproven"]) == (0, "proven", [], [])
    assert [phase["state"] for phase in told["phases"]] == ["done"] * 7
    assert told["keys"] == {"lab-ansible": True}
    assert [(one["url"], one["verdict"]) for one in told["expectations"]] == [(f"http://{NAME}/", "as said")]
    proxy = next(one for one in told["machines"] if one["name"] == "lab-proxy")
    assert proxy["configured"] is not None
    host = played.door.call("GET", "/api/hosts/lab-proxy", key=played.door.admin).body["host"]
    assert host["applied"]["instance"] == proxy["after"]
    assert host["host_keys"] == [find_fingerprint(OTHER_HOST_KEY)]
    assert "lab-ansible is New; take its keyring over, on a terminal" in said
    assert "\n  homeprod lab ssh -t drilled lab-ansible bootstrap\n" in said
    assert "\n  homeprod lab ssh -t drilled lab-ansible unlock\n" in said
    places = [
        said.index(words) for words in ("== destroy:", "== create: lab-ansible", "== unlock:", "lab-proxy is con")
    ]
    assert places == sorted(places)
    assert played.lab.site_lab.actions(*(word for name in BOTH for word in ("--only", name))) == []
    assert played.lab.note() is None


def test_a_new_host_key_waits_for_an_administrators_word(played: Played) -> None:
    """Then the host is finished by another ring."""
    waiter = _say_trust(played)
    code, _, said = played.lab.drill("lab-proxy", "--yes")
    waiter.join(20)
    assert code == 0, said
    assert "lab-proxy was made again, so it has another SSH host key, which is held" in said
    assert "\n  homeprod --lab drilled control trust lab-proxy\n" in said
    assert played.lab.site_lab.actions("--only", "lab-proxy") == []


def _say_trust(played: Played) -> threading.Thread:
    """An administrator, who reads the screen."""

    def say() -> None:
        path, admin = "/api/hosts/lab-proxy", played.door.admin
        for _ in range(400):
            if played.has_read("control trust lab-proxy\n"):
                held = played.door.call("GET", path, key=admin).body["host"]["held_keys"]
                played.door.call("POST", f"{path}/trust", {"fingerprints": held}, key=admin)
                return
            time.sleep(0.05)

    thread = threading.Thread(target=say)
    thread.start()
    return thread


def test_apps_that_are_ill_afterwards(played: Played) -> None:
    ill = {**WELL, "state": "failed", "applied": "", "problem": "its image cannot be pulled"}
    now = {"now": 1000.0, "ended": 1000.0, "problem": ""}
    played.apps = {**now, "apps": [ill]}
    told = played.lab.report("lab-coder", "--yes", "--trust", "--serve-limit", "0.3")
    assert told["exit_code"] == 1
    assert [(one["where"], one["phase"]) for one in told["problems"]] == [("vm/lab-coder", "serve")]
    assert "its apps: clock failed" in told["problems"][0]["what"]
    played.apps = {**now, "apps": [WELL]}
    assert played.door.call("POST", "/api/hosts/lab-coder/retry", key=played.door.admin).status == 202
    assert played.lab.report("lab-coder", "--yes", "--trust", "--serve-limit", "10")["verdict"] == "proven"


def test_a_keyring_that_is_another_one_afterwards(played: Played) -> None:
    def lose(_: int) -> None:
        played.files[PUBLIC_FILE] = json.dumps({**PUBLIC, "deploy": {"playbooks": "ssh-ed25519 AAAAother"}})

    played.on_create = lose
    told = played.lab.report("lab-ansible", "--yes")
    assert (told["exit_code"], told["keys"]) == (1, {"lab-ansible": False})
    assert [one["what"] for one in told["problems"]] == ["has other public keys than before"]


def test_somebody_who_may_only_ring_cannot_say_that_keys_are_right(played: Played) -> None:
    door = played.door
    door.node.known = make_settings({"sean": door.admin}, {"anna": door.stranger})
    told = played.lab.report("lab-proxy", "--yes", "--trust")
    assert told["exit_code"] == 1
    assert told["problems"][0]["phase"] == "create"
    assert "administrator" in told["problems"][0]["what"]


def test_on_the_sites_own_cluster_a_name_is_typed(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    type_words(monkeypatch, "pegasus")
    told = played.lab.report("lab-proxy", "--production", "--trust", lab="")
    assert (told["verdict"], told["place"]) == ("proven", None)
    assert "| the site's own cluster |" in told["row"]


def test_a_node_that_nobody_unlocks_and_a_person_who_leaves(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time it is said how to go on, and the machine that was made again stays."""
    played.has_person = False
    code, _, said = played.lab.drill(*BOTH, "--yes", "--trust", "--wait", "0.01")
    assert code == 1
    assert "vm/lab-ansible: is not Ready after 0.01 minutes: it is New" in said
    assert "once you are there, on a terminal:\n\n    homeprod lab ssh -t drilled lab-ansible bootstrap" in said
    assert "\n  homeprod --lab drilled drill rebuild lab-ansible lab-proxy\n" in said
    lives = played.lab.lives()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("homeprod.cli.drill.rebuild.await_ready", interrupt)
        code, _, said = played.lab.drill(*BOTH, "--yes", "--trust")
    assert code == 130
    assert "interrupted; there is no state file: how far it came is read from Proxmox" in said
    assert "\n  homeprod --lab drilled drill rebuild lab-ansible lab-proxy\n" in said
    assert "\n  homeprod --lab drilled apply --start\n" in said
    played.has_person = True
    told = played.lab.report(*BOTH, "--yes", "--trust")
    assert (told["verdict"], told["is_resumed"]) == ("proven", True)
    assert played.lab.lives()[ANSIBLE] == lives[ANSIBLE], "it was made again once"


def test_a_run_that_fails_then_a_probe_that_does(played: Played) -> None:
    """What and where is said; once it is put right the same command goes on, and destroys nothing a second time."""
    played.outcome = Outcome(RunStatus.FAILED, "nginx does not start\nsee its log")
    code, out, said = played.lab.drill("lab-proxy", "--yes", "--trust")
    assert code == 1
    assert "vm/lab-proxy: its run failed: nginx does not start" in said
    assert "homeprod --lab drilled runs show " in said
    assert "\nconfigure  failed" in out
    lives = played.lab.lives()
    played.outcome, played.status = Outcome(RunStatus.SUCCESSFUL), 503
    assert played.door.call("POST", "/api/hosts/lab-proxy/retry", key=played.door.admin).status == 202
    code, out, said = played.lab.drill("lab-proxy", "--yes", "--trust", "--serve-limit", "0.3")
    assert code == 1
    assert "not yet (0 s are left)" in said
    assert f"error: http://{NAME}/: from wan: " in said
    assert "status 503" in said
    assert f"fail  http://{NAME}/ from wan: " in out
    assert "\nserve      failed" in out
    assert "1 machine in " in out
    played.status = 308
    told = played.lab.report("lab-proxy", "--yes", "--trust")
    assert (told["verdict"], told["is_resumed"]) == ("proven", True)
    assert played.lab.lives() == lives


def test_what_could_not_be_proven_afterwards_is_refused_before(played: Played) -> None:
    played.status = 503
    said = played.lab.refuse("lab-proxy", "--yes", "--trust")
    assert "an expectation of the site's is not met before the drill (above); nothing was done" in said
    played.has_person = False
    played.door.node.is_in = NodeState.LOCKED
    said = played.lab.refuse("lab-proxy", "--yes")
    assert "vm/lab-ansible: is Locked, so what it configures could not be made again; nothing was done" in said
    assert "homeprod lab ssh -t drilled lab-ansible unlock" in said
