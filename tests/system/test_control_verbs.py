"""The verbs that a person types on their own machine, through the real program and a real door over TLS.

The cluster is a lab that boots nothing; what its control node's guest agent would read comes from the test.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.door import HOST_KEY, OTHER_HOST_KEY, OpenDoor, connect, make_wish, write_private, write_public
from tests.records import COMMIT, OTHER
from tests.system.site_lab import NODE, SiteLab, open_site_lab
from tests.unit.web.test_promotion import make_standing

from homeprod.cli.control.publish import PUBLIC_FILE
from homeprod.control.certificate import make_certificate
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome, Turn
from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble
from homeprod.core.fingerprint import find_fingerprint
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.ring import HOST_KEY_FILE
from homeprod.wiring.doorbell import CERTIFICATE_FILE

KNOWN, HELD = find_fingerprint(HOST_KEY), find_fingerprint(OTHER_HOST_KEY)
ANSIBLE, PROXY = 4_001_022, 5_000_000
WHY = "waiting: vault repository: the git host refuses the deploy key"


@dataclass
class Home:
    """A person's machine: the site, the lab it applies to, and the way to its control node. ``files`` are what guest
    agents read."""

    site_lab: SiteLab
    door: OpenDoor
    patch: pytest.MonkeyPatch
    files: dict[str, str] = field(default_factory=dict)

    def sign_as(self, key: Ed25519PrivateKey | None) -> None:
        """As the site's sean; None: without any key."""
        self.patch.delenv("HOMEPROD_RING_KEY", raising=False)
        self.patch.delenv("SSH_AUTH_SOCK", raising=False)
        if key is None:
            return
        file = self.site_lab.root.parent / "sean"
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(write_private(key))
        config = self.site_lab.root / "modules" / "_config.py"
        public = write_public(key).split()[1]
        config.write_text(re.sub(r"AAAA\S+(?= sean@)", public, config.read_text()))
        self.patch.setenv("HOMEPROD_RING_KEY", str(file))

    def run(self, *words: str) -> tuple[int, str, str]:
        code, out, said = self.site_lab.run(*words)
        assert "Traceback" not in out + said
        return code, out, said

    def read(self, *words: str) -> tuple[int, dict[str, Any]]:
        code, out, _ = self.run(*words, "--json")
        return code, json.loads(out)

    def refuse(self, *words: str, code: int = 1) -> str:
        """The one error that is said."""
        found, out, said = self.run(*words)
        assert (found, said.count("error: ")) == (code, 1), (found, out, said)
        return said

    def claim(self) -> Turn:
        turn = self.door.wait_for(self.door.node.ledger.claim("me"))
        assert turn is not None
        return turn

    def tell(self, turn: Turn, *events: dict[str, Any]) -> None:
        self.door.wait_for(self.door.node.ledger.add_events(turn.run, [json.dumps(one) for one in events]))

    def end(self, turn: Turn, status: RunStatus = RunStatus.SUCCESSFUL, problem: str = "") -> None:
        self.door.wait_for(self.door.node.ledger.end(turn.run, Outcome(status, problem), 200))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Home]:
    with (
        open_site_lab(tmp_path, monkeypatch, capsys, is_configured=True) as site_lab,
        OpenDoor(tmp_path / "door") as door,
    ):
        assert site_lab.apply("--only", "lab-ansible", "--only", "lab-proxy") == 3  # the door is not open yet
        made = Home(site_lab, door, monkeypatch, {CERTIFICATE_FILE: door.certificate, HOST_KEY_FILE: HOST_KEY})
        monkeypatch.setattr(
            ProxmoxHypervisor, "read_guest_file", lambda _self, _node, _vmid, path: made.files.get(path)
        )
        monkeypatch.setattr(
            "homeprod.wiring.doorbell.choose_connection",
            lambda _lab, _patience: lambda _host, _port: connect("127.0.0.1", door.port),
        )
        monkeypatch.setattr(ProxmoxHypervisor, "ping_agent", lambda _self, _node, _vmid: True)
        made.sign_as(door.sean)
        yield made


