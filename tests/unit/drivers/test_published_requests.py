"""The checker of requests finds what is wrong, so that its silence over the driver suite means something."""

from __future__ import annotations

import pytest
from tests.published_requests import check_request

CONFIG = "/nodes/pve/qemu/100/config"


@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        ("GET", "/version", {}),
        ("POST", CONFIG, {"cores": "2", "net0": "virtio=02:00:00:00:00:01,bridge=vmbr0,tag=5"}),
        ("POST", "/nodes/pve/qemu", {"vmid": "100", "scsi0": "local-lvm:0,import-from=local:import/x.qcow2"}),
        ("DELETE", "/nodes/pve/storage/local/content/local:iso/x.iso", {}),
    ],
)
def test_valid_requests(method: str, path: str, parameters: dict[str, str]) -> None:
    assert list(check_request(method, path, parameters)) == []


@pytest.mark.parametrize(
    ("method", "path", "parameters", "fault"),
    [
        ("GET", "/nosuch", {}, "not published"),
        ("PUT", "/version", {}, "not published"),
        ("POST", CONFIG, {"core": "2"}, "unknown parameter"),
        ("POST", CONFIG, {"cores": "two"}, "no integer"),
        ("POST", CONFIG, {"cores": "0"}, "out of bounds"),
        ("POST", CONFIG, {"onboot": "True"}, "no boolean"),
        ("POST", CONFIG, {"net0": "virtio=02:00:00:00:00:01,bridge=vmbr0,tags=5"}, "tags: unknown key"),
        ("POST", CONFIG, {"net0": "virtio=02:00:00:00:00:01,tag=5000"}, "tag=5000: out of bounds"),
        ("POST", CONFIG, {"scsi0": "local-lvm:1,cache=off"}, "none of"),
        ("POST", "/nodes/pve/qemu", {}, "vmid: missing"),
        ("PUT", "/nodes/pve/qemu/100/resize", {"disk": "scsi0", "size": "2GB"}, "does not match"),
        ("POST", "/nodes/pve/storage/local/upload", {"content": "iso", "filename": "x", "checksum": "0"}, "requires"),
    ],
)
def test_faults(method: str, path: str, parameters: dict[str, str], fault: str) -> None:
    assert any(fault in found for found in check_request(method, path, parameters))
