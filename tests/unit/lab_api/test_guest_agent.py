"""The guest agent's calls over a runner whose guest answers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.core.errors import LabError

FILES = {"/run/cloud-init/status.json": b'{"v1": {"stage": null}}', "/big": b"x" * (3 * 1024 * 1024)}
AGENT = "/nodes/pve/qemu/100/agent"


class Guest:
    """As much of a guest agent as the lab asks."""

    def __init__(self) -> None:
        self.open: dict[int, tuple[str, int]] = {}

    async def call(self, _: int, command: str, arguments: Mapping[str, Any]) -> Any:
        if command == "guest-ping":
            return {}
        if command == "guest-file-open":
            path = arguments["path"]
            if path not in FILES:
                raise LabError(f"failed to open file '{path}' (mode: 'r'): No such file or directory")
            self.open[7] = (path, 0)
            return 7
        if command == "guest-file-close":
            del self.open[arguments["handle"]]
            return {}
        path, offset = self.open[arguments["handle"]]
        chunk = FILES[path][offset : offset + arguments["count"]]
        self.open[7] = (path, offset + len(chunk))
        return {"count": len(chunk), "buf-b64": base64.b64encode(chunk).decode(), "eof": not chunk}


@pytest.fixture
def guest(lab_server: LabServer, client: Client) -> Guest:
    guest = Guest()
    lab_server.hypervisor.runner.call_agent = guest.call  # type: ignore[method-assign]
    client.create(100, agent="enabled=1,fstrim_cloned_disks=1", start=1)
    return guest


def test_it_answers_a_ping(client: Client, guest: Guest) -> None:
    assert client.call("POST", f"{AGENT}/ping").data == {"result": {}}


@pytest.mark.parametrize("path", FILES)
def test_it_reads_files(client: Client, guest: Guest, path: str) -> None:
    answer = client.get(f"{AGENT}/file-read", file=path)
    assert answer["content"].encode() == FILES[path]
    assert "truncated" not in answer
    assert guest.open == {}


def test_a_long_file_is_cut(client: Client, guest: Guest) -> None:
    answer = client.get(f"{AGENT}/file-read", file="/big", count=100)
    assert (answer["content"], answer["truncated"]) == ("x" * 100, 1)


def test_its_own_words_come_through(client: Client, guest: Guest) -> None:
    answer = client.call("GET", f"{AGENT}/file-read", file="/none")
    words = "Agent error: failed to open file '/none' (mode: 'r'): No such file or directory"
    assert (answer.status, answer.reason) == (500, words)
