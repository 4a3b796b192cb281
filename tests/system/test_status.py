"""One look: `homeprod status` beside a control node's real door, and the page that it fills."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.app_words import NEWER, tell_app, tell_apps
from tests.door import OpenDoor, connect, make_wish
from tests.reference_schema import open_validator
from tests.system.drill_lab import LAB, open_drill_lab
from tests.system.site_lab import SiteLab

from homeprod.cli import asking
from homeprod.cli.control import line
from homeprod.control.state import NodeState
from homeprod.core.errors import UnreachableError, UsageError
from homeprod.drivers.doorbell import Doorbell

NODE = "lab-ansible"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path / "door") as opened:
        yield opened


@pytest.fixture
def at_the_door(door: OpenDoor, site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> SiteLab:
    """The site's machines are there, and its control node's door is that one, whatever its address would be; nobody
    could read its certificate, since this lab boots nothing."""

    def open_it(_site: Any, _cluster: Any, node: str, signer: Any, **_: Any) -> Doorbell:
        if node != NODE:
            raise UnreachableError("its guest agent does not answer")
        if signer is None:
            return Doorbell(door.url, "", door.certificate, None, connect)
        return door.make_bell()

    for module in (asking, line):
        monkeypatch.setattr(module, "open_doorbell", open_it)
        monkeypatch.setattr(module, "find_signer", lambda *_, **__: object())
    assert site_lab.apply() == 0
    return site_lab


def read(site_lab: SiteLab, *arguments: str) -> dict[str, Any]:
    code, out, _ = site_lab.run("status", "--json", *arguments)
    assert code == 0
    told = dict(json.loads(out))
    open_validator("status").validate(told)
    return told


def test_what_needs_a_person_comes_first(door: OpenDoor, at_the_door: SiteLab) -> None:
    door.ring(make_wish())
    door.node.is_in = NodeState.LOCKED
    code, out, _ = at_the_door.run("status")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("! lab-ansible is Locked for")
    assert "1 host waits" in lines[0]
    assert "    ssh -t lab-ansible unlock" in lines[:4]
    row = next(text for text in lines if text.startswith("lab-proxy "))
    assert "due" in row.split()


def test_it_tells_what_the_node_knows(door: OpenDoor, at_the_door: SiteLab) -> None:
    door.ring(make_wish())
    told = read(at_the_door)
    machines = {machine["name"]: machine for machine in told["machines"]}
    assert machines["lab-proxy"]["host"]["wanted"]["instance"] == "4001020-abc"
    assert machines["lab-proxy"]["host"]["last_run"]["status"] == "queued"
    assert machines["lab-coder"]["host"] is None
    assert [(node["name"], node["state"]) for node in told["nodes"]] == [(NODE, "Ready")]


def test_apps_are_shown_where_there_are_some(door: OpenDoor, at_the_door: SiteLab) -> None:
    assert " APPS " not in at_the_door.run("status")[1]
    door.ring(make_wish())
    door.say_apps(tell_apps(tell_app(), tell_app("cloud", "refused", wanted=NEWER, problem="nobody signed it")))
    _, out, _ = at_the_door.run("status")
    assert any(
        line.startswith("! cloud on lab-proxy: refused for 51 min: nobody signed it") for line in out.splitlines()
    )
    assert "    ssh lab-proxy homeprod-apps status" in out.splitlines()
    row = next(text for text in out.splitlines() if text.startswith("lab-proxy "))
    assert "1 well, cloud refused" in row
    told = read(at_the_door)
    hosts = {machine["name"]: machine["host"] for machine in told["machines"]}
    apps = hosts["lab-proxy"]["apps"]["apps"]
    assert [(one["name"], one["is_well"], one["verified"]) for one in apps] == [
        ("wiki", True, "zoe"),
        ("cloud", False, "zoe"),
    ]
    assert "cloud on lab-proxy: refused" in told["matters"][0]["text"]


def test_the_node_is_sent_what_was_seen(door: OpenDoor, at_the_door: SiteLab) -> None:
    _, _, said = at_the_door.run("status")
    assert "snapshot" not in said, "nobody asked for it"
    kept = door.node.snapshots.last
    assert kept is not None
    seen = {machine.name: machine for machine in kept.snapshot.machines}
    assert (seen["lab-coder"].state, seen["lab-coder"].plan) == ("running", "as declared")
    assert seen["lab-ansible-data"].kind == "data-vm"


def test_apply_sends_it_too(door: OpenDoor, at_the_door: SiteLab) -> None:
    assert at_the_door.run("apply", "--yes")[0] == 0
    kept = door.node.snapshots.last
    assert kept is not None
    assert {machine.plan for machine in kept.snapshot.machines} == {"as declared"}


def test_the_node_can_be_left_alone(door: OpenDoor, at_the_door: SiteLab) -> None:
    assert read(at_the_door, "--no-node")["nodes"] == []
    assert door.node.snapshots.last is None


def test_a_node_that_does_not_answer_hinders_nothing(
    door: OpenDoor, at_the_door: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Doorbell:
        raise UnreachableError("the control node does not answer: no answer in time")

    monkeypatch.setattr(asking, "open_doorbell", refuse)
    told = read(at_the_door)
    assert told["nodes"][0]["why_not"] == "the control node does not answer: no answer in time"
    assert {machine["plan"] for machine in told["machines"]} == {"as declared"}
    assert at_the_door.run("apply", "--yes")[0] == 0


def test_who_cannot_sign_is_told_what_everybody_is(
    door: OpenDoor, at_the_door: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(*_: Any, **__: Any) -> object:
        raise UsageError("there is no key to sign with")

    monkeypatch.setattr(asking, "find_signer", lack)
    door.ring(make_wish())
    door.node.is_in = NodeState.LOCKED
    told = read(at_the_door)
    assert told["nodes"][0]["state"] == "Locked"
    assert told["nodes"][0]["why_not"] == "there is no key to sign with"
    assert "1 host waits" in told["matters"][0]["text"]
    assert door.node.snapshots.last is None


def test_what_of_backups_is_not_shown_is_said_and_not_guessed(at_the_door: SiteLab) -> None:
    told = read(at_the_door)
    assert told["backups_unseen"]
    assert {machine["backup"]["is_in_job"] for machine in told["machines"]} == {None}
    assert not any("backup" in matter["text"] for matter in told["matters"])
    assert "backups are not known: " in at_the_door.run("status")[2]


def test_of_a_labs_backups_nothing_is_asked_nor_said(
    site_lab: SiteLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one command for several matters is said once, behind the last of them."""
    assert site_lab.apply("--only", "lab-coder", "--only", "lab-proxy") == 0
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    with open_drill_lab(site_lab, tmp_path / "state", monkeypatch):
        site_lab.lab.forget_calls()
        code, out, said = site_lab.run("--lab", LAB, "status")
        told = json.loads(site_lab.run("--lab", LAB, "status", "--json")[1])
    assert (code, "backup" in out + said) == (0, False)
    assert not any("backup" in call.path for call in site_lab.lab.calls)
    matters, _, _ = out.partition("\nNAME ")
    assert matters.count("! not as the site says: ") == 2
    assert (out + said).count(f"homeprod --lab {LAB} plan") == 1
    assert {matter["command"] for matter in told["matters"]} == {f"homeprod --lab {LAB} plan"}


def test_a_link_that_is_printed_opens_the_page(door: OpenDoor, at_the_door: SiteLab) -> None:
    at_the_door.run("status")
    code, out, said = at_the_door.run("control", "page")
    assert code == 0
    link = out.strip()
    assert link.startswith(f"{door.url}/login?token=")
    assert len(out.splitlines()) == 1
    assert "opens once, for sean" in said
    assert ":" in said.split()[-1]
    heard = door.send("GET", link.removeprefix(door.url))
    cookie = {"Cookie": heard.headers["Set-Cookie"].partition(";")[0]}
    text = door.send("GET", "/", b"", cookie).content.decode()
    assert "lab-coder" in text
    assert "running" in text
    told = json.loads(at_the_door.run("control", "page", "--json")[1])
    assert (told["seconds"], told["certificate"].count(":")) == (300, 31)
