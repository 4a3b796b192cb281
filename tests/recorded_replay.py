"""Replays recorded answers of Proxmox's own code against a lab, a call at a time, and says where they differ.

Before each call the machine's file is set to what was recorded then, and after it to what was recorded after, so
that one difference never causes the next.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.lab_server import LabServer

from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.machine.document import parse_document
from homeprod.lab.machine.drive import parse_drive
from homeprod.lab.machine.options import is_drive, is_unused
from homeprod.lab.ports import StartOrder
from homeprod.lab.spec import LabSpec, SeedSpec, StorageSpec
from homeprod.lab.storage.names import parse_name, split_volume
from homeprod.lab.storage.qcow2 import write_qcow2

MEBI = 1024**2
ALL = ("images", "iso", "import", "vztmpl", "backup", "snippets", "rootdir")
VM_USER = frozenset(
    (
        "VM.Audit", "VM.Backup", "VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.GuestAgent.Audit",
        "VM.GuestAgent.FileRead", "VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.FileWrite", "VM.PowerMgmt",
    )
)  # fmt: skip
BOOTLESS = LabSpec(
    "c1",
    boot=False,
    nodes=("pve", "pve2"),
    storages=(StorageSpec("local", "dir", ALL), StorageSpec("noimg", "dir", ("vztmpl", "iso"))),
    bridges=(),  # the recording machine had none, and says so when a machine starts
    seeds=(SeedSpec("local:import/disk.qcow2", "recorded"),),
)
VERSIONS = {"9": "9.2.1", "8": "8.4.0"}


@dataclass
class Difference:
    """``key`` is ``RUN SEQ``; ``what`` says which part differs, recorded against ours."""

    key: str
    what: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    agreeing: list[str] = field(default_factory=list)
    differing: dict[str, Difference] = field(default_factory=dict)
    not_ours: list[str] = field(default_factory=list)


def find_vectors() -> Path | None:
    """The folder with the recordings: ``HOMEPROD_VECTORS``, or ``../shared/data`` beside the checkout."""
    places = [os.environ.get("HOMEPROD_VECTORS", ""), str(Path(__file__).parents[2] / "shared" / "data")]
    found = (Path(place) for place in places if place and (Path(place) / "proxmox-http.jsonl").exists())
    return next(found, None)


def read_rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The recordings by run: ``main`` (as 9 and as 8), ``front`` (the www-data front end), ``x`` and ``y``."""
    runs: dict[str, list[dict[str, Any]]] = {"main-9": [], "main-8": [], "front-9": [], "x-9": [], "y-9": []}
    for line in (folder / "proxmox-http.jsonl").read_text().splitlines():
        row = json.loads(line)
        source, seq = row["source"], str(row["input"]["seq"])
        if "www-data" in source:
            runs["front-9"].append(row)
        elif seq[0] in "xy":
            runs[f"{seq[0]}-9"].append(row)
        else:
            if not source.startswith("qemu-server 8.3"):
                runs["main-9"].append(row)
            if source.startswith("qemu-server 8.3") or "same result on qemu-server 8.3" in source:
                runs["main-8"].append(row)
    return runs


def replay(run: str, rows: list[dict[str, Any]]) -> Outcome:
    spec = dataclasses.replace(BOOTLESS, version=VERSIONS[run[-1]])
    with LabServer(spec) as lab:
        return Replay(lab, run).run_all(rows)


