"""Logging in: tickets, their CSRF token, and tokens in every spelling that Proxmox reads."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.lab_server import LabServer

from homeprod.lab.api.access import AccessControl, Identity
from homeprod.lab.api.error import ApiError
from homeprod.lab.spec import LabSpec


def send(lab: LabServer, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, Any]:
    tls = ssl.create_default_context(cafile=str(lab.ca_file))
    connection = http.client.HTTPSConnection("127.0.0.1", lab.port, context=tls, timeout=20)
    connection.request(method, f"/api2/json{path}", body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.reason, json.loads(content) if content else None


def log_in(lab: LabServer, password: str) -> tuple[int, str, Any]:
    body = urlencode({"username": "root@pam", "password": password}).encode()
    return send(lab, "POST", "/access/ticket", body, **{"Content-Type": "application/x-www-form-urlencoded"})


def test_a_ticket_reads_and_with_its_csrf_token_writes(lab_server: LabServer) -> None:
    _, _, answer = log_in(lab_server, lab_server.password)
    cookie = {"Cookie": f"PVEAuthCookie={quote(answer['data']['ticket'])}"}
    assert send(lab_server, "GET", "/version", **cookie)[0] == 200
    body = b"poolid=p1"
    refused = send(lab_server, "POST", "/pools", body, **cookie)
    assert refused == (401, "Permission denied - invalid csrf token", None)
    csrf = {"CSRFPreventionToken": answer["data"]["CSRFPreventionToken"]}
    assert send(lab_server, "POST", "/pools", body, **cookie, **csrf)[0] == 200


def test_a_ticket_renews_itself(lab_server: LabServer) -> None:
    ticket = log_in(lab_server, lab_server.password)[2]["data"]["ticket"]
    assert log_in(lab_server, ticket)[0] == 200


def test_a_wrong_password_is_refused(lab_server: LabServer) -> None:
    status, reason, body = log_in(lab_server, "wrong")
    assert (status, reason, body["data"]) == (401, "authentication failure", None)


def test_an_old_ticket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    access = AccessControl((9, 2))
    ticket = access.make_ticket(access.users["root@pam"])
    assert access.identify("", ticket, "GET", "") == Identity("root@pam")
    later = time.time() + 7201
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(ApiError, match="Authentication failed!"):
        access.identify("", ticket, "GET", "")


@pytest.mark.parametrize(
    ("version", "words"), [("8.4.0", "invalid token value!"), ("9.2.3", "Authentication failed!")]
)
def test_8_says_what_is_wrong_with_a_token_and_9_does_not(version: str, words: str) -> None:
    with LabServer(LabSpec("old", boot=False, version=version)) as lab:
        name = lab.token.partition("=")[0]
        status, reason, body = send(lab, "GET", "/version", Authorization=f"PVEAPIToken={name}=wrong")
    assert (status, reason, body) == (401, words, None)


def test_a_stranger_is_not_told_what_exists(lab_server: LabServer) -> None:
    assert send(lab_server, "GET", "/no/such/path")[:2] == (401, "No ticket")


def test_a_call_the_lab_does_not_know_is_an_honest_501(lab_server: LabServer) -> None:
    status, reason, body = send(lab_server, "GET", "/cluster/ha/resources", **lab_server.headers)
    assert (status, reason) == (501, "Method 'GET /cluster/ha/resources' not implemented")
    assert body == {"data": None, "message": "Method 'GET /cluster/ha/resources' not implemented"}