# status


@pytest.mark.parametrize(
    ("state", "code", "step"),
    [(NodeState.READY, 0, ""), (NodeState.LOCKED, 2, "unlock"), (NodeState.NEW, 3, "bootstrap")],
)
def test_status_says_the_state_and_exits_by_it(home: Home, state: NodeState, code: int, step: str) -> None:
    home.door.ring(make_wish())
    home.door.node.is_in = state
    found, out, said = home.run("control", "status")
    assert (found, said) == (code, "")
    assert f"lab-ansible is {state.value} since 2023-11-14 22:13:20 UTC" in out
    assert "  hosts  1 known, 1 waiting, 0 with a held key" in out
    assert "  runs   1 queued" in out
    assert (f"next; 1 hosts wait for it:\n\n  ssh -t lab-ansible {step}\n" in out) == bool(step)
    found, told = home.read("control", "status")
    assert found == code
    assert {
        "format": 1,
        "node": "lab-ansible",
        "site": "pegasus",
        "state": state.value,
        "since": 1_700_000_000,
        "hosts": {"known": 1, "waiting": 1, "held": 0},
        "waiting": [],
        "problems": [],
        "next": f"ssh -t lab-ansible {step}" if step else "",
    }.items() <= told.items()
    assert told["runs"] == dict.fromkeys((status.value for status in RunStatus), 0) | {"queued": 1}


def test_why_it_waits_is_told_to_those_who_sign(home: Home) -> None:
    home.door.node.noted = [Trouble("vault repository", WHY, 1_700_000_100)]
    assert f"  ! {WHY} (since 2023-11-14 22:15:00 UTC)\n" in home.run("control", "status")[1]
    assert home.read("control", "status")[1]["problems"] == [WHY]
    for key, reason in ((None, "no key to ring with"), (home.door.stranger, "does not accept the signature")):
        home.sign_as(key)
        code, out, said = home.run("control", "status")
        assert code == 0, "a script that has no key goes by it as before"
        assert "  ! vault repository: since 2023-11-14 22:15:00 UTC\n" in out
        assert "deploy key" not in out + said
        assert "why it waits is told to those who sign: " in said
        assert reason in said
        told = home.read("control", "status")[1]
        assert told["waiting"] == [{"for": "vault repository", "since": 1_700_000_100}]
        assert told["problems"] is None


def test_status_says_how_it_is_at_the_gate(home: Home) -> None:
    home.door.node.gates = [make_standing()]
    out = home.run("control", "status")[1]
    assert f"  gate   prod: admitted is {COMMIT[:12]}, and its head is {OTHER[:12]}\n" in out
    assert "         roll-out stopped: prod-web failed, prod-proxy waiting\n" in out
    assert f"! emergency of sean, 2025-11-23 16:00:00 UTC, {COMMIT[:12]}: the site is down\n" in out
    assert "         rolled back and held: what prod-proxy had\n" in out
    assert home.read("control", "status")[1]["promotion"][0]["environment"] == "prod"
    home.sign_as(None)
    assert home.read("control", "status")[1]["promotion"] is None


def test_nobody_who_answers_exits_1(home: Home) -> None:
    def refuse(_host: str, _port: int) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    home.patch.setattr("homeprod.wiring.doorbell.choose_connection", lambda _lab, _patience: refuse)
    said = home.refuse("control", "status")
    assert "the control node does not answer: Connection refused" in said
    assert "systemctl status homeprod-control" in said
    code, told = home.read("control", "status")
    assert (code, told["errors"][0]["message"]) == (1, "the control node does not answer: Connection refused")


