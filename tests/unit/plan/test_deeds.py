"""What a task is told as, and which tasks are the site's affair."""

from __future__ import annotations

import pytest
from tests.unit.plan.pegasus import CODER, SITE

from homeprod.plan.history import find_interest, tell_deed
from homeprod.plan.record import TaskRecord

NAMES = {4001021: CODER}
INTEREST = find_interest(SITE, frozenset(NAMES))


def _record(kind: str, about: str, status: str | None = "OK") -> TaskRecord:
    return TaskRecord("UPID:", "proxmox-1", kind, about, "ann@pve", 1, None if status is None else 2, status)


@pytest.mark.parametrize(
    ("kind", "about", "words", "on"),
    [
        ("qmcreate", "4001021", "made", "vm/lab-coder"),
        ("qmstart", "123", "started", "123"),
        ("imgdel", "4001021@local-nvme", "disk removed", "vm/lab-coder"),
        ("imgdel", "local-hdd", "file removed", "local-hdd"),
        ("imgcopy", "", "file uploaded", None),
        ("download", "homeprod-6f1d0c52-debian.qcow2", "file downloaded", "homeprod-6f1d0c52-debian.qcow2"),
        ("qmnewthing", "4001021", "qmnewthing", "vm/lab-coder"),
    ],
)
def test_a_task_is_told_in_plain_words(kind: str, about: str, words: str, on: str | None) -> None:
    deed = tell_deed(_record(kind, about), NAMES)
    assert (deed.words, deed.on) == (words, on)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("OK", "ok"),
        (None, "running"),
        ("WARNINGS: 2", "warnings: 2"),
        ("VM is locked (backup)", "failed: VM is locked (backup)"),
        ("", "ended without saying how"),
    ],
)
def test_a_tasks_end_is_told(status: str | None, result: str) -> None:
    assert tell_deed(_record("qmstart", "4001021", status), NAMES).result == result


def test_only_what_concerns_the_site_is_told() -> None:
    ours = [("qmstop", "4001021"), ("imgdel", "4001021@local-nvme"), ("imgdel", "local-hdd"), ("imgcopy", "")]
    ours += [("download", "homeprod-6f1d0c52-debian-13.qcow2")]
    others = [("qmstop", "4001029"), ("imgdel", "999@local-nvme"), ("imgdel", "nas"), ("download", "other.iso")]
    others += [("download", "homeprod-00000000-debian-13.qcow2"), ("aptupdate", ""), ("vncshell", "")]
    assert all(INTEREST.covers(_record(*task)) for task in ours)
    assert not any(INTEREST.covers(_record(*task)) for task in others)
