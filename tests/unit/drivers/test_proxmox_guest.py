"""The guest agent: what "not yet" looks like, and what a file's text needs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripted_server import Answer, ScriptedServer
from tests.unit.drivers.conftest import Connect

from homeprod.core.errors import DeniedError, ProxmoxError
from homeprod.drivers.proxmox.guest import ping_agent, read_guest_file, repair_text

NOT_YET = [
    "QEMU guest agent is not running",
    "No QEMU guest agent configured",
    "VM 100 is not running",
    "VM 100 not running",
    "VM 100 qmp command 'guest-ping' failed - got timeout",
    "VM 100 qmp command 'guest-file-open' failed - client closed connection",
]


def say(words: str) -> Answer:
    return Answer(500, json.dumps({"data": None, "message": words + "\n"}).encode())


@pytest.mark.parametrize("words", NOT_YET)
def test_not_yet(words: str, server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: say(words)
    assert not ping_agent(connect(), "pve", 100)
    assert read_guest_file(connect(), "pve", 100, "/x") is None


def test_an_agent_that_answers(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(body=b'{"data": {"result": {}}}')
    assert ping_agent(connect(), "pve", 100)
    assert (server.seen[0].method, server.seen[0].path) == ("POST", "/api2/json/nodes/pve/qemu/100/agent/ping")


def test_a_file(server: ScriptedServer, connect: Connect) -> None:
    """Proxmox gives each byte as a character of its own."""
    text = '{"v1": {"stage": "Grüße"}}'
    body = {"data": {"content": text.encode().decode("latin-1"), "truncated": False}}
    server.script = lambda _: Answer(body=json.dumps(body).encode())
    assert read_guest_file(connect(), "pve", 100, "/run/x y") == text
    assert server.seen[0].path.endswith("/agent/file-read?file=%2Frun%2Fx%20y")


def test_a_file_that_is_not_there(server: ScriptedServer, connect: Connect) -> None:
    failed = "VM 100 qmp command 'guest-file-open' failed - "
    words = f"{failed}failed to open file '/x' (mode: 'rb'): No such file or directory"
    server.script = lambda _: say(words)
    assert read_guest_file(connect(), "pve", 100, "/x") is None


def test_a_file_that_is_too_large(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(body=b'{"data": {"content": "x", "truncated": 1}}')
    with pytest.raises(ProxmoxError, match="too large"):
        read_guest_file(connect(), "pve", 100, "/x")


def test_other_errors_stay_errors(server: ScriptedServer, connect: Connect) -> None:
    server.script = lambda _: Answer(403, reason="Permission check failed (/vms/100, VM.GuestAgent.FileRead)")
    with pytest.raises(DeniedError, match=r"VM\.GuestAgent\.FileRead"):
        read_guest_file(connect(), "pve", 100, "/x")
    with pytest.raises(DeniedError):
        ping_agent(connect(), "pve", 100)
    server.script = lambda _: say("failed to open file '/x' (mode: 'rb'): Permission denied")
    with pytest.raises(ProxmoxError, match="Permission denied"):
        read_guest_file(connect(), "pve", 100, "/x")


@given(st.text())
def test_text_is_put_together_again(text: str) -> None:
    try:
        as_bytes = text.encode()
    except UnicodeEncodeError:
        return
    assert repair_text(as_bytes.decode("latin-1")) == text
