"""What needs a person, the most pressing first; and ages in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.app_words import tell_app, tell_apps
from tests.snapshots import make_machine, make_snapshot

from homeprod.core.overview.age import count_days, tell_age
from homeprod.core.overview.apps import judge_word
from homeprod.core.overview.host import HostLine, NodeLine, RunLine, TroubleLine, Version, read_node, read_public
from homeprod.core.overview.matter import Matter
from homeprod.core.overview.matters import STOPPED, list_matters
from homeprod.core.overview.snapshot import Snapshot

NOW = 1_800_000_000.0
DAY = 86_400
FINE = Version("9f3c1d7e64a0", "4001020-abc")
HOST = HostLine("web", "lab", "idle", False, True, FINE, FINE, FINE, (), "", "")
NODE = NodeLine("lab-ansible", "Ready", NOW - DAY, 0, hosts=(HOST,))


def tell(node: NodeLine | None = NODE, snapshot: dict[str, Any] | None = None) -> list[Matter]:
    seen = Snapshot.model_validate(snapshot) if snapshot is not None else None
    return list_matters([node] if node is not None else [], seen, NOW)


def test_nothing_is_said_where_all_is_well() -> None:
    good = make_machine(backup={"is_in_job": True, "last": round(NOW - DAY)})
    assert tell(NODE, make_snapshot(good, make_machine("disks-data", kind="data-vm", state="holds disks"))) == []


def test_the_most_pressing_comes_first() -> None:
    failed = replace(HOST, state="failed", problem="no route\nmore of it", last_run=RunLine(7, "failed", NOW, ""))
    held = replace(HOST, name="db", held_keys=("SHA256:x",), held_by="sean")
    gone = replace(HOST, name="old", is_in_inventory=False)
    trouble = TroubleLine("vault repository: refused", NOW - 7200)
    node = replace(
        NODE,
        state="Locked",
        waiting=3,
        next="ssh -t lab-ansible unlock",
        hosts=(failed, held, gone),
        troubles=(trouble,),
        untold=("new",),
    )
    sent = make_snapshot(
        make_machine("app", plan="~ update", backup={"is_in_job": False}),
        make_machine("nas", 101, backup={"is_in_job": True, "last": round(NOW - 9 * DAY)}),
        make_machine("tv", 102, backup={"is_in_job": None, "has_none": True}),
        certificates=[{"machine": "web", "name": "x.example", "ends": 1, "trouble": "it has expired"}],
        matters=["vm/x: VMID 9 is somebody else's"],
    )
    assert tell(node, sent) == [
        Matter("lab-ansible is Locked for 1 d; 3 hosts wait", "ssh -t lab-ansible unlock"),
        Matter("db came with another SSH host key, by sean: SHA256:x", "homeprod control trust db"),
        Matter("web: could not be configured: no route", "homeprod runs show 7"),
        Matter("lab-ansible: vault repository: refused (for 2 h)"),
        Matter("vm/x: VMID 9 is somebody else's"),
        Matter("not as the site says: app (~ update)", "homeprod plan"),
        Matter("certificate x.example of web: it has expired"),
        Matter("in no backup job: app"),
        Matter("no backup is kept: tv"),
        Matter("last backup more than 8 days ago: nas"),
        Matter("lab-ansible does not know yet: new", "homeprod apply"),
        Matter("old is no more in the inventory", "homeprod control forget old"),
    ]


def test_a_roll_out_that_has_stopped_does_not_pass_by_itself() -> None:
    held = TroubleLine("prod: 1a2b is held", NOW, "prod: a revision is held at the gate")
    stopped = TroubleLine("prod: it has stopped at web", NOW, f"prod: {STOPPED}")
    found = tell(replace(NODE, troubles=(held, stopped)))
    assert [(one.brief, one.patience) for one in found] == [
        ("lab-ansible: prod: a revision is held at the gate", 1800.0),
        ("lab-ansible: prod: a roll-out has stopped", 0.0),
    ]


def test_hosts_that_fail_alike_are_one_matter() -> None:
    hosts = tuple(replace(HOST, name=f"h{n:03}", state="failed", problem="no route") for n in range(200))
    assert [one.text for one in tell(replace(NODE, hosts=hosts))] == [
        "h000, h001, h002, h003, h004, h005, h006, h007 and 192 more: could not be configured: no route"
    ]


def test_drift_and_lateness_are_said_where_the_node_knows_of_them() -> None:
    hosts = (replace(HOST, drift=1), replace(HOST, name="off", late=NOW - 3 * DAY), replace(HOST, name="ok", drift=0))
    assert [one.text for one in tell(replace(NODE, hosts=hosts))] == [
        "web differs from its playbooks in 1 thing",
        "off was not reached for 3 d",
    ]


def with_apps(*apps: dict[str, Any], **more: Any) -> NodeLine:
    return replace(NODE, hosts=(replace(HOST, apps=judge_word(tell_apps(*apps, **more), NOW)),))


def test_apps_that_need_a_person_are_said_with_their_words() -> None:
    node = with_apps(
        tell_app(),
        tell_app("cloud", "unhealthy", problem="web: exited (1)", since=460.0),
        tell_app("shop", "rolled back", problem="it ended", since=3000.0),
        tell_app("blog", "rolled back", problem="it ended", since=3460.0),
        tell_app("slow", "waits", since=4000.0),
        tell_app("off", verified="", since=460.0),
        now=4060,
    )
    assert tell(node) == [
        Matter("cloud on web: unhealthy for 1 h: web: exited (1)", "ssh web homeprod-apps status"),
        Matter("shop, blog on web: rolled back for 17 min: it ended", "ssh web homeprod-apps status"),
        Matter("off on web: current, not verified for 1 h", "ssh web homeprod-apps status"),
    ]
    assert [one.brief for one in tell(node)] == [
        "cloud on web: unhealthy",
        "shop, blog on web: rolled back",
        "off on web: current, not verified",
    ]


def test_a_host_that_looks_after_its_apps_no_more() -> None:
    assert tell(with_apps(problem="docker is not there")) == [
        Matter("web cannot look after its apps: docker is not there", "ssh web homeprod-apps status")
    ]
    assert tell(with_apps(tell_app(), now=4000 + 3 * DAY, ended=4000)) == [
        Matter("web looks after its apps no more, for 3 d", "ssh web systemctl status homeprod-apps")
    ]


def test_of_what_everybody_is_told_counts_are_said() -> None:
    status = {
        "node": "lab-ansible", "state": "Ready", "since": NOW, "next": "", "waiting": [],
        "hosts": {"known": 9, "waiting": 3, "held": 1}, "upkeep": {"drifting": 2, "late": 0, "ill": 1, "later": 7},
    }  # fmt: skip
    assert [one.text for one in tell(read_public(status))] == [
        "lab-ansible: 1 host whose new SSH host key waits for a person",
        "lab-ansible: 1 host with apps that need a person",
        "lab-ansible: 2 hosts where something differs from the playbooks",
    ]
    assert tell(read_public({**status, "hosts": {"waiting": 0, "held": 0}, "upkeep": {}})) == []


def test_what_is_not_known_is_not_guessed() -> None:
    assert tell(None, make_snapshot(make_machine(backup={}))) == []
    assert tell(None, None) == []


@pytest.mark.parametrize(
    ("host", "word"),
    [
        (HOST, "current"),
        (replace(HOST, waits=True), "waits"),
        (replace(HOST, applied=Version("", "")), "never configured"),
        (replace(HOST, state="running", waits=True), "running"),
        (replace(HOST, state="failed", held_keys=("SHA256:x",)), "key held"),
    ],
)
def test_a_hosts_word(host: HostLine, word: str) -> None:
    assert host.word == word


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86_399, "23 h"), (2e6, "23 d")],
)
def test_ages(seconds: float, words: str) -> None:
    assert tell_age(seconds) == words


def test_days_that_are_over_are_below_zero() -> None:
    assert [count_days(seconds) for seconds in (-1, 0, DAY - 1, DAY)] == [-1, 0, 0, 1]


@pytest.mark.parametrize("told", [{}, {"node": "x"}, {"node": 1, "state": 2, "since": "x", "hosts": [], "next": ""}])
def test_what_another_version_says_is_not_taken_for_more(told: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_node(told, {"hosts": [], "waiting_for_apply": []})
