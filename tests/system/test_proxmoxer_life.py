"""proxmoxer, unmodified, drives a machine's whole life in the lab, over TLS with the lab's own authority."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from proxmoxer import ProxmoxAPI, ResourceException
from proxmoxer.tools import Tasks
from tests.lab_server import LabServer

from homeprod.lab.spec import LabSpec, SeedSpec

IMAGE = "local:import/debian-13.qcow2"
CONTENT = b"an image worth having" * 1000


@pytest.fixture
def lab() -> Iterator[LabServer]:
    with LabServer(LabSpec("life", boot=False, seeds=(SeedSpec(IMAGE, "debian-13"),))) as server:
        yield server


@pytest.fixture
def web() -> Iterator[str]:
    """A web server on loopback with one file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/image.iso"
            self.send_response(200 if found else 404)
            self.end_headers()
            if found:
                self.wfile.write(CONTENT)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def connect(lab: LabServer) -> ProxmoxAPI:
    user, _, rest = lab.token.partition("!")
    name, _, secret = rest.partition("=")
    return ProxmoxAPI(
        "127.0.0.1", port=lab.port, user=user, token_name=name, token_value=secret, verify_ssl=str(lab.ca_file)
    )


class Life:
    """One connection; ``wait`` waits for a task as any client would: by polling."""

    def __init__(self, lab: LabServer) -> None:
        self.api = connect(lab)
        self.node = self.api.nodes("pve")

    def wait(self, upid: str) -> str:
        for _ in range(500):
            status = self.node.tasks(upid).status.get()
            if status["status"] == "stopped":
                return str(status["exitstatus"])
            time.sleep(0.02)
        raise AssertionError(Tasks.decode_log(self.node.tasks(upid).log.get()))

    def content(self, storage: str) -> set[str]:
        return {entry["volid"] for entry in self.node.storage(storage).content.get()}


@pytest.fixture(autouse=True)
def no_foreign_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """requests lets these two win over ``verify``."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


def test_a_whole_life(lab: LabServer) -> None:
    life = Life(lab)
    assert life.api.version.get()["release"] == "9.2"
    made = life.node.qemu.post(
        vmid=101, name="web", memory=1024, cores=2, agent=1, scsihw="virtio-scsi-pci", serial0="socket",
        net0="virtio=BC:24:11:00:00:01,bridge=vmbr0", scsi0=f"local-lvm:0,import-from={IMAGE}", tags="homeprod;web",
    )  # fmt: skip
    assert life.wait(made) == "OK"
    machine = life.node.qemu(101)
    assert machine.config.get()["scsi0"] == "local-lvm:vm-101-disk-0,size=1M"
    machine.config.put(description="the web", onboot=1, boot="order=scsi0")
    assert life.wait(machine.resize.put(disk="scsi0", size="8G")) == "OK"
    config = machine.config.get()
    assert (config["scsi0"], config["boot"]) == ("local-lvm:vm-101-disk-0,size=8G", "order=scsi0")
    assert config["tags"] == "homeprod;web"

    assert life.wait(machine.status.start.post()) == "OK"
    assert machine.status.current.get()["status"] == "running"
    with pytest.raises(ResourceException, match="QEMU guest agent is not running"):
        machine.agent.ping.post()
    assert life.wait(machine.status.shutdown.post(timeout=10)) == "OK"
    assert life.wait(machine.status.start.post()) == "OK"
    with pytest.raises(ResourceException, match="VM 101 is running - destroy failed"):
        machine.delete()
    assert life.wait(machine.status.stop.post()) == "OK"

    assert life.wait(machine.delete(purge=1)) == "OK"
    assert life.content("local-lvm") == set()
    with pytest.raises(ResourceException, match="does not exist"):
        machine.config.get()


def test_a_disk_on_two_machines(lab: LabServer) -> None:
    life = Life(lab)
    assert life.wait(life.node.qemu.post(vmid=9101, name="data", scsi0="local-lvm:2,serial=data")) == "OK"
    volume = life.node.qemu(9101).config.get()["scsi0"].split(",")[0]
    assert life.wait(life.node.qemu.post(vmid=101, scsi1=f"{volume},serial=data,backup=1")) == "OK"
    assert life.node.qemu(101).config.get()["scsi1"] == f"{volume},backup=1,serial=data,size=2G"
    assert life.wait(life.node.qemu(101).delete()) == "OK"
    assert life.content("local-lvm") == {volume}


def test_an_uploaded_iso(lab: LabServer, tmp_path: Path) -> None:
    life = Life(lab)
    iso = tmp_path / "seed one.iso"
    iso.write_bytes(CONTENT)
    storage = life.node.storage("local")
    with iso.open("rb") as file:
        assert life.wait(storage.upload.post(content="iso", filename=file)) == "OK"
    volume = "local:iso/seed_one.iso"
    assert volume in life.content("local")
    assert lab.hypervisor.volumes.path(volume).read_bytes() == CONTENT
    assert life.wait(life.node.qemu.post(vmid=101, ide2=f"{volume},media=cdrom")) == "OK"
    # A size that is no whole number of KiB is shown in bytes, as Proxmox does.
    assert life.node.qemu(101).config.get()["ide2"] == f"{volume},media=cdrom,size={len(CONTENT)}"
    assert life.wait(storage.content(volume).delete()) == "OK"
    assert volume not in life.content("local")


def test_downloads(lab: LabServer, web: str) -> None:
    life = Life(lab)
    storage = life.node.storage("local")
    good = {"checksum": hashlib.sha256(CONTENT).hexdigest(), "checksum-algorithm": "sha256"}
    bad = {**good, "checksum": "0" * 64}

    def fetch(name: str, path: str = "/image.iso", **more: str) -> str:
        return life.wait(storage("download-url").post(content="iso", filename=name, url=f"{web}{path}", **more))

    assert fetch("bad.iso", **bad) == f"checksum mismatch: got '{good['checksum']}' != expect '{'0' * 64}'"
    assert fetch("none.iso", "/none.iso").startswith("download failed: ")
    assert life.content("local") == {IMAGE}
    assert fetch("good.iso", **good) == "OK"
    assert lab.hypervisor.volumes.path("local:iso/good.iso").read_bytes() == CONTENT
    assert fetch("good.iso").startswith("refusing to override existing file")
    assert fetch("good.iso", **good) == "OK"


def test_logging_in_with_a_password(lab: LabServer) -> None:
    api = ProxmoxAPI("127.0.0.1", port=lab.port, user="root@pam", password=lab.password, verify_ssl=str(lab.ca_file))
    api.pools.post(poolid="p1")
    assert [pool["poolid"] for pool in api.pools.get()] == ["p1"]
