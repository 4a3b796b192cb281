"""Proxmox's words and what they become. Most are recorded; the others stand in its sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.recorded_replay import find_vectors

from homeprod.core import errors
from homeprod.core.errors import DeniedError, ProxmoxError, TransientError
from homeprod.drivers.proxmox import Token
from homeprod.drivers.proxmox.transport.credential import SecretText
from homeprod.drivers.proxmox.transport.refusal import explain_refusal, explain_words, read_refusal

TOKEN = Token("homeprod@pve", "cli", SecretText("secret"))
CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "cases" / "refusals.json").read_text())


def explain(status: int, reason: str, body: object = None) -> ProxmoxError:
    refusal = read_refusal("GET", "/x", status, reason, b"" if body is None else json.dumps(body).encode())
    return explain_refusal(refusal, TOKEN)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["words"])[:60])
def test_words(case: dict[str, Any]) -> None:
    error = explain(case.get("status", 500), case["words"], {"data": None, "message": case["words"] + "\n"})
    assert type(error) is getattr(errors, case["kind"])
    assert case["hint"] in error.hint
    assert error.where == "GET /x"


def test_the_same_words_at_a_tasks_end_mean_the_same() -> None:
    for case in CASES:
        if "status" not in case:
            assert type(explain_words(case["words"], "task")) is getattr(errors, case["kind"])


def test_a_lacking_privilege_names_path_privilege_and_the_lines_that_grant_it() -> None:
    error = explain(403, "Permission check failed (/vms/100, VM.Allocate)")
    assert isinstance(error, DeniedError)
    assert error.message == "homeprod@pve!cli lacks VM.Allocate on /vms/100"
    assert error.hint.splitlines()[1:] == [
        '    pveum role modify HomeprodVM --append 1 --privs "VM.Allocate"',
        "    pveum acl modify /vms --users homeprod@pve --tokens 'homeprod@pve!cli' --roles HomeprodVM",
    ]


def test_one_of_several_privileges() -> None:
    error = explain(403, "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)")
    assert error.message.endswith("lacks Datastore.Audit or Datastore.AllocateSpace on /storage/local")
    assert '--privs "Datastore.Audit"' in error.hint


def test_words_that_no_pattern_knows_say_where_to_look() -> None:
    assert "Task History" in explain_words("odd", "task qmcreate 100").hint
    assert "homeprod plan" in explain_words("odd", "POST /nodes/pve/qemu/100/config").hint
    assert "pvesm status" in explain_words("odd", "GET /nodes/pve/storage/local/content").hint


def test_a_sentence_in_a_denial_is_no_list_of_privileges() -> None:
    error = explain(403, "Permission check failed (/, Sys.Modify for modifying tag 'x')")
    assert error.message == "homeprod@pve!cli lacks Sys.Modify on /"
    error = explain(403, "Permission check failed (user != root@pam)")
    assert "only root@pam" in error.hint


def test_a_denial_without_a_name() -> None:
    error = explain(403, "Permission check failed")
    assert isinstance(error, DeniedError)
    assert "doctor" in error.hint


def test_parameters_that_are_not_accepted_are_told_in_words() -> None:
    body = {"errors": {"memory": "value must have a minimum value of 16\n", "cores": "type check failed"}}
    error = explain(400, "Parameter verification failed.", body)
    assert error.message == (
        "Proxmox does not accept cores: type check failed; memory: value must have a minimum value of 16"
    )


def test_a_call_that_this_proxmox_does_not_know() -> None:
    error = explain(501, "Method 'GET /x' not implemented")
    assert error.message == "this Proxmox does not know GET /x"
    assert type(error) is ProxmoxError


@pytest.mark.parametrize("status", [502, 503, 504, 595, 596, 599])
def test_failed_hops_are_transient(status: int) -> None:
    error = explain(status, "Connection refused")
    assert isinstance(error, TransientError)
    assert str(status) in error.message


def test_every_recorded_refusal_becomes_an_error_of_ours() -> None:
    folder = find_vectors()
    if folder is None:
        pytest.skip("no recorded answers here: set HOMEPROD_VECTORS to the folder with proxmox-http.jsonl")
    seen = 0
    for text in (folder / "proxmox-http.jsonl").read_text().splitlines():
        answer = json.loads(text)["parsed"]
        if not isinstance(answer, dict) or (answer.get("status") or 0) < 400:
            continue
        seen += 1
        error = explain(answer["status"], answer["reason"] or "", answer.get("body"))
        assert error.message
        assert error.hint
        assert not isinstance(error, TransientError), error
        if (
            answer["status"] != 403
            and "does not exist" in (answer["reason"] or "")
            and not answer["reason"].startswith(("invalid", "bridge"))
        ):
            assert isinstance(error, errors.NotFoundError)
    assert seen > 200