@pytest.mark.parametrize("words", ["control status", "control hosts", "runs", "control trust lab-proxy --yes"])
def test_another_certificate_than_the_machines_own_is_told_nothing(home: Home, tmp_path: Path, words: str) -> None:
    make_certificate(tmp_path / "other", "lab-ansible")
    home.files[CERTIFICATE_FILE] = (tmp_path / "other" / "certificate.pem").read_text()
    assert "shows another certificate than the pinned one; nothing was sent to it" in home.refuse(*words.split())
    del home.files[CERTIFICATE_FILE]
    assert "it has no certificate yet, so nobody can know it" in home.refuse(*words.split())
    assert home.door.send("GET", "/metrics").content.decode().count("homeprod_answers_total{") == 0


ASKING = (
    *("control status", "control hosts", "control page", "control publish"),
    *("runs", "drift", "control retry lab-proxy"),
)


def take_away(home: Home) -> None:
    """The control node, as if it had never been made."""
    with home.site_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, ANSIBLE))
        cluster.wait(cluster.destroy_machine(NODE, ANSIBLE))


def stop(home: Home) -> None:
    with home.site_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, ANSIBLE))


def silence(home: Home) -> None:
    """A booting machine, say: neither the agent nor a file of it."""
    home.files.clear()
    home.patch.setattr(ProxmoxHypervisor, "ping_agent", lambda _self, _node, _vmid: False)


@pytest.mark.parametrize(
    ("change", "reason", "step"),
    [
        (take_away, "it is not made yet", "homeprod apply --only lab-ansible\n"),
        (stop, "it is stopped", "homeprod apply --only lab-ansible --start\n    ssh -t lab-ansible unlock\n"),
        (silence, "its guest agent does not answer", "homeprod apply --only lab-ansible\n"),
    ],
)
def test_why_the_control_node_cannot_be_asked_is_told_apart(
    home: Home, change: Callable[[Home], None], reason: str, step: str
) -> None:
    change(home)
    for words in ASKING:
        said = home.refuse(*words.split())
        assert f"error: vm/lab-ansible: {reason}\n" in said, words
        assert f"    {step}" in said, words
    if change is not silence:
        home.sign_as(None)
        for words in ASKING:
            assert f"error: vm/lab-ansible: {reason}\n" in home.refuse(*words.split()), "no key would help"
        home.sign_as(home.door.admin)
    home.files[HOST_KEY_FILE] = HOST_KEY
    for key in (None, home.door.admin):
        home.sign_as(key)
        code, _, said = home.run("configure", "lab-proxy")
        assert code == 3
        assert f"vm/lab-proxy: waits for lab-ansible: {reason}\n" in said
        assert f"  {step.splitlines()[0]}\n" in said
    assert home.door.wait_for(home.door.node.ledger.hosts()) == []


def test_a_site_without_a_control_node_is_told_how_to_declare_one(home: Home) -> None:
    home.site_lab.forget_control_nodes()
    for name in ("lab", "prod"):
        text = (home.site_lab.root / "modules" / f"{name}_ansible_vm.py").read_text()
        (home.site_lab.root / "modules" / f"{name}_ansible_vm.py").write_text(
            re.sub(r"    control=ControlNode\(.*\n    \),\n", "", text, flags=re.DOTALL)
        )
    for words in ASKING:
        said = home.refuse(*words.split(), code=64)
        assert "the site has no control node" in said
        assert 'control_node="lab-ansible"' in said
        assert "modules/lab_ansible_vm.py" in said
        assert "docs/how-to/control-node.md" in said


def test_which_node_is_meant_has_to_be_one(home: Home) -> None:
    said = home.refuse("control", "status", "lab-proxy", code=64)
    assert "lab-proxy is no control node" in said
    assert "there are: lab-ansible" in said


@pytest.mark.parametrize("verb", ["retry", "trust"])
def test_a_host_that_the_site_does_not_have_is_not_asked_for(home: Home, verb: str) -> None:
    said = home.refuse("control", verb, "lab-proxxy", code=64)
    assert "the site has no machine 'lab-proxxy'" in said
    assert "  is lab-proxy" in said
    assert "there are: lab-ansible, " in home.refuse("control", verb, "zzz", code=64)
    assert "homeprod_answers_total{" not in home.door.send("GET", "/metrics").content.decode()


