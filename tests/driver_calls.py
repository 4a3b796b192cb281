"""Every call that the Proxmox driver can send, found by calling every verb that it has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from homeprod.drivers.proxmox import Endpoint, ProxmoxHypervisor, Settings, Token
from homeprod.drivers.proxmox.patient import ProxmoxPatient
from homeprod.drivers.proxmox.transport.connection import Connection
from homeprod.drivers.proxmox.transport.credential import SecretText
from homeprod.engine.ports import Task

TOKEN = Token("homeprod@pve", "cli", SecretText("secret"))
UPID = "UPID:pve:00001234:0000ABCD:65A1B2C3:qmcreate:100:root@pam:"
SAMPLES: dict[str, Any] = {
    "node": "pve",
    "vmid": 100,
    "machines": [("pve", 100)],
    "storage": "local",
    "config": {"name": "a"},
    "slot": "scsi0",
    "size": 2**30,
    "timeout": 60,
    "filename": "x.iso",
    "file": b"x",
    "url": "https://images.invalid/x.qcow2",
    "content": "iso",
    "checksum": "0" * 64,
    "algorithm": "sha256",
    "volume": "local:iso/x.iso",
    "path": "/x",
    "task": Task(UPID, "pve"),
    "name": "p",
    "comment": "x",
    "to": 101,
    "as_slot": "scsi1",
    "nodes": ["pve"],
}
"""By the parameter's name; a verb with another one says so here."""
SILENT = {
    "close",
    "describe_separation",
    "find_lacks",
    "find_unseen_backups",
    "judge_version",
    "list_lacks",
    "notice_endpoints",
}
"""Verbs that send nothing."""
NOT_OURS = {"read_certificate"}
"""A handshake, without a request."""


class _NoAnswerError(Exception):
    """Raised in place of an answer."""


class _Listener(Connection):
    def __init__(self, heard: set[tuple[str, str]]) -> None:
        super().__init__(Endpoint("pve.invalid"), TOKEN)
        self.heard = heard

    def _send(self, method: str, path: str, *_: Any, **__: Any) -> bytes:
        self.heard.add((method, path))
        raise _NoAnswerError


def list_calls() -> list[tuple[str, str]]:
    """Method and path below ``/api2/json``, each once; with the log-in, and a task's log, which a verb reaches only
    after an answer."""
    heard: set[tuple[str, str]] = set()
    for thing in (ProxmoxHypervisor(_Listener(heard)), _make_patient(heard)):
        for name, verb in _list_verbs(thing):
            before = len(heard)
            wanted = inspect.signature(verb).parameters.values()
            needed = [given for given in wanted if given.default is inspect.Parameter.empty]
            lacking = [given.name for given in needed if given.name not in SAMPLES]
            assert not lacking, (
                f"{name} needs {lacking}: add a sample, or name the verb among those that send nothing"
            )
            arguments = {given.name: SAMPLES[given.name] for given in needed}
            _call(verb, arguments)
            assert len(heard) >= before
    log = next(path for _, path in heard if path.endswith("/status") and "/tasks/" in path)
    return sorted({*heard, ("POST", "/access/ticket"), ("GET", re.sub("status$", "log", log))})


def _make_patient(heard: set[tuple[str, str]]) -> ProxmoxPatient:
    patient = ProxmoxPatient(Settings(Endpoint("pve.invalid"), TOKEN))
    patient._connection = _Listener(heard)
    patient._hypervisor = ProxmoxHypervisor(patient._connection)
    return patient


def _list_verbs(thing: object) -> Iterator[tuple[str, Any]]:
    for name, verb in inspect.getmembers(thing, inspect.ismethod):
        if not name.startswith("_") and name not in SILENT | NOT_OURS:
            yield name, verb


def _call(verb: Any, arguments: dict[str, Any]) -> None:
    try:
        verb(**arguments)
    except _NoAnswerError:
        return
    raise AssertionError(f"{verb.__name__} sends nothing: name it so")
