"""apply --json against the lab's API: an object a line as it happens, and nothing else; errors alike everywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from tests.lab_server import InjectedFault
from tests.reference_schema import open_validator
from tests.system.site_lab import SiteLab

LINES = open_validator("apply")


def _apply(site_lab: SiteLab, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    code, out, said = site_lab.run("apply", "--json", "--yes", "--no-wait", *arguments)
    return code, _read(out), said


def _read(out: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        LINES.validate(line)
    return lines


def test_everything_is_told_as_it_happens(site_lab: SiteLab) -> None:
    code, lines, said = _apply(site_lab)
    assert code == 0
    assert "[9/9]" in said  # people are told on stderr all the same
    events = [line["event"] for line in lines]
    assert (events[0], events[-1]) == ("planned", "summary")
    planned = [change["address"] for change in lines[0]["changes"]]
    assert {line["address"] for line in lines if line["event"] == "begun"} == {*planned}
    assert sorted(line["address"] for line in lines if line["event"] == "done") == sorted(planned)
    assert any(line["event"] == "said" and line["text"] for line in lines)
    assert sorted(change["address"] for change in lines[-1]["done"]) == sorted(planned)
    assert lines[-1]["exit_code"] == 0
    code, lines, _ = _apply(site_lab)
    assert (code, [line["event"] for line in lines]) == (0, ["planned", "summary"])


def test_failures_and_what_was_not_begun(site_lab: SiteLab) -> None:
    def refuse(received: object) -> InjectedFault | None:
        is_creation = getattr(received, "method", "") == "POST" and getattr(received, "path", "").endswith("/qemu")
        return InjectedFault(status=403, reason="Permission check failed") if is_creation else None

    site_lab.lab.on_call = refuse
    code, lines, _ = _apply(site_lab, "--only", "lab-ansible")
    site_lab.lab.on_call = None
    assert code == 1
    by_event = {line["event"]: line for line in lines}
    assert by_event["failed"]["address"] == "data-vm/lab-ansible-data"
    assert by_event["skipped"]["address"] == "vm/lab-ansible"
    summary = lines[-1]
    assert [entry["address"] for entry in summary["failed"]] == ["data-vm/lab-ansible-data"]
    assert "lacks VM.Allocate on /vms" in summary["failed"][0]["error"]
    assert [entry["address"] for entry in summary["skipped"]] == ["vm/lab-ansible"]
    assert summary["exit_code"] == 1


def test_what_stops_it_before_the_first_write_is_the_last_line(site_lab: SiteLab) -> None:
    with site_lab.driver() as cluster:
        cluster.wait(cluster.create_machine("proxmox-1", 4001021, {"name": "stranger"}))
    site_lab.lab.forget_calls()
    code, lines, _ = _apply(site_lab)
    assert (code, [line["event"] for line in lines]) == (1, ["planned", "error"])
    assert lines[0]["conflicts"][0]["address"] == "vm/lab-coder"
    assert lines[1]["errors"][0]["where"] == "vm/lab-coder"
    _, out, _ = site_lab.run("apply", "--json", "--only", "lab-ansible")
    lines = _read(out)
    assert "nobody is there to answer" in lines[-1]["errors"][0]["message"]
    assert not site_lab.lab.written()


@pytest.mark.parametrize("command", ["check", "plan", "apply", "history", "status", "addresses"])
def test_a_broken_site_is_told_alike_by_every_command(site_lab: SiteLab, command: str) -> None:
    site_lab.edit("lab_coder_vm", "number=21", "number=1")
    site_lab.edit("lab_ansible_vm", "memory=", "memry=")
    code, out, said = site_lab.run(command, "--json")
    told = json.loads(out)
    assert code == 1
    assert told["format"] == 1
    assert [(mistake["file"], mistake["line"]) for mistake in told["errors"]] == [
        ("modules/lab_ansible_vm.py", 11),
        ("modules/lab_coder_vm.py", 7),
    ]
    assert "the site has" in said


def test_wrong_usage_is_told_as_json_too(site_lab: SiteLab) -> None:
    code, out, _ = site_lab.run("plan", "--json", "--nonsense")
    assert code == 64
    assert "--nonsense" in json.loads(out)["errors"][0]["message"]


def _begin(site_lab: SiteLab, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "homeprod", "--site", str(site_lab.root), "apply", "--json", "--yes", *arguments]
    return subprocess.Popen(
        command,
        env={**os.environ, **site_lab.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_lines_come_at_once_and_an_interrupted_apply_ends_with_its_summary(site_lab: SiteLab) -> None:
    with _begin(site_lab, "--only", "lab-coder") as process:
        try:
            assert process.stdout is not None
            while json.loads(process.stdout.readline()).get("text") != "waiting for the guest to boot":
                pass
            process.send_signal(signal.SIGTERM)
            lines = _read(process.stdout.read().decode())
            assert process.wait(60) == 130
        finally:
            process.kill()
    assert [line["event"] for line in lines if line["event"] != "said"] == ["cut_off", "summary"]
    assert lines[-1]["exit_code"] == 130
    assert [change["address"] for change in lines[-1]["cut_off"]] == ["vm/lab-coder"]


def test_a_reader_that_goes_away_stops_nothing(site_lab: SiteLab) -> None:
    with _begin(site_lab, "--no-wait") as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            first = json.loads(process.stdout.readline())
            process.stdout.close()
            said = process.stderr.read()
            assert process.wait(60) == 0, said
        finally:
            process.kill()
    assert first["event"] == "planned"
    assert b"Traceback" not in said
    assert site_lab.actions() == []