def test_the_runs_of_a_host_that_has_left_the_site_are_there_with_a_note(home: Home) -> None:
    home.door.ring(make_wish())
    home.door.ring(make_wish("lab-coder"))
    (home.site_lab.root / "modules" / "lab_coder_vm.py").unlink()
    code, out, said = home.run("runs", "--host", "lab-coder")
    assert (code, [line.split()[1] for line in out.splitlines()[1:]]) == (0, ["lab-coder"])
    assert said.startswith("note: the site has no machine 'lab-coder'")
    assert home.run("runs", "--host", "lab-proxy")[2] == ""
    code, out, said = home.run("runs", "--host", "lab-proxi")
    assert (code, out) == (0, "nothing was run yet\n")
    assert "is lab-proxy" in said
    assert home.read("runs", "--host", "lab-proxy&host=lab-coder")[1]["runs"] == []


# hosts, retry, trust


def test_hosts_and_what_they_wait_for(home: Home) -> None:
    assert "it knows no host yet" in home.run("control", "hosts")[1]
    home.door.ring(make_wish())
    home.end(home.claim(), RunStatus.FAILED, "no route")
    home.door.ring(make_wish(key=OTHER_HOST_KEY, instance="4001020-new"))
    code, out, said = home.run("control", "hosts")
    assert code == 0
    assert re.search(r"lab-proxy +failed .*no route", out)
    assert "lab-coder: waiting for apply, which tells its SSH host key" in said
    assert f"lab-proxy came with another SSH host key, by sean:\n    {HELD}" in said
    assert "homeprod control trust lab-proxy" in said
    told = home.read("control", "hosts")[1]
    [host] = told["hosts"]
    assert (told["format"], told["waiting_for_apply"]) == (1, ["lab-coder"])
    assert (host["name"], host["state"], host["host_keys"], host["held_keys"]) == (
        "lab-proxy",
        "failed",
        [KNOWN],
        [HELD],
    )


def test_retry(home: Home) -> None:
    home.door.ring(make_wish())
    home.end(home.claim(), RunStatus.FAILED, "no route")
    assert home.run("control", "retry", "lab-proxy")[:2] == (0, "run 2 is queued\n")
    assert home.run("control", "retry", "lab-proxy")[:2] == (0, "run 2 was queued already\n")
    home.door.node.is_in = NodeState.LOCKED
    said = home.refuse("control", "retry", "lab-proxy")
    assert "lab-ansible is Locked: nothing was done" in said
    assert "ssh -t lab-ansible unlock" in said


@pytest.mark.parametrize("verb", ["retry", "trust"])
def test_a_host_that_nobody_rang_for(home: Home, verb: str) -> None:
    said = home.refuse("control", verb, "lab-coder")
    assert "lab-ansible knows no such host" in said
    assert "homeprod control hosts" in said


def test_a_host_that_is_no_more_is_named_and_forgotten(home: Home) -> None:
    home.door.ring(make_wish())
    del home.door.node.hosts["lab-proxy"]
    said = home.run("control", "hosts")[2]
    assert "lab-proxy is not in the inventory" in said
    assert "    homeprod control forget lab-proxy" in said
    home.sign_as(home.door.admin)
    code, out, said = home.run("control", "forget", "lab-proxy")
    assert (code, out) == (1, f"  its SSH host key is forgotten, and the next one is believed: {KNOWN}\n")
    assert "nothing was done" in said
    code, out, _ = home.run("control", "forget", "lab-proxy", "--yes")
    assert (code, out) == (0, "forgotten: lab-proxy; its runs are kept\n")
    assert "it knows no host yet" in home.run("control", "hosts")[1]
    code, _, said = home.run("control", "forget", "lab-poxy", "--yes")
    assert code == 1
    assert "note: the site has no machine 'lab-poxy'" in said
    assert "lab-ansible knows no such host" in said


