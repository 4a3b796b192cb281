"""`homeprod watch`, look after look, against a site on the lab's API, a control node's real door and real targets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.app_words import tell_app, tell_apps
from tests.door import OpenDoor, connect, make_wish
from tests.notice_target import TOKEN, Phone, open_phone
from tests.system.site_lab import SiteLab

from homeprod.cli import asking
from homeprod.control.state import NodeState
from homeprod.core.errors import UnreachableError, UsageError
from homeprod.drivers.doorbell import Doorbell
from homeprod.notices.memory import hold

NODE = "lab-ansible"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path / "door") as opened:
        yield opened


@pytest.fixture
def phone() -> Iterator[Phone]:
    with open_phone() as opened:
        yield opened


@dataclass
class Watch:
    """Somebody's timer. No look's output, of whatever kind, has anything of an address."""

    site: SiteLab
    folder: Path

    @property
    def to(self) -> Path:
        return self.folder / "to"

    @property
    def memory(self) -> Path:
        return self.folder / "memory.json"

    def tell(self, *phones: Phone) -> None:
        self.to.write_text("".join(f"{phone.url}\n" for phone in phones))
        self.to.chmod(0o600)

    def look(self, *more: str) -> tuple[int, str, str]:
        code, out, said = self.site.run("watch", "--to", str(self.to), "--memory", str(self.memory), *more)
        assert TOKEN not in out + said
        if self.memory.exists():
            assert TOKEN not in self.memory.read_text()
        return code, out, said


@pytest.fixture
def watch(door: OpenDoor, site_lab: SiteLab, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The site's machines are there, and its control node's door is that one."""

    def open_it(_site: Any, _cluster: Any, node: str, signer: Any, **_: Any) -> Doorbell:
        return Doorbell(door.url, "", door.certificate, None, connect) if signer is None else door.make_bell()

    monkeypatch.setattr(asking, "open_doorbell", open_it)
    monkeypatch.setattr(asking, "find_signer", lambda *_, **__: object())
    assert site_lab.apply() == 0
    made = Watch(site_lab, tmp_path / "watch")
    made.folder.mkdir()
    made.tell(phone)
    return made


def lock(door: OpenDoor) -> None:
    door.ring(make_wish())
    door.node.is_in = NodeState.LOCKED


def test_that_it_is_locked_and_who_waits_gets_out_once_and_that_it_is_over(
    door: OpenDoor, watch: Watch, phone: Phone
) -> None:
    assert watch.look() == (0, "nothing to tell\n", "")
    lock(door)
    code, out, _ = watch.look()
    assert (code, out) == (0, "told line 1: pegasus: 1 needs a person\n")
    assert phone.last == "! lab-ansible is Locked; 1 host waits\n    ssh -t lab-ansible unlock"
    assert watch.look()[:2] == (0, "nothing to tell\n")
    door.node.is_in = NodeState.READY
    watch.look()
    assert phone.titles[1:] == ["pegasus: nothing needs a person any more"]
    assert phone.last == "over: lab-ansible is Locked; 1 host waits"
    assert door.node.snapshots.last is not None, "the node is sent what was seen"


