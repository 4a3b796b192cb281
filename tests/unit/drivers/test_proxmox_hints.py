"""Every error that is known of Proxmox, for every call that homeprod sends, is one message with a next step.

The known ones are fakepve's catalogue, read from its sources, and the recorded answers of Proxmox's own code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakepve import errors as catalogue
from tests.conftest import Figure
from tests.driver_calls import TOKEN, list_calls
from tests.recorded_replay import find_vectors

from homeprod.core.errors import HomeprodError, ProxmoxError
from homeprod.drivers.proxmox import Login
from homeprod.drivers.proxmox.transport.credential import Credential, SecretText
from homeprod.drivers.proxmox.transport.hint import is_told_by_call
from homeprod.drivers.proxmox.transport.refusal import explain_refusal, explain_words, read_refusal

LOGIN = Login("root@pam", SecretText("secret"))
CALLS = list_calls()
# Not asked of the driver, but of the project: the machines that adopt, the history and the lease read and write.
FURTHER = [
    ("GET", "/pools"),
    ("POST", "/pools"),
    ("PUT", "/pools/p"),
    ("DELETE", "/pools/p"),
    ("GET", "/nodes/pve/tasks"),
    ("GET", "/cluster/tasks"),
    ("POST", "/nodes/pve/qemu/100/move_disk"),
    ("POST", "/nodes/pve/qemu/100/status/reboot"),
]


def list_known(method: str, path: str) -> list[dict[str, Any]]:
    """The catalogue knows no path with a slash inside of a volume's name."""
    found = catalogue.errors_for(method, path) or catalogue.errors_for(method, path.rpartition("/")[0])
    assert found, f"{method} {path} is not in the catalogue"
    return list(found)


def explain(method: str, path: str, known: dict[str, Any], credential: Credential) -> ProxmoxError:
    """As it would come: in a task's status, or as an answer with the words in its body, or in the reason alone."""
    words = str(known["message"])
    if known["in_task"]:
        return explain_words(words, "task qmcreate 100")
    body: dict[str, Any] = {"data": None, "message": f"{words}\n"}
    if known.get("errors"):
        body["errors"] = known["errors"]
    return explain_refusal(read_refusal(method, path, known["status"], words, json.dumps(body).encode()), credential)


def find_faults(error: ProxmoxError) -> Iterator[str]:
    if not isinstance(error, HomeprodError):
        yield "is no error of homeprod's"
    if not error.message.strip() or error.message.endswith("."):
        yield f"no message, or one with a full stop: {error.message!r}"
    if not error.hint.strip() or "{" in error.hint:
        yield f"no next step, or an unfinished one: {error.hint!r}"
    if not error.where and "not accepted" not in error.message and "does not know" not in error.message:
        yield "does not say where"


def test_every_error_that_is_catalogued_has_a_next_step(figure: Figure) -> None:
    total, faults, by_call = 0, [], set[str]()
    calls = sorted({*CALLS, *FURTHER})
    for method, path in calls:
        for known in list_known(method, path):
            for credential in (TOKEN, LOGIN):
                error = explain(method, path, known, credential)
                found = [f"{method} {path} {known['name']}: {fault}" for fault in find_faults(error)]
                faults += found
                if is_told_by_call(error.hint):
                    by_call.add(error.message)
            total += 1
    figure(
        f"catalogued errors of {len(calls)} calls: {total - len(faults)} of {total} have a next step "
        f"({len(by_call)} different ones by where to look alone)"
    )
    assert faults == []
    assert total > 300
    assert len(by_call) <= 70  # may only shrink


def test_every_recorded_refusal_has_a_next_step(figure: Figure) -> None:
    folder = find_vectors()
    if folder is None:
        pytest.skip("no recorded answers here: set HOMEPROD_VECTORS to the folder with proxmox-http.jsonl")
    total, faults = 0, []
    for line in (folder / "proxmox-http.jsonl").read_text().splitlines():
        row = json.loads(line)
        path = str(row["input"].get("path", "/")).removeprefix("/api2/json")
        for error in _explain_recorded(str(row["input"].get("method", "GET")), path, row["parsed"]):
            total += 1
            faults += [f"{row['input']['seq']} {path}: {fault}" for fault in find_faults(error)]
    figure(f"recorded refusals: {total - len(faults)} of {total} have a next step")
    assert faults == []
    assert total > 250


def _explain_recorded(method: str, path: str, answer: Any) -> Iterator[ProxmoxError]:
    if not isinstance(answer, dict):
        return
    if (answer.get("status") or 0) >= 400:
        body = b"" if answer.get("body") is None else json.dumps(answer["body"]).encode()
        yield explain_refusal(read_refusal(method, path, answer["status"], answer["reason"] or "", body), TOKEN)
    task = answer.get("task") or {}
    status = str(task.get("exitstatus") or "OK")
    if status != "OK" and not status.startswith("WARNINGS"):
        yield explain_words(status, f"task {task.get('type')} {task.get('id')}")


def test_the_calls_are_those_of_every_verb() -> None:
    assert ("GET", "/cluster/resources") in CALLS
    assert ("DELETE", "/nodes/pve/storage/local/content/local:iso/x.iso") in CALLS
    assert ("GET", "/nodes/pve/network") in CALLS
    assert len(CALLS) >= 24