def test_trust_takes_an_administrator_and_a_yes(home: Home) -> None:
    home.door.ring(make_wish())
    assert home.run("control", "trust", "lab-proxy")[:2] == (0, "no key of lab-proxy is held; nothing was done\n")
    home.door.ring(make_wish(key=OTHER_HOST_KEY))
    code, out, said = home.run("control", "trust", "lab-proxy")
    assert (code, out) == (1, f"  known  {KNOWN}\n  held   {HELD}\n")
    assert "nobody is there to answer; nothing was done" in said
    said = home.refuse("control", "trust", "lab-proxy", "--yes")
    assert "trusting a host's key needs an administrator's key" in said
    assert "ask an administrator of the site" in said
    assert home.door.wait_for(home.door.node.ledger.host("lab-proxy")).host_keys == (HOST_KEY,)
    home.sign_as(home.door.admin)
    code, out, _ = home.run("control", "trust", "lab-proxy", "--yes")
    assert (code, out.splitlines()[-1]) == (0, "trusted; lab-proxy is configured by run 1")
    host = home.door.wait_for(home.door.node.ledger.host("lab-proxy"))
    assert (host.host_keys, host.held_keys) == ((OTHER_HOST_KEY,), ())


@pytest.mark.parametrize("words", ["control hosts", "control retry lab-proxy", "control trust lab-proxy", "runs"])
def test_what_has_to_be_signed_says_how(home: Home, words: str) -> None:
    home.door.ring(make_wish())
    home.sign_as(None)
    assert "HOMEPROD_RING_KEY" in home.refuse(*words.split(), code=64)
    home.sign_as(home.door.stranger)
    said = home.refuse(*words.split())
    assert "the control node does not accept the signature" in said
    assert "homeprod render --to DIR" in said