class Replay:
    def __init__(self, lab: LabServer, run: str) -> None:
        self._lab = lab
        self._run = run
        self._tls = ssl.create_default_context(cafile=str(lab.ca_file))
        self._outcome = Outcome()
        lab.do(_prepare)
        access = lab.hypervisor.access
        self._ticket = access.make_ticket(access.users["root@pam"])
        self._csrf = access.make_csrf(access.users["root@pam"])
        self._bob = access.make_ticket(access.users["bob@pve"])
        self._bob_csrf = access.make_csrf(access.users["bob@pve"])

    def run_all(self, rows: list[dict[str, Any]]) -> Outcome:
        for row in rows:
            self._replay(row)
        return self._outcome

    def _replay(self, row: dict[str, Any]) -> None:
        key = f"{self._run} {row['input']['seq']}"
        self._lab.do(lambda hypervisor: _set_before(hypervisor, row))
        answer = self._send(row["input"])
        task = self._wait(answer)
        vmid = vmid_of(row["input"])
        text = self._lab.do(lambda hypervisor: _text_of(hypervisor, vmid))
        expected = row["parsed"]["status"]
        if answer["status"] == 501 and expected != 501 and "not implemented" in answer["reason"]:
            self._outcome.not_ours.append(key)
        elif what := compare(row, answer, task, text, with_data=self._run.endswith("-9")):
            self._outcome.differing[key] = Difference(key, what)
        else:
            self._outcome.agreeing.append(key)
        self._lab.do(lambda hypervisor: _set_after(hypervisor, row))

    # --- sending ----------------------------------------------------------------------------------------------

    def _send(self, call: dict[str, Any]) -> dict[str, Any]:
        body, headers = make_body(call)
        headers |= self._credentials(call)
        connection = http.client.HTTPSConnection("127.0.0.1", self._lab.port, context=self._tls, timeout=30)
        try:
            connection.request(call["method"], quote(call["path"], safe="/?&=%:;+,@!~"), body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            data = json.loads(content)
        except ValueError:
            data = None
        return {"status": response.status, "reason": response.reason, "body": data}

    def _credentials(self, call: dict[str, Any]) -> dict[str, str]:
        """What the recorder sent is known by kind and note only: secrets are not in the recordings."""
        seq, sent = str(call["seq"]), call.get("headers") or {}
        if "auth" in call and not call["auth"]:
            return {}
        if call.get("auth") == ["Authorization"]:
            return {"Authorization": self._token(seq)}
        if call.get("auth") == ["Cookie"]:
            if seq == "3":
                return {"Cookie": "PVEAuthCookie=PVE:root@pam:00000000::bad"}
            return {"Cookie": f"PVEAuthCookie={quote(self._bob)}", "CSRFPreventionToken": self._bob_csrf}
        if self._run.startswith("front") and seq == "10":
            return {}
        cookie = {"Cookie": f"PVEAuthCookie={quote(self._ticket)}"}
        if not self._run.startswith("front"):
            return {**cookie, "CSRFPreventionToken": self._csrf}
        given = sent.get("CSRFPreventionToken")
        return cookie if given is None else {**cookie, "CSRFPreventionToken": given if given == "bad" else self._csrf}

    def _token(self, seq: str) -> str:
        good = "PVEAPIToken=root@pam!tok=secret"
        if self._run.startswith("front"):
            return good
        return {
            "5": "PVEAPIToken=root@pam!tok=wrong",
            "6": "PVEAPIToken=root@pam!tok:secret",
            "7": good.replace("PVEAPIToken=", "PVEAPIToken "),
            "8": "Bearer secret",
            "9": "PVEAPIToken=nobody@pam!tok=secret",
            "10": good.replace("@", "%40").replace("!", "%21"),
            "11": "PVEAPIToken=root@pam!sep=secret",
        }.get(seq, good)

    def _wait(self, answer: dict[str, Any]) -> dict[str, Any] | None:
        upid = (answer["body"] or {}).get("data")
        if not isinstance(upid, str) or not upid.startswith("UPID:"):
            return None
        task = self._lab.run(self._lab.hypervisor.tasks.wait(upid))
        return {"type": task.kind, "id": task.id, "user": task.user, "exitstatus": task.exitstatus}


def make_body(call: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
    headers = {k: v for k, v in (call.get("headers") or {}).items() if k != "CSRFPreventionToken"}
    if call.get("raw_body") is not None:
        if call["raw_body"] == "x=<600000 times a>":
            return b"x=" + b"a" * 600_000, headers
        return call["raw_body"].encode(), headers
    if call["method"] in ("GET", "DELETE", "HEAD", "OPTIONS"):
        return None, headers
    params = call.get("params")
    if not params:
        return None, headers
    return urlencode(params, doseq=True).encode(), {**headers, "Content-Type": "application/x-www-form-urlencoded"}


# --- the lab's state ------------------------------------------------------------------------------------------


def vmid_of(call: dict[str, Any]) -> int | None:
    match = re.search(r"/qemu/(\d+)", call["path"])
    if match:
        return int(match[1])
    if call["method"] == "POST" and call["path"].endswith("/qemu"):
        found = re.search(r"vmid\D{1,4}(\d+)", call.get("raw_body") or "")
        value = (call.get("params") or {}).get("vmid") or (found[1] if found else None)
        return int(value) if str(value).isdigit() else None
    return None


def _prepare(hypervisor: Hypervisor) -> None:
    access = hypervisor.access
    access.add_user("bob@pve", "secret12", {"/vms": VM_USER})
    access.add_user("off@pve", "secret12")
    access.users["off@pve"].is_enabled = False
    access.add_token("root@pam!tok", "secret", is_separated=False)
    access.add_token("root@pam!sep", "secret")
    image = hypervisor.volumes.path("local:import/disk.qcow2")
    write_qcow2(image, b"\1" * 65536 + bytes(100 * MEBI - 65536))
    hypervisor.catalog.change("local:import/disk.qcow2", size=image.stat().st_size, note="")
    _ensure_volume(hypervisor, "local:iso/debian.iso", MEBI)
    hypervisor.machines.write(900, "pve2", parse_document("memory: 512\n"))


def _ensure_volume(hypervisor: Hypervisor, volume: str, size: int) -> None:
    storage, name = split_volume(volume)
    if storage not in hypervisor.storages or hypervisor.catalog.find(volume) is not None:
        return
    try:
        owner = parse_name(hypervisor.storages[storage], name).owner
    except Exception:  # noqa: BLE001 (odd names are kept as they are recorded)
        return
    file = hypervisor.volumes.path(volume)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        target.truncate(-(-size // 1024) * 1024)
    hypervisor.catalog.add(volume, -(-size // 1024) * 1024, owner=owner)


def _set_text(hypervisor: Hypervisor, vmid: int, text: str) -> None:
    document = parse_document(text)
    for section in (document.current, document.pending):
        for key, value in section.items():
            drive = parse_drive(key, value, hypervisor.release) if is_drive(key) else None
            if drive is not None and drive.is_volume and ":iso/" not in drive.file:
                _ensure_volume(hypervisor, drive.file, drive.size or MEBI)
            elif is_unused(key):
                _ensure_volume(hypervisor, value, 1024 * MEBI)
    hypervisor.machines.write_text(vmid, "pve", text)


def _set_before(hypervisor: Hypervisor, row: dict[str, Any]) -> None:
    call = row["input"]
    vmid = vmid_of(call)
    if vmid is None:
        return
    is_create = call["method"] == "POST" and call["path"].endswith("/qemu")
    if call.get("config_before") is not None:
        _set_text(hypervisor, vmid, call["config_before"])
    elif is_create and vmid in hypervisor.machines and vmid != 900:
        hypervisor.machines.remove(vmid)
    is_running = "running" in row["area"] or "VM running" in (call.get("note") or "")
    if is_running != hypervisor.is_running(vmid):
        runner = hypervisor.runner
        order = StartOrder(vmid, str(vmid), {}, ())
        # Both return at once in a no-boot lab; the coroutine is only driven to its end here.
        work = runner.start(order) if is_running else runner.stop(vmid)
        with contextlib.suppress(StopIteration):
            work.send(None)


def _set_after(hypervisor: Hypervisor, row: dict[str, Any]) -> None:
    vmid = vmid_of(row["input"])
    if vmid is not None and row["printed"] is not None:
        _set_text(hypervisor, vmid, row["printed"])


def _text_of(hypervisor: Hypervisor, vmid: int | None) -> str | None:
    machine = hypervisor.machines.find(vmid) if vmid is not None else None
    if machine is None:
        return None
    return (hypervisor.state / "nodes" / machine.node / "qemu-server" / f"{vmid}.conf").read_text()


# --- comparing ------------------------------------------------------------------------------------------------

_RANDOM = (
    (re.compile(r"(?m)^meta: .*$"), "meta: *"),
    (re.compile(r"(?m)^snaptime: .*$"), "snaptime: *"),
    (re.compile(r"pc-(q35|i440fx)-\d+\.\d+"), r"pc-\1-*"),
    (re.compile(r"pveupload-[0-9a-f]+"), "pveupload-*"),
    (re.compile(r" at <module> line \d+\.?"), ""),
)
_DRAWN = (
    re.compile(r"\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b"),
    re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    re.compile(r"\$5\$[^\s,]+"),
)


def normalize(text: str | None, call: dict[str, Any]) -> str | None:
    """Random parts as ``*``; a MAC or UUID that was given stays."""
    if text is None:
        return None
    given = json.dumps(call.get("params") or {}) + (call.get("raw_body") or "") + (call.get("config_before") or "")
    for pattern, replacement in _RANDOM:
        text = pattern.sub(replacement, text)
    for pattern in _DRAWN:
        text = pattern.sub(lambda match: match[0] if match[0] in given else "*", text)
    return text.strip()


def compare(
    row: dict[str, Any],
    answer: dict[str, Any],
    task: dict[str, Any] | None,
    text: str | None,
    *,
    with_data: bool,
) -> list[str]:
    """What differs. ``with_data`` compares what GET config says, too: not for 8, whose bodies are those of 9."""
    return [
        f"{name}: recorded {recorded!r}, ours {ours!r}"
        for name, recorded, ours in _facts(row, answer, task, text)
        if recorded != ours and (with_data or name != "data")
    ]


def _facts(
    row: dict[str, Any], answer: dict[str, Any], task: dict[str, Any] | None, text: str | None
) -> Iterator[tuple[str, Any, Any]]:
    call, recorded = row["input"], row["parsed"]
    yield "status", recorded["status"], answer["status"]
    yield "reason", normalize(recorded["reason"], call), normalize(answer["reason"], call)
    body, ours = recorded["body"] or {}, answer["body"] or {}
    yield "errors", body.get("errors", {}), ours.get("errors", {})
    if recorded["task"] is not None or task is not None:
        for name in ("type", "id", "exitstatus"):
            then = normalize((recorded["task"] or {}).get(name), call)
            yield f"task {name}", then, normalize((task or {}).get(name), call)
    vmid = vmid_of(call)
    failed = recorded["task"] is not None and recorded["task"]["exitstatus"] != "OK"
    if vmid is not None and call["method"] != "GET":
        if row["printed"] is not None:
            yield "config", normalize(row["printed"], call), normalize(text, call)
        elif call["path"].endswith("/qemu") and failed:
            yield "config", None, text
    if (
        re.search(r"/qemu/\d+/config(\?current=1)?$", call["path"])
        and recorded["status"] == 200
        and call["method"] == "GET"
    ):
        yield "data", *(_normalize_config(one.get("data"), call) for one in (body, ours))


def _normalize_config(data: Any, call: dict[str, Any]) -> Any:
    if not isinstance(data, dict):
        return data
    drawn = {"digest", "meta", "vmgenid", "smbios1", "snaptime"}
    return {
        key: normalize(value, call) if isinstance(value, str) else value
        for key, value in data.items()
        if key not in drawn
    }