def test_without_any_key_it_gets_out_too(
    door: OpenDoor, watch: Watch, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(*_: Any, **__: Any) -> object:
        raise UsageError("there is no key to sign with")

    door.ring(make_wish())
    door.say_apps(tell_apps(tell_app("cloud", "failed", problem="hostile words")))
    watch.look()
    assert phone.last == "! cloud on lab-proxy: failed\n    ssh lab-proxy homeprod-apps status"
    monkeypatch.setattr(asking, "find_signer", lack)
    lock(door)
    watch.look()
    assert phone.last.startswith("! lab-ansible is Locked")
    assert "! lab-ansible: 1 host with apps that need a person" in phone.last, "counts alone"
    assert phone.last.endswith("(1 goes on since before)"), "what nobody may ask any more is not over"


def test_no_words_of_a_host_go_out(door: OpenDoor, watch: Watch, phone: Phone) -> None:
    door.ring(make_wish())
    door.say_apps(tell_apps(tell_app("cloud", "refused", problem="hostile words"), problem="hostile words"))
    watch.look()
    assert phone.titles == ["pegasus: 2 need a person"]
    assert "hostile" not in json.dumps(phone.heard)


def test_who_is_not_reached_is_told_at_the_next_look_and_nobody_twice(
    door: OpenDoor, watch: Watch, phone: Phone
) -> None:
    with open_phone() as other:
        watch.tell(phone, other)
        other.status = 500
        lock(door)
        code, out, said = watch.look()
        assert (code, out) == (3, "told line 1: pegasus: 1 needs a person\n")
        assert said == "line 2 was not reached, or refused: it is told at the next look\n"
        assert watch.look()[0] == 3
        other.status = 200
        assert watch.look()[0] == 0
        assert watch.look()[1] == "nothing to tell\n"
        assert (len(phone.heard), len(other.heard)) == (1, 1)


def test_what_came_and_went_meanwhile_is_not_lost(door: OpenDoor, watch: Watch, phone: Phone) -> None:
    phone.status = 503
    lock(door)
    assert watch.look()[0] == 3
    door.node.is_in = NodeState.READY
    assert watch.look()[0] == 3
    phone.status = 200
    watch.look()
    assert (phone.titles, phone.last) == (
        ["pegasus: 1 came and went"],
        "came and went: lab-ansible is Locked; 1 host waits",
    )


def test_a_node_and_a_cluster_that_do_not_answer_end_nothing(
    door: OpenDoor, watch: Watch, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(door)
    watch.look()

    def refuse(*_: Any, **__: Any) -> Doorbell:
        raise UnreachableError("the control node does not answer: no answer in time")

    with monkeypatch.context() as patch:
        patch.setattr(asking, "open_doorbell", refuse)
        assert watch.look()[1] == "nothing to tell\n", "it may start again, and what was told is not over"
    with monkeypatch.context() as patch:
        patch.setattr("homeprod.cli.sighting._PATIENCE", 0.0)
        patch.setattr(asking, "open_doorbell", refuse)
        watch.look()
        assert phone.last.startswith("! lab-ansible does not answer\n    homeprod control status lab-ansible")
        patch.setenv("HOMEPROD_ENDPOINT", "https://127.0.0.1:1")
        watch.look()
        assert phone.last.startswith("! nobody can look at the site, and nothing else of it is known now")
        assert phone.last.endswith("(2 go on since before)")
    watch.look()
    assert sorted(phone.last.splitlines()[:2]) == [
        "over: lab-ansible does not answer",
        "over: nobody can look at the site, and nothing else of it is known now",
    ]


def test_a_site_that_does_not_load_is_told_of(watch: Watch, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeprod.cli.sighting._PATIENCE", 0.0)
    (watch.site.root / "modules" / "broken_vm.py").write_text("vm = 1 +\n")
    assert watch.look()[0] == 0
    assert "nobody can look at the site" in phone.last


def test_only_shown_it_is_neither_told_nor_remembered(door: OpenDoor, watch: Watch, phone: Phone) -> None:
    assert watch.look("--dry-run")[:2] == (0, "nothing to tell\n")
    lock(door)
    code, out, _ = watch.look("--dry-run")
    assert code == 2
    assert out.startswith("to line 1:\n\n  pegasus: 1 needs a person\n  ! lab-ansible is Locked; 1 host waits\n")
    assert (phone.heard, watch.memory.exists()) == ([], False)
    code, out, _ = watch.site.run("watch", "--dry-run", "--json", "--memory", str(watch.memory))
    told = json.loads(out)
    assert (code, told["needs_a_person"], [one["to"] for one in told["would_tell"]]) == (
        2,
        2,
        ["to somebody who was told nothing yet"],
    )


def test_for_machines(door: OpenDoor, watch: Watch) -> None:
    lock(door)
    told = json.loads(watch.look("--json")[1])
    assert told == {
        "needs_a_person": 2,  # that a host waits for an apply may pass
        "told": [{"to": "line 1", "title": "pegasus: 1 needs a person", "was_taken": True}],
    }


def test_a_test_says_that_notices_arrive(watch: Watch, phone: Phone) -> None:
    assert watch.look("--test") == (0, "line 1 took it\n", "")
    assert phone.titles == ["homeprod: a test"]
    phone.status = 404
    assert watch.look("--test") == (3, "", "line 1 was not reached, or refused\n")
    assert not watch.memory.exists()


def test_wrong_calls_are_refused_before_anybody_looks(watch: Watch, phone: Phone) -> None:
    run = watch.site.run
    assert run("watch")[0] == 64
    code, out, said = watch.look("--test", "--dry-run")
    assert (code, out, "leave one out" in said) == (64, "", True)
    inside = watch.site.root / "to"
    inside.write_text(phone.url)
    inside.chmod(0o600)
    code, _, said = run("--debug", "watch", "--to", str(inside))
    assert (code, "lies in the site" in said, TOKEN in said) == (64, True, False)
    assert phone.heard == []


def test_a_wrong_address_is_said_and_keeps_nothing_from_the_others(
    door: OpenDoor, watch: Watch, phone: Phone
) -> None:
    watch.to.write_text(f"{phone.url}\nnowhere://{TOKEN}/\n")
    lock(door)
    code, out, said = watch.look("--debug")
    assert (code, out) == (3, "told line 1: pegasus: 1 needs a person\n")
    assert said == "line 2 is no address that Apprise knows: it is told at the next look\n"


def test_one_look_at_a_time(watch: Watch, phone: Phone) -> None:
    with hold(watch.memory):
        code, _, said = watch.look()
    assert (code, "another look for notices goes on" in said) == (1, True)