def test_a_person_whose_only_key_is_rsa_is_told_what_to_make(home: Home) -> None:
    file = home.site_lab.root.parent / "rsa"
    subprocess.run(("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(file)), check=True, timeout=60)
    home.patch.setenv("HOMEPROD_RING_KEY", str(file))
    for words in ("configure lab-proxy", "control hosts"):
        said = home.refuse(*words.split(), code=64)
        assert "is of the kind RSA" in said
        assert "ssh-keygen -t ed25519" in said
    config = home.site_lab.root / "modules" / "_config.py"
    config.write_text(
        re.sub(r"ssh-ed25519 AAAA\S+(?= (ops|sean)@)", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB", config.read_text())
    )
    code, _, said = home.run("configure", "lab-proxy")  # and so it is, where the site knows no other key of theirs
    assert code == 1
    assert "error: ops has no ed25519 key, and rings are signed by such a one" in said
    assert "ssh-keygen -t ed25519" in said
    assert home.door.wait_for(home.door.node.ledger.hosts()) == []


# runs


def test_runs_are_listed_and_shown(home: Home) -> None:
    assert home.run("runs")[:2] == (0, "nothing was run yet\n")
    home.door.ring(make_wish())
    turn = home.claim()
    home.tell(
        turn, {"event": {"kind": "task", "task": "deliver"}}, {"event": {"kind": "failed", "message": "no room"}}
    )
    home.tell(turn, {"stats": {"ok": 1, "failures": 1, "dark": 0}})
    home.end(turn, RunStatus.FAILED, "deliver failed: no room")
    home.door.ring(make_wish("lab-coder"))
    code, out, _ = home.run("runs")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()[-2:]] == [
        ["2", "lab-coder", "configure", "queued"],
        ["1", "lab-proxy", "configure", "failed"],
    ]
    assert [run["id"] for run in home.read("runs", "--host", "lab-coder")[1]["runs"]] == [2]
    assert [run["id"] for run in home.read("runs", "--limit", "1")[1]["runs"]] == [2]
    code, out, _ = home.run("runs", "show", "1")
    assert code == 1, "a run that failed"
    assert (
        out
        == "task deliver\n  failed no room\n  ok 1, failures 1\nrun 1 of lab-proxy: failed  deliver failed: no room\n"
    )
    code, out, _ = home.run("runs", "show", "1", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, [one.get("seq") for one in lines[:3]], lines[3]["run"]["status"]) == (1, [1, 2, 3], "failed")
    assert home.run("runs", "show", "2", "--node", "lab-ansible")[:2] == (0, "run 2 of lab-coder: queued\n")
    said = home.refuse("runs", "show", "9")
    assert "no such run is kept" in said
    assert "  homeprod runs" in said


@pytest.mark.parametrize(
    ("status", "problem", "code"),
    [(RunStatus.SUCCESSFUL, "", 0), (RunStatus.TIMEOUT, "it took longer than 60 s", 1)],
)
def test_a_run_is_followed_live_to_its_end(home: Home, status: RunStatus, problem: str, code: int) -> None:
    home.door.ring(make_wish())
    turn = home.claim()
    home.tell(turn, {"event": {"kind": "task", "task": "first"}})

    def go_on() -> None:
        until(lambda: bool(home.door.node.ledger._listeners))  # somebody follows
        home.tell(turn, {"event": {"kind": "ok", "changed": True}})
        home.tell(turn, {"event": {"kind": "task", "task": "second"}}, {"event": {"kind": "ok", "seconds": 1.234}})
        home.tell(turn, {"event": {"kind": "task", "task": "third"}}, {"event": {"kind": "skipped", "seconds": 0.02}})
        home.end(turn, status, problem)

    going = threading.Thread(target=go_on)
    going.start()
    found, out, said = home.run("runs", "show", "1", "--follow")
    going.join(20)
    assert (found, "homeprod control retry lab-proxy" in said) == (code, status is RunStatus.TIMEOUT)
    last = f"run 1 of lab-proxy: {status.value}  {problem}".rstrip()
    assert out.splitlines() == [
        "task first",
        "  changed",
        "task second",
        "  ok (1.2 s)",
        "task third",
        "  skipped (0.0 s)",
        last,
    ]


def test_a_problem_is_cut_in_lists_and_whole_with_its_next_step_where_the_run_is_shown(home: Home) -> None:
    home.door.ring(make_wish())
    cause = "there is no such file, and many words that say which one"
    home.end(home.claim(), RunStatus.FAILED, f"{cause}\npush it\n    homeprod render --to DIR")
    for words in (("runs",), ("control", "hosts")):
        code, out, said = home.run(*words)
        assert code == 0
        assert cause in out
        assert "push it" not in out
        assert ("homeprod runs show 1" if words == ("runs",) else f"lab-proxy: {cause}\npush it") in said
    code, out, said = home.run("runs", "show", "1")
    assert out == f"run 1 of lab-proxy: failed  {cause}\n"
    assert said == (
        "push it\n    homeprod render --to DIR\nonce that is put right, run it again:\n\n"
        "  homeprod control retry lab-proxy\n"
    )


def test_a_run_is_canceled(home: Home) -> None:
    home.door.ring(make_wish())
    assert home.run("runs", "cancel", "1")[:2] == (0, "run 1 of lab-proxy was queued; its end is asked for\n")
    run = home.door.wait_for(home.door.node.ledger.run(1))
    assert (run.status, run.canceled_by) == (RunStatus.CANCELED, "sean")
    assert home.run("runs", "cancel", "1")[:2] == (0, "run 1 of lab-proxy was canceled; nothing is left to end\n")
    assert home.run("runs", "show", "1")[:2] == (1, "run 1 of lab-proxy: canceled  canceled by sean\n")
    assert "no such run is kept" in home.refuse("runs", "cancel", "9")


# configure


def test_configure_rings_by_hand(home: Home) -> None:
    code, _, said = home.run("configure", "lab-proxy")
    assert code == 0
    assert "ringing at lab-ansible" in said
    assert "accepted as run 1" in said
    host = home.door.wait_for(home.door.node.ledger.host("lab-proxy"))
    assert (host.host_keys, host.wanted_instance.partition("-")[0]) == ((HOST_KEY,), "5000000")
    home.door.node.is_in = NodeState.LOCKED
    code, _, said = home.run("configure", "lab-proxy")
    assert code == 3
    assert "vm/lab-proxy: lab-ansible is locked; unlock it: ssh -t lab-ansible unlock" in said
    home.door.node.is_in = NodeState.READY
    home.files[HOST_KEY_FILE] = OTHER_HOST_KEY
    code, _, said = home.run("configure", "lab-proxy")
    assert code == 3
    assert "it came with another SSH host key, which is held" in said
    del home.files[HOST_KEY_FILE]
    code, _, said = home.run("configure", "lab-proxy")
    assert code == 3
    assert f"its guest agent did not give {HOST_KEY_FILE}" in said


def test_what_cannot_be_configured(home: Home) -> None:
    said = home.refuse("configure", "lab-ansible", code=64)
    assert "lab-ansible is no machine that a control node configures" in said
    assert "lab-proxy" in said
    assert "none of its people is a ControlUser" in said
    said = home.refuse("configure", "lab-proxi", code=64)
    assert "the site has no machine 'lab-proxi'" in said
    assert "is lab-proxy" in said
    assert "it is a data VM" in home.refuse("configure", "lab-ansible-data", code=64)
    said = home.refuse("configure", "lab-proxy", "lab-coder")
    assert "vm/lab-coder: it is not made yet" in said
    assert "    homeprod apply --only lab-coder\n" in said
    assert "ringing" not in said, "of several all are looked at before any is told of"
    with home.site_lab.driver() as cluster:
        cluster.wait(cluster.stop_machine(NODE, PROXY))
    said = home.refuse("configure", "lab-proxy")
    assert "vm/lab-proxy: it is stopped" in said
    assert "    homeprod apply --only lab-proxy --start\n" in said
    with home.site_lab.driver() as cluster:
        cluster.wait(cluster.start_machine(NODE, PROXY))
    del home.door.node.hosts["lab-proxy"]
    said = home.refuse("configure", "lab-proxy")
    assert "does not find this host" in said
    assert "homeprod render --to DIR" in said
    assert home.door.wait_for(home.door.node.ledger.hosts()) == []


# publish

KEYS = {name: write_public(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n, name in enumerate("abcd", 3)}
PUBLIC = {
    "node": "lab-ansible",
    "environments": {"lab": KEYS["a"], "prod": KEYS["b"]},
    "deploy": {"playbooks": KEYS["c"], "vault": KEYS["d"]},
    "fingerprints": {"ansible-lab": find_fingerprint(KEYS["a"]), "ansible-prod": find_fingerprint(KEYS["b"])},
}


def test_publish_writes_the_keys_that_a_person_agreed_to(home: Home) -> None:
    folder = home.site_lab.root / "keys"
    before = {file.name: file.read_text() for file in folder.iterdir()}
    home.files[PUBLIC_FILE] = json.dumps(PUBLIC)
    said = home.refuse("control", "publish")
    assert "nobody is there to answer; nothing was done" in said
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    code, out, said = home.run("control", "publish", "--yes")
    assert code == 0
    assert "replaces keys/lab-ansible-lab.pub" in out
    assert f"ansible-lab          {find_fingerprint(KEYS['a'])}" in out
    assert "written  keys/lab-ansible-prod.pub" in out
    assert f"deploy key of the vault repository (to read, never to write):\n  {KEYS['d']}" in said
    assert (folder / "lab-ansible-lab.pub").read_text() == f"{KEYS['a']}\n"
    assert home.run("control", "publish")[:2] == (0, "the site has the keys of lab-ansible already\n")
    assert home.run("check")[0] == 0


def test_keys_that_cannot_be_written_are_told_with_their_place(home: Home) -> None:
    folder = home.site_lab.root / "keys"
    folder.rename(folder.with_name("old-keys"))
    folder.write_text("")
    home.files[PUBLIC_FILE] = json.dumps(PUBLIC)
    said = home.refuse("control", "publish", "--yes")
    assert f"{folder}/lab-ansible-lab.pub: cannot write the key: " in said
    assert "let whoever runs homeprod write into the site" in said


@pytest.mark.parametrize(
    ("text", "words", "step"),
    [
        (None, "vm/lab-ansible: it has no keys yet", "ssh -t lab-ansible bootstrap"),
        ("{", "its public keys cannot be read", "ssh -t lab-ansible unlock"),
        ("[]", "its public keys cannot be read", "ssh -t lab-ansible unlock"),
        ('{"environments": 7, "deploy": {}, "fingerprints": {}}', "its public keys cannot be read", "unlock"),
        (
            json.dumps({**PUBLIC, "environments": {"lab": KEYS["a"]}}),
            "has no key for lab-ansible-prod.pub",
            "homeprod control secret add prod",
        ),
        (
            json.dumps({**PUBLIC, "environments": {"lab": "rm -rf /", "prod": 7}}),
            "its public keys cannot be read",
            "ssh -t lab-ansible unlock",
        ),
    ],
)
def test_what_cannot_be_published(home: Home, text: str | None, words: str, step: str) -> None:
    before = {file.name: file.read_text() for file in (home.site_lab.root / "keys").iterdir()}
    if text is not None:
        home.files[PUBLIC_FILE] = text
    said = home.refuse("control", "publish", "--yes")
    assert words in said
    assert step in said
    assert {file.name: file.read_text() for file in (home.site_lab.root / "keys").iterdir()} == before


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


# at the wrong machine


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (("control", "unlock"), "unlock"),
        (("control", "lock"), "homeprod control lock"),
        (("control", "admin", "list"), "homeprod control admin list"),
    ],
)
def test_what_is_done_on_the_node_says_so_at_once(home: Home, words: tuple[str, ...], call: str) -> None:
    said = home.refuse(*words, code=64)
    assert "that is done on the control node itself" in said
    assert f"  ssh -t lab-ansible {call}\n" in said


def test_a_key_that_is_named_is_the_only_one(home: Home, tmp_path: Path) -> None:
    home.patch.setenv("HOMEPROD_RING_KEY", str(tmp_path / "nowhere"))
    assert "is not there" in home.refuse("runs", code=64)


def test_one_look_is_signed_sent_and_shown(home: Home) -> None:
    home.door.ring(make_wish())
    code, told = home.read("status")
    machines = {machine["name"]: machine for machine in told["machines"]}
    assert (code, machines["lab-proxy"]["host"]["wanted"]["instance"]) == (0, "4001020-abc")
    kept = home.door.node.snapshots.last
    assert kept is not None
    assert (kept.by, {machine.name for machine in kept.snapshot.machines}) == ("sean", set(machines))
    code, out, said = home.run("control", "page")
    assert (code, "opens once, for sean" in said) == (0, True)
    cookie = home.door.send("GET", out.strip()[out.index("/login") :]).headers["Set-Cookie"].partition(";")[0]
    page = home.door.send("GET", "/", b"", {"Cookie": cookie}).content.decode()
    assert "as sean saw it" in page
    assert home.run("control", "page")[1] != out, "each is another one"


def test_a_page_is_for_those_who_sign(home: Home) -> None:
    home.sign_as(None)
    assert "/login" not in home.refuse("control", "page", code=64)
    home.sign_as(home.door.stranger)
    assert "/login" not in home.refuse("control", "page")
    code, told = home.read("status")
    assert (code, told["nodes"][0]["why_not"] != "") == (0, True)
    assert home.door.node.snapshots.last is None
