"""Who may look at the page, over the real door: by a link that a person's key signed for, once, for some hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.door import Heard, OpenDoor, make_id, make_key, make_settings, make_wish
from tests.snapshots import make_machine, make_snapshot

from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble
from homeprod.web.access import Limits
from homeprod.web.limit import Rate
from homeprod.web.page.answer import COOKIE

PAGE, STYLE = "/", "/page.css"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as opened:
        yield opened


def invite(door: OpenDoor, key: Any = None) -> str:
    told = door.call("POST", "/api/links", {}, key)
    assert told.status == 200
    return str(told.body["path"])


def log_in(door: OpenDoor, key: Any = None) -> dict[str, str]:
    heard = door.send("GET", invite(door, key))
    assert (heard.status, heard.headers["Location"]) == (303, "/")
    return {"Cookie": heard.headers["Set-Cookie"].partition(";")[0]}


def look(door: OpenDoor, headers: dict[str, str] | None = None, path: str = PAGE) -> Heard:
    return door.send("GET", path, b"", headers)


def test_a_signed_link_leads_in(door: OpenDoor) -> None:
    heard = look(door, log_in(door))
    assert heard.status == 200
    assert "pegasus" in heard.content.decode()
    assert "for sean" in heard.content.decode()


def test_the_cookie_goes_to_this_host_alone_and_no_script_sees_it(door: OpenDoor) -> None:
    cookie = door.send("GET", invite(door)).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert COOKIE.startswith("__Host-")


def test_a_link_lets_in_once(door: OpenDoor) -> None:
    link = invite(door)
    assert look(door, path=link).status == 303
    again = look(door, path=link)
    assert (again.status, "Set-Cookie" in again.headers) == (403, False)
    assert "used" in again.content.decode()


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                                     {"Sec-Purpose": "prefetch;prerender"}])  # fmt: skip
def test_a_link_that_no_person_opened_still_holds(door: OpenDoor, headers: dict[str, str]) -> None:
    link = invite(door)
    assert look(door, headers, link).status == 403
    assert look(door, {"Sec-Fetch-Site": "none"}, link).status == 303


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=%ff", "?other=1", "?token=a&token=b"])
def test_a_strangers_token_leads_nowhere(door: OpenDoor, query: str) -> None:
    heard = look(door, path=f"/login{query}")
    assert (heard.status, "Set-Cookie" in heard.headers) == (403, False)


def test_a_link_has_to_be_signed_for_each_time(door: OpenDoor) -> None:
    assert door.send("POST", "/api/links", b"{}", {"Content-Type": "application/json"}).status == 401
    assert door.call("POST", "/api/links", {}, door.stranger).status == 401
    again = make_id()
    assert door.call("POST", "/api/links", {}, message_id=again).status == 200
    assert door.call("POST", "/api/links", {}, message_id=again).status == 401
    door.restart()
    assert door.call("POST", "/api/links", {}, message_id=again).status == 401


@pytest.mark.parametrize("value", ["", "x", "__proto__", "a" * 4000])
def test_a_stranger_sees_one_sentence_and_nothing_else(door: OpenDoor, value: str) -> None:
    door.ring(make_wish())
    assert door.call("POST", "/api/snapshot", make_snapshot(make_machine("lab-coder"))).status == 200
    heard = look(door, {"Cookie": f"{COOKIE}={value}"})
    text = heard.content.decode()
    assert heard.status == 403
    assert "homeprod control page" in text
    assert len(re.findall(r"<p>", text)) == 1
    for word in ("pegasus", "lab-", "sean", "Ready", "4001020"):
        assert word not in text
    assert look(door, path="/pictures/network.svg").content == heard.content


@pytest.mark.parametrize("state", [NodeState.LOCKED, NodeState.NEW, NodeState.READY])
def test_it_is_there_in_every_state(door: OpenDoor, state: NodeState) -> None:
    door.ring(make_wish())
    door.node.is_in = state
    text = look(door, log_in(door)).content.decode()
    assert state.value in text
    if state is NodeState.LOCKED:
        assert "1 host waits" in text
        assert "ssh -t lab-ansible unlock" in text


def test_a_change_of_state_ends_every_session_and_link(door: OpenDoor) -> None:
    session, link = log_in(door), invite(door)
    door.node.is_in, door.node.came = NodeState.LOCKED, door.node.came + 1
    assert look(door, session).status == 403
    assert look(door, path=link).status == 403
    door.node.is_in, door.node.came = NodeState.READY, door.node.came + 1
    assert look(door, session).status == 403, "locked and unlocked meanwhile"


def test_a_restart_ends_every_session_and_link(door: OpenDoor) -> None:
    session, link = log_in(door), invite(door)
    door.restart()
    assert look(door, session).status == 403
    assert look(door, path=link).status == 403


def test_a_person_whose_key_is_known_no_more_is_out(door: OpenDoor) -> None:
    seans, annas = log_in(door), log_in(door, door.admin)
    door.node.known = make_settings({}, {"anna": door.admin})
    assert look(door, seans).status == 403
    assert look(door, annas).status == 200
    door.node.known = make_settings({"sean": door.sean}, {"anna": make_key()})
    assert look(door, annas).status == 403


@pytest.mark.parametrize("path", [PAGE, STYLE, "/login?token=x"])
def test_nothing_is_kept_framed_or_scripted(door: OpenDoor, path: str) -> None:
    headers = look(door, log_in(door), path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'")
    for word in ("form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert word in policy
    assert "unsafe" not in policy
    assert "script" not in policy
    expected = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Server": "homeprod",
    }
    assert expected.items() <= headers.items()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_it_is_asked_by_get_alone(door: OpenDoor, method: str) -> None:
    session, link = log_in(door), invite(door)
    for path in (PAGE, STYLE, "/pictures/network.svg", link):
        assert door.send(method, path, b"", session).status == 405
    assert look(door, path=link).status == 303, "not used up by that"


def test_looking_changes_nothing(door: OpenDoor) -> None:
    door.ring(make_wish())
    session = log_in(door)
    before = door.call("GET", "/api/hosts").body, door.call("GET", "/api/runs").body
    for path in (PAGE, STYLE, "/login?token=x", "/pictures/a.svg", "/?retry=lab-proxy", "/api/hosts/lab-proxy/retry"):
        look(door, session, path)
    assert (door.call("GET", "/api/hosts").body, door.call("GET", "/api/runs").body) == before


def test_a_session_is_no_signature(door: OpenDoor) -> None:
    session = log_in(door)
    for path in ("/api/status", "/api/hosts", "/api/runs"):
        assert look(door, session, path).status == 401
    body = {**session, "Content-Type": "application/json"}
    assert door.send("POST", "/api/links", b"{}", body).status == 401


def test_pictures_are_the_sites_own(door: OpenDoor, tmp_path: Path) -> None:
    file = tmp_path / "network.svg"
    file.write_bytes(b"<svg/>")
    door.node.drawn = {"network.svg": file, "gone.svg": tmp_path / "gone.svg"}
    session = log_in(door)
    assert 'src="/pictures/network.svg"' in look(door, session).content.decode()
    heard = look(door, session, "/pictures/network.svg")
    assert (heard.status, heard.content, heard.headers["Content-Type"]) == (200, b"<svg/>", "image/svg+xml")
    assert "default-src 'none'" in heard.headers["Content-Security-Policy"]
    assert "sandbox" in heard.headers["Content-Security-Policy"]
    for path in ("gone.svg", "none.svg", "../control.json", "%2e%2e/control.json", ""):
        assert look(door, session, f"/pictures/{path}").status == 404


CANARIES = ("<script>alert(1)</script>", "' onload='x", '"><img src=x>', "{{ 7*7 }}")


def test_whatever_a_value_holds_is_words(door: OpenDoor) -> None:
    door.ring(make_wish())
    turn = door.wait_for(door.node.ledger.claim("me"))
    assert turn is not None
    door.wait_for(door.node.ledger.end(turn.run, Outcome(RunStatus.FAILED, " ".join(CANARIES)), 10))
    door.node.noted = [Trouble("x", CANARIES[0], 1.0)]
    sent = make_snapshot(make_machine("lab-coder", state=CANARIES[1], plan=CANARIES[2]), matters=list(CANARIES))
    assert door.call("POST", "/api/snapshot", sent).status == 200
    text = look(door, log_in(door)).content.decode()
    assert "<script" not in text
    assert "onload='" not in text
    assert "<img" not in text
    assert "{{ 7*7 }}" in text


def test_nothing_secret_is_on_it(door: OpenDoor) -> None:
    """Neither tokens, cookies, public keys nor whatever else of the node's own than what is meant for people."""
    door.ring(make_wish())
    link = invite(door)
    session = log_in(door)
    text = look(door, session).content.decode()
    secrets = [link.partition("=")[2], session["Cookie"].partition("=")[2], "ssh-ed25519", "BEGIN", "git@git.example"]
    secrets += [str(door.places.persistent), str(door.places.settings)]
    for secret in secrets:
        assert secret not in text


def test_the_token_is_in_no_metric(door: OpenDoor) -> None:
    token = invite(door).partition("=")[2]
    look(door, path=f"/login?token={token}")
    text = look(door, path="/metrics").content.decode()
    assert token not in text
    assert 'call="page",code="303"' in text


def test_who_looks_too_often_waits(tmp_path: Path) -> None:
    limits = replace(Limits(), signer=Rate(0.001, 5), public=Rate(0.001, 5))
    with OpenDoor(tmp_path, limits=limits) as door:
        session = log_in(door)
        seen = [look(door, session).status for _ in range(8)]
        assert seen == [200] * 4 + [429] * 4, "beside the call that made the link"
        assert [look(door).status for _ in range(6)][-1] == 429
