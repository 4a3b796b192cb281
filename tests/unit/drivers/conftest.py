"""A scripted server, and connections to it that wait for nothing; a real ssh-agent."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.scripted_server import ScriptedServer

from homeprod.drivers.proxmox import Connection, Endpoint, Limits, Trust, parse_token
from homeprod.drivers.proxmox.transport.credential import Credential
from homeprod.drivers.proxmox.transport.retry import Backoff

SECRET = "canary-5ecre7-0f-a-70ken"
TOKEN = parse_token(f"homeprod@pve!cli={SECRET}")
Connect = Callable[..., Connection]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path) as server:
        yield server


@pytest.fixture
def connect(server: ScriptedServer) -> Iterator[Connect]:
    """Makes a connection to the scripted server, and to others where it fails; back-off takes no time."""
    with ExitStack() as stack:

        def make(
            credential: Credential = TOKEN,
            trust: Trust | None = None,
            limits: Limits | None = None,
            url: str = "",
            further: Sequence[ScriptedServer] = (),
            tell: Callable[[str], None] | None = None,
        ) -> Connection:
            connection = Connection(
                Endpoint.parse(url or server.url),
                credential,
                trust or Trust(server.ca_file),
                limits=limits,
                further=[(Endpoint.parse(other.url), Trust(other.ca_file)) for other in further],
                tell=tell,
                backoff=Backoff(sleep=lambda _: None),
            )
            stack.callback(connection.close)
            return connection

        yield make


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """A real ssh-agent of ours."""
    where = str(tmp_path / "agent.sock")
    with subprocess.Popen(["ssh-agent", "-D", "-a", where], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield where
        process.terminate()
