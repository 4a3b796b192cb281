"""What stands in a lease's comment, and what is made of one that somebody else wrote."""

from __future__ import annotations

import getpass
import os
import re
import socket

import pytest

from homeprod.core.secret import find_secret
from homeprod.engine.lease.claim import Claim, make_claim, parse_held, render_free, render_held
from homeprod.engine.lease.look import Seen

CLAIM = Claim("sean@laptop (pid 4711, id 9f3ac2)", "apply", "2026-11-25 20:58:19Z", 5.0, 12)


def test_a_person_reads_who_where_since_and_whether_it_moves() -> None:
    assert render_held(CLAIM) == (
        "held by sean@laptop (pid 4711, id 9f3ac2) for apply since 2026-11-25 20:58:19Z;"
        " renewed every 5 s, 12 times so far"
    )
    assert render_free(CLAIM).startswith("free; last held by sean@laptop (pid 4711, id 9f3ac2) for apply since ")


def test_a_claim_reads_back() -> None:
    assert parse_held(render_held(CLAIM)) == CLAIM
    own = make_claim("destroy", 0.25)
    assert parse_held(render_held(own)) == own
    assert f"(pid {os.getpid()}, id " in own.holder
    assert find_secret(render_held(own)) is None


def test_two_claims_of_one_process_differ() -> None:
    assert make_claim("apply", 5).holder != make_claim("apply", 5).holder


@pytest.mark.parametrize("text", ["", "mine!", "held by me", render_free(CLAIM), render_held(CLAIM) + " or so"])
def test_what_homeprod_would_not_write_is_no_claim(text: str) -> None:
    assert parse_held(text) is None
    if not text.startswith("free; "):
        seen = Seen(3, text)
        assert not seen.is_free
        assert "not of homeprod's" in seen.holder


def test_names_that_would_break_the_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "höst; free\n: name")
    monkeypatch.setattr(getpass, "getuser", lambda: "")
    claim = make_claim("apply", 5)
    assert re.fullmatch(r"unknown@[A-Za-z0-9._-]+ \(pid \d+, id [0-9a-f]{6}\)", claim.holder)
    assert parse_held(render_held(claim)) == claim


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert make_claim("apply", 5).holder.startswith(f"uid-{os.getuid()}@")
