"""Several endpoints of one cluster: which is asked, what is asked again elsewhere, and what never is."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.scripted_server import Answer, ScriptedServer
from tests.unit.drivers.conftest import Connect
from tests.unit.drivers.test_proxmox_ticket import LOGIN, Tickets

from homeprod.core.errors import ProxmoxError, TransientError
from homeprod.drivers.proxmox import Limits, Trust

NOWHERE = "https://127.0.0.1:9"
"""Nobody listens at the port of `discard`."""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ScriptedServer]:
    """A second node, with a certificate of its own."""
    (tmp_path / "other").mkdir()
    with ScriptedServer(tmp_path / "other") as server:
        yield server


def test_the_first_is_used_while_it_answers(server: ScriptedServer, other: ScriptedServer, connect: Connect) -> None:
    connection = connect(further=[other])
    assert [connection.get("/x") for _ in range(3)] == [None] * 3
    assert (len(server.seen), len(other.seen)) == (3, 0)


@pytest.mark.parametrize("method", ["get", "post", "delete", "send_stream"])
def test_one_that_cannot_be_reached_is_left_for_good_and_that_is_said_once(
    method: str, other: ScriptedServer, connect: Connect
) -> None:
    """Nothing was sent there, so a write goes on elsewhere as well, its body whole."""
    said: list[str] = []
    connection = connect(url=NOWHERE, further=[other], tell=said.append)
    if method == "send_stream":
        connection.send_stream("/x", io.BytesIO(b"abc"), 3, "text/plain", timeout=5)
        assert other.seen[0].body == b"abc"
    else:
        getattr(connection, method)("/x")
    connection.get("/x")
    assert len(other.seen) == 2
    assert connection.api_calls == 3  # the dead one was not tried again
    assert said == [f"{NOWHERE}: cannot connect: Connection refused; going on with {other.url}"]
    assert [str(endpoint) for endpoint in connection.left] == [NOWHERE]


def test_a_name_that_is_not_known_is_no_end(other: ScriptedServer, connect: Connect) -> None:
    connection = connect(url="https://pve.pegasus.invalid", further=[other])
    assert connection.get("/x") is None
    assert str(connection.endpoint) == other.url


def test_many_threads_leave_it_together(other: ScriptedServer, connect: Connect) -> None:
    said: list[str] = []
    connection = connect(url=NOWHERE, further=[other], tell=said.append)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: connection.get("/x"), range(32))) == [None] * 32
    assert len(said) == 1


@pytest.mark.parametrize("status", [595, 596, 599])
def test_a_read_of_a_node_that_one_does_not_reach_asks_the_other(
    status: int, server: ScriptedServer, other: ScriptedServer, connect: Connect
) -> None:
    server.script = lambda _: Answer(status)
    other.script = lambda _: Answer(body=b'{"data": "there"}')
    connection = connect(further=[other])
    assert [connection.get("/nodes/b/x") for _ in range(2)] == ["there"] * 2
    assert (len(server.seen), len(other.seen)) == (1, 2)


def test_a_node_that_nobody_reaches_is_no_fault_of_the_endpoint(
    server: ScriptedServer, other: ScriptedServer, connect: Connect
) -> None:
    said: list[str] = []
    server.script = other.script = lambda seen: Answer(595) if "nodes" in seen.path else Answer()
    connection = connect(further=[other], tell=said.append)
    with pytest.raises(TransientError, match="595"):
        connection.get("/nodes/off/x")
    connection.get("/version")
    assert str(connection.endpoint) == server.url
    assert said == []


@pytest.mark.parametrize("answer", [Answer(596), Answer(599), Answer(cut=True), Answer(delay=1)])
def test_a_write_whose_answer_is_missing_is_never_repeated_elsewhere(
    answer: Answer, server: ScriptedServer, other: ScriptedServer, connect: Connect
) -> None:
    server.script = lambda _: answer
    connection = connect(further=[other], limits=Limits(read=0.3))
    with pytest.raises(TransientError):
        connection.post("/x")
    with pytest.raises(TransientError):
        connect(further=[other], limits=Limits(read=0.3)).delete("/x")
    assert len(server.seen) == 2
    assert other.seen == []


def test_one_that_no_longer_answers_is_left_and_only_reads_go_on_by_themselves(
    server: ScriptedServer, other: ScriptedServer, connect: Connect
) -> None:
    server.script = lambda _: Answer(delay=1)
    connection = connect(further=[other], limits=Limits(read=0.3))
    with pytest.raises(TransientError, match="no answer within"):
        connection.post("/x")
    connection.post("/x")  # whoever wrote decides, and the next goes where somebody answers
    assert len(other.seen) == 1
    again = connect(further=[other], limits=Limits(read=0.3))
    assert again.get("/x") is None


def test_all_of_them_fail_and_each_says_why(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    with ScriptedServer(tmp_path / "gone") as gone:
        pass
    connection = connect(url=NOWHERE, further=[gone])
    with pytest.raises(TransientError) as caught:
        connection.get("/x")
    assert caught.value.message.splitlines() == [
        "none of the 2 endpoints answers",
        f"  {NOWHERE}: cannot connect: Connection refused",
        f"  {gone.url}: cannot connect: Connection refused",
    ]
    assert caught.value.hint
    assert connection.api_calls == 2


def test_one_that_comes_back_is_used_when_the_other_goes(
    server: ScriptedServer, other: ScriptedServer, connect: Connect
) -> None:
    server.script = lambda _: Answer(595)
    connection = connect(further=[other])
    connection.get("/x")
    server.script, other.script = (lambda _: Answer(body=b'{"data": "back"}')), (lambda _: Answer(595))
    assert connection.get("/x") == "back"
    assert str(connection.endpoint) == server.url


def test_one_that_cuts_at_once_is_left_by_reads(other: ScriptedServer, connect: Connect) -> None:
    """Something listens, as in front of a Proxmox that does not run: during TLS's own words it goes away."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_cut, args=(listener, 2), daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        assert connect(url=url, further=[other]).get("/x") is None
        connection = connect(url=url, further=[other])
        with pytest.raises(TransientError, match="broke off"):
            connection.post("/x")
        connection.post("/x")
    assert len(other.seen) == 2


def _cut(listener: socket.socket, times: int) -> None:
    for _ in range(times):
        listener.accept()[0].close()


def test_a_certificate_that_is_not_believed_ends_it(
    server: ScriptedServer, other: ScriptedServer, connect: Connect
) -> None:
    """Somebody may stand in between: a person must look, and not be led around it."""
    connection = connect(trust=Trust(other.ca_file), further=[other])
    with pytest.raises(ProxmoxError, match="cannot verify the certificate"):
        connection.get("/x")
    assert other.seen == []


def test_a_ticket_is_good_on_every_node(server: ScriptedServer, other: ScriptedServer, connect: Connect) -> None:
    server.script = other.script = tickets = Tickets()
    connection = connect(credential=LOGIN, further=[other])
    connection.get("/x")
    server.script = lambda _: Answer(595)
    assert connection.get("/x") == 1
    tickets.valid = False
    assert connection.post("/x") == 1
    assert tickets.given == 2
    assert [seen.path for seen in other.seen].count("/api2/json/access/ticket") == 1


def test_logging_in_goes_where_somebody_answers(other: ScriptedServer, connect: Connect) -> None:
    other.script = Tickets()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unused.getsockname()[1]}"
        assert connect(credential=LOGIN, url=url, further=[other]).post("/x") == 1
