"""Configurations as typed values: what Proxmox prints, pending changes, and lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recorded_replay import find_vectors

from homeprod.core.errors import ProxmoxError
from homeprod.drivers.proxmox import decode_config, decode_pending, encode_config
from homeprod.drivers.proxmox.listing import (
    check_version,
    decode_content,
    decode_resources,
    decode_version,
)
from homeprod.plan.actual import ListedMachine, ListedNode, ListedStorage, Version, Volume
from homeprod.plan.config import Agent, BootOrder, Config, Drive, Nic, Startup

RAW: dict[str, Any] = {
    "agent": "1",
    "boot": "order=scsi0;net0",
    "cores": 2,
    "description": "a note\n# with a line",
    "digest": "ebc4d376fe29420cae2a06d41926e6cdb04bd765",
    "ide2": "none,media=cdrom",
    "memory": "2048",
    "meta": "creation-qemu=9.0.2,ctime=1700000000",
    "net0": "virtio=bc:24:11:00:00:01,bridge=vmbr0,firewall=1",
    "onboot": 1,
    "protection": 0,
    "scsi0": "local-lvm:vm-100-disk-0,backup=1,size=32G",
    "startup": "order=2,up=30",
    "tags": "b;a",
    "unused0": "local-lvm:vm-100-disk-3",
}
DECODED: Config = {
    "agent": Agent(True),
    "boot": BootOrder(("scsi0", "net0")),
    "cores": 2,
    "description": "a note\n# with a line",
    "digest": "ebc4d376fe29420cae2a06d41926e6cdb04bd765",
    "ide2": Drive("none", None, (("media", "cdrom"),)),
    "memory": 2048,
    "meta": "creation-qemu=9.0.2,ctime=1700000000",
    "net0": Nic("virtio", "BC:24:11:00:00:01", "vmbr0", (("firewall", "1"),)),
    "onboot": True,
    "protection": False,
    "scsi0": Drive("local-lvm:vm-100-disk-0", 32 * 1024**3, (("backup", "1"),)),
    "startup": Startup(2, 30),
    "tags": frozenset({"a", "b"}),
    "unused0": Drive("local-lvm:vm-100-disk-3"),
}


def test_decoding() -> None:
    assert decode_config(RAW) == DECODED


def test_encoding_is_decodings_reverse() -> None:
    encoded = encode_config(DECODED)
    assert encoded["net0"] == "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1"
    assert encoded["tags"] == "a;b"
    assert (encoded["onboot"], encoded["protection"]) == ("1", "0")
    assert decode_config(encoded) == DECODED


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("net0", "future=BC:24:11:00:00:01,x"),
        ("boot", "cdn"),
        ("memory", "lots"),
        ("startup", "order=any"),
        ("scsi0", "a,b"),
        ("scsi31", "local:100/x.raw"),
        ("onboot", "perhaps"),
    ],
)
def test_what_no_form_fits_stays_text(key: str, text: str) -> None:
    assert decode_config({key: text}) == {key: text}


def test_an_empty_boot_order_reads_back_as_a_space() -> None:
    assert decode_config({"boot": " "}) == {"boot": BootOrder(())}


def test_memory_as_a_property_string() -> None:
    assert decode_config({"memory": "current=4096"}) == {"memory": 4096}


@given(st.dictionaries(st.sampled_from([*RAW, "virtio1", "sata0", "net31", "name"]), st.text() | st.integers()))
def test_decoding_never_fails_and_is_stable(raw: dict[str, Any]) -> None:
    once = decode_config(raw)
    assert decode_config(encode_config(once)) == once


def test_pending() -> None:
    machine = decode_pending(
        [
            {"key": "cores", "value": 1, "pending": 3},
            {"key": "net0", "value": "virtio=BC:24:11:00:05:00", "delete": 1},
            {"key": "scsi1", "value": "local-lvm:vm-100-disk-1,size=1G", "delete": 2},
            {"key": "agent", "pending": "0"},
            {"key": "memory", "value": "512"},
            {"key": "digest", "value": "ef1e"},
        ]
    )
    assert machine.digest == "ef1e"
    assert machine.config == {
        "cores": 1,
        "net0": Nic("virtio", "BC:24:11:00:05:00", None),
        "scsi1": Drive("local-lvm:vm-100-disk-1", 1024**3),
        "memory": 512,
    }
    assert machine.pending == {"cores": 3, "net0": None, "scsi1": None, "agent": Agent(False)}


def test_pending_without_a_digest() -> None:
    assert decode_pending([{"key": "cores", "value": 1}]).digest == ""


def test_recorded_configurations() -> None:
    """Every configuration that was recorded is read, keeps every key, and is stable when written and read again."""
    folder = find_vectors()
    if folder is None:
        pytest.skip("no recorded answers here: set HOMEPROD_VECTORS to the folder with proxmox-http.jsonl")
    seen = 0
    for raw in _recorded_configurations(folder):
        seen += 1
        decoded = decode_config(raw)
        assert decoded.keys() == raw.keys()
        assert decode_config(encode_config(decoded)) == decoded
        untyped = [key for key in decoded if key.startswith(("scsi", "net")) and isinstance(decoded[key], str)]
        assert set(untyped) <= {"scsihw"}, (untyped, raw)
    assert seen > 100


def _recorded_configurations(folder: Path) -> list[dict[str, Any]]:
    found = []
    for text in (folder / "proxmox-http.jsonl").read_text().splitlines():
        row = json.loads(text)
        answer, path = row["parsed"], row["input"]["path"]
        if not isinstance(answer, dict) or answer.get("status") != 200 or row["input"]["method"] != "GET":
            continue
        data = (answer.get("body") or {}).get("data")
        if path.endswith("/config") and isinstance(data, dict):
            found.append(data)
        if path.endswith("/pending") and isinstance(data, list):
            found.append({item["key"]: item["value"] for item in data if "value" in item})
    for text in (folder / "proxmox-forms.jsonl").read_text().splitlines():
        row = json.loads(text)
        if row["area"].startswith("config-line") and row["parsed"]:
            found.append({key: value for key, value in row["parsed"].items() if not isinstance(value, (dict, list))})
    return found


def test_resources() -> None:
    resources = decode_resources(
        [
            {"type": "qemu", "vmid": 100, "node": "pve", "name": "a", "status": "running", "tags": "x;y",
             "lock": "backup"},
            {"type": "lxc", "vmid": 101, "node": "pve", "status": "stopped", "template": 1},
            {
                "type": "storage", "storage": "local", "node": "pve", "plugintype": "dir", "content": "iso,import",
                "shared": 0, "status": "available", "disk": 5, "maxdisk": 10,
            },
            {"type": "storage", "storage": "nas", "node": "pve", "plugintype": "nfs", "shared": 1,
             "status": "unknown"},
            {"type": "node", "node": "pve", "status": "online", "maxmem": 1024},
            {"type": "node", "node": "off", "status": "offline"},
            {"type": "sdn", "node": "pve"},
            {"type": "pool", "pool": "p"},
        ]
    )  # fmt: skip
    assert resources.machines == (
        ListedMachine(100, "pve", "a", "running", frozenset({"x", "y"}), "backup"),
        ListedMachine(101, "pve", "", "stopped", is_template=True, is_container=True),
    )
    assert resources.storages == (
        ListedStorage("local", "pve", "dir", frozenset({"iso", "import"}), used=5, total=10),
        ListedStorage("nas", "pve", "nfs", frozenset(), is_shared=True, is_available=False),
    )
    assert resources.nodes == (ListedNode("pve", True, 1024), ListedNode("off", False))


def test_content() -> None:
    listed = decode_content(
        [
            {"volid": "local-lvm:vm-100-disk-0", "content": "images", "size": 10, "vmid": 100, "notes": "mine"},
            {"volid": "local:200/vm-200-disk-0.qcow2", "content": "images", "size": 20},
            {"volid": "local:iso/x.iso", "content": "iso", "size": 3},
        ]
    )
    assert listed == (
        Volume("local-lvm:vm-100-disk-0", "images", 10, 100, "mine"),
        Volume("local:200/vm-200-disk-0.qcow2", "images", 20, 200),
        Volume("local:iso/x.iso", "iso", 3),
    )


@pytest.mark.parametrize(
    ("answer", "release"),
    [
        ({"version": "9.2.3", "release": "9.2"}, (9, 2)),
        ({"version": "8.4.14", "release": "8.4"}, (8, 4)),
        ({"version": "9.0.10"}, (9, 0)),
    ],
)
def test_versions(answer: dict[str, str], release: tuple[int, int]) -> None:
    version = decode_version(answer)
    assert version == Version(release, answer["version"])
    check_version(version)


@pytest.mark.parametrize(
    ("release", "words", "hint"),
    [
        ((7, 4), "too old: homeprod needs 8.4 or 9.x", "upgrade the cluster"),
        ((8, 3), "too old", "upgrade the cluster"),
        ((10, 0), "newer than homeprod knows", "upgrade homeprod"),
    ],
)
def test_versions_that_are_not_supported(release: tuple[int, int], words: str, hint: str) -> None:
    version = Version(release, f"{release[0]}.{release[1]}.1")
    with pytest.raises(ProxmoxError, match=words) as caught:
        check_version(version)
    assert version.text in caught.value.message
    assert hint in caught.value.hint


def test_a_version_of_no_known_form() -> None:
    with pytest.raises(ProxmoxError, match="unknown form of version"):
        decode_version({"version": "unstable"})
