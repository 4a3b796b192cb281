"""What the page shows of what the node knows and was told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.app_words import NEWER, tell_app, tell_apps
from tests.door import OpenDoor, make_wish
from tests.records import COMMIT
from tests.snapshots import make_machine, make_snapshot
from tests.unit.web.test_promotion import make_standing

from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.web.page.html import render_page
from homeprod.web.page.look import Look, gather

DAY = 86_400


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as opened:
        yield opened


def look_at(door: OpenDoor, sent: dict[str, Any] | None = None, later: float = 0.0) -> Look:
    if sent is not None:
        assert door.call("POST", "/api/snapshot", sent).status == 200
    return door.wait_for(gather(door.node, "sean", time.time() + later))


def read_row(look: Look, name: str) -> dict[str, str]:
    """A machine's cells as words, by their heading."""
    text = render_page(look)
    row = next(part for part in text.split('<tr role="row">') if f">{name}</span>" in part)
    cells = re.findall(r'data-heading="([^"]*)"[^>]*>(.*?)</td>', row, re.DOTALL)
    return {heading: " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for heading, cell in cells}


def test_nobody_has_said_yet_what_is_in_proxmox(door: OpenDoor) -> None:
    look = look_at(door)
    assert look.age is None
    assert "nobody has said yet what is in Proxmox" in [one.text for one in look.matters]
    assert read_row(look, "prod-proxy")["Configured"] == "by prod-ansible"
    assert "Proxmox" not in read_row(look, "lab-coder")


def test_its_age_is_shown_and_loudly_when_it_is_old(door: OpenDoor) -> None:
    fresh, old = look_at(door, make_snapshot(make_machine())), look_at(door, later=3 * DAY + 60)
    assert "may look quite different by now" not in render_page(fresh)
    assert "as sean saw it <time" in render_page(old)
    assert "3 d ago" in render_page(old)
    assert '<p class="old">' in render_page(old)
    assert old.matters[-1].text == "what is shown of Proxmox is old"


def test_a_host_as_it_is_wanted_attempted_and_applied(door: OpenDoor) -> None:
    door.ring(make_wish())
    turn = door.wait_for(door.node.ledger.claim("me"))
    assert turn is not None
    door.wait_for(door.node.ledger.begin(turn.run, "9f3c1d7e64a0b2c8"))
    door.wait_for(door.node.ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 10))
    door.ring(make_wish(instance="4001020-new"))
    row = read_row(look_at(door, make_snapshot(make_machine())), "lab-proxy")
    assert row["Configured"].startswith("due applied 9f3c1d7e · 4001020-abc wanted 9f3c1d7e · 4001020-new")
    assert row["Last run"] == "queued run 2"
    assert row["Kept by"] == "Ansible"


def test_proxmox_certificates_and_backups_as_they_were_seen(door: OpenDoor) -> None:
    now = round(time.time())
    certificates = [
        {"machine": "lab-proxy", "name": "a.example", "ends": now + 61 * DAY},
        {"machine": "lab-proxy", "name": "b.example", "ends": now - DAY, "trouble": "it has expired"},
    ]
    left = make_machine(
        "lab-coder", 4001021, state="stopped", plan="> start", backup={"is_in_job": False, "has_none": True}
    )
    good = make_machine(backup={"is_in_job": True, "last": now - 7200})
    look = look_at(door, make_snapshot(good, left, certificates=certificates), later=60)
    proxy, coder = read_row(look, "lab-proxy"), read_row(look, "lab-coder")
    assert (proxy["Proxmox"], proxy["Backup"]) == ("running on pve", "2 h ago")
    assert proxy["Certificate"] == "expired a.example b.example"
    assert (coder["Proxmox"], coder["Backup"]) == ("stopped on pve > start", "none in no backup job")
    assert coder["Configured"] == "waits for apply"


def test_a_column_that_is_empty_is_not_shown(door: OpenDoor) -> None:
    door.ring(make_wish())
    look = look_at(door)
    assert not {"Drift", "Apps", "Certificate", "Backup"} & read_row(look, "lab-proxy").keys()
    host = look.node.hosts[0]
    lines = tuple(
        replace(line, host=replace(host, drift=2)) if line.name == host.name else line for line in look.machines
    )
    assert read_row(replace(look, machines=lines), "lab-proxy")["Drift"] == "2 differ"


def test_apps_that_are_well_are_a_number_and_the_others_have_names(door: OpenDoor) -> None:
    door.ring(make_wish())
    ill = tell_app("cloud", "rolled back", wanted=NEWER, problem="<b>it</b> ended", since=4000.0)
    door.say_apps(tell_apps(tell_app("_config"), tell_app(), tell_app("blog"), ill))
    look = look_at(door)
    assert read_row(look, "lab-proxy")["Apps"] == "2 of 3 well cloud rolled back for 1 min: <b>it</b> ended"
    assert "<b>" not in render_page(look)
    assert "wiki: current, applied 9f3c1d7e, signed by zoe" in render_page(look)
    assert "cloud on lab-proxy: rolled back for 1 min: <b>it</b> ended" in [one.text for one in look.matters]
    old = read_row(look_at(door, later=3 * DAY), "lab-proxy")["Apps"]
    assert old.endswith("as it was 3 d ago")


def test_many_ill_apps_are_not_all_named(door: OpenDoor) -> None:
    door.ring(make_wish())
    door.say_apps(tell_apps(*[tell_app(f"a{number}", "failed") for number in range(10)]))
    words = read_row(look_at(door), "lab-proxy")["Apps"]
    assert words.startswith("0 of 10 well a0 failed")
    assert words.endswith("and 2 more")


def test_calm_is_said_too(door: OpenDoor) -> None:
    door.node.hosts = {}
    look = look_at(door, make_snapshot())
    assert look.matters == ()
    assert "Nothing needs a person." in render_page(look)
    assert "The node knows no machine yet." in render_page(look)


def test_how_machines_follow_what_was_admitted_and_what_was_no_trial(door: OpenDoor) -> None:
    assert "Roll-out" not in read_row(look_at(door), "prod-proxy")
    door.node.gates = [make_standing()]
    look = look_at(door)
    assert read_row(look, "prod-proxy")["Roll-out"] == "waiting"
    text = render_page(look)
    assert f"prod is at {COMMIT[:12]} untried, by an emergency of sean <time" in text
    assert "ago</time>: the site is down" in text
