"""The token and the password show nowhere: not in a repr, an error, a traceback, or any library's log."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest
from tests.scripted_server import Answer, ScriptedServer, Seen
from tests.unit.drivers.conftest import SECRET, TOKEN, Connect

from homeprod.core.errors import HomeprodError, UsageError
from homeprod.drivers.proxmox import Connection, Endpoint, Limits, Login, Settings, Trust, parse_token
from homeprod.drivers.proxmox.transport.credential import SecretText

TICKET = "PVE:canary-71cke7"
LOGIN = Login("bob@pve", SecretText(SECRET))


def everything_about(error: BaseException) -> str:
    """The error and its traceback with the values of all local variables, as a curious tool would print it."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in shown.stack if "/tests/" not in frame.filename]
    shown.stack = traceback.StackSummary.from_list(frames)
    hint = getattr(error, "hint", "")
    return "\n".join([str(error), repr(error), hint, *shown.format(chain=True)])


def failing(server: ScriptedServer) -> dict[str, Callable[[Connection], object]]:
    def answering(answer: Answer) -> Callable[[Connection], object]:
        def run(connection: Connection) -> object:
            server.script = lambda seen: log_in(seen) or answer
            return connection.post("/nodes/pve/qemu", {"vmid": 100})

        return run

    return {
        "denied": answering(Answer(401)),
        "forbidden": answering(Answer(403, reason="Permission check failed (/vms/100, VM.Allocate)")),
        "refused": answering(Answer(500, b'{"message": "no"}')),
        "cut": answering(Answer(cut=True)),
        "late": answering(Answer(delay=0.6)),
        "odd": answering(Answer(body=b"<html>")),
    }


def log_in(seen: Seen) -> Answer | None:
    if seen.path.endswith("/access/ticket"):
        return Answer(body=f'{{"data": {{"ticket": "{TICKET}", "CSRFPreventionToken": "c5rf"}}}}'.encode())
    return None


@pytest.mark.parametrize("kind", ["denied", "forbidden", "refused", "cut", "late", "odd"])
@pytest.mark.parametrize("credential", [TOKEN, LOGIN], ids=["token", "login"])
def test_no_secret_in_errors_and_logs(
    kind: str, credential: Login, server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "urllib3", "requests", "proxmoxer", "proxmoxer.core"):
        caplog.set_level(logging.DEBUG, name or None)
    connection = connect(credential=credential, limits=Limits(read=0.2))
    with pytest.raises(HomeprodError) as caught:
        failing(server)[kind](connection)
    shown = everything_about(caught.value) + caplog.text
    assert "urllib3.connectionpool" in caplog.text  # the log was on
    for secret in (SECRET, TICKET, "c5rf"):
        assert secret not in shown


def test_no_secret_where_tls_fails(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(HomeprodError) as caught:
        connect(trust=Trust()).get("/version")
    assert SECRET not in everything_about(caught.value) + caplog.text


def test_no_secret_in_reprs(connect: Connect) -> None:
    connection = connect(credential=LOGIN)
    settings = Settings(Endpoint("pve"), TOKEN)
    for thing in (TOKEN, LOGIN, TOKEN.secret, connection, connect(), settings, connection._tickets):
        assert SECRET not in f"{thing!r}"
        if thing is not TOKEN.secret:
            assert SECRET not in f"{thing}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (SECRET, "there is no ! between user and token id"),
        (f"homeprod!cli={SECRET}", "the user has no @REALM"),
        (f"homeprod@pve!{SECRET}", "there is no = between token id and secret"),
        (f"homeprod@pve!cli={SECRET}\nX-Injected: 1", "holds a character"),
        (f"homeprod@pve!cli={SECRET} {SECRET}", "holds a character"),
        (f"home prod@pve!cli={SECRET}", "holds a character"),
    ],
)
def test_a_token_of_a_wrong_form_is_not_shown(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        parse_token(text)
    assert SECRET not in everything_about(caught.value).replace(repr(text), "")
    assert "USER@REALM!ID=SECRET" in caught.value.hint


def test_tokens() -> None:
    token = parse_token(f" PVEAPIToken=a.b@pve!my-cli={SECRET}\n")
    assert (token.user, token.name, str(token.secret)) == ("a.b@pve", "my-cli", SECRET)
    assert str(token) == "a.b@pve!my-cli"
