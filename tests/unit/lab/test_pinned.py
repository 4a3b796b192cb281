"""The site's own images behind a lab that already answers, brought by the real builder from a server on loopback."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.drivers.imageserver import IMAGE, ImageServer
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.core.errors import LabError
from homeprod.lab.folder import LabFolder
from homeprod.lab.image.cache import cache_folder
from homeprod.lab.image.outcome import Builder
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.source import StandIn, list_sources
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import LabSpec, SeedSpec
from homeprod.lab.status import read_images, read_status
from homeprod.lab.supply import end_builders

VOLUME = "local:import/a.raw"
HALF, CHUNK = len(IMAGE) // 2, 64 * 1024


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    for folder in tmp_path.glob("lab*"):
        end_builders(folder)


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


def pinned(server: ImageServer, volume: str = VOLUME, checksum: str = "") -> LabSpec:
    seed = SeedSpec(volume, "debian-13", server.url, checksum or server.sha256)
    return LabSpec("pins", boot=False, seeds=(seed,), images="pinned")


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def begin(lab: LabServer, vmid: int = 100, volume: str = VOLUME) -> str:
    """The UPID of a create that imports from the seed."""
    answer = Client(lab).call("POST", "/nodes/pve/qemu", vmid=vmid, scsi0=f"local-lvm:0,import-from={volume}")
    assert answer.status == 200, answer
    return str(answer.data)


def log_of(lab: LabServer, upid: str) -> list[str]:
    return lab.do(lambda hypervisor: list(hypervisor.tasks.find(upid).log))  # type: ignore[union-attr]


def shown(lab: LabServer) -> list[tuple[str, str, int]]:
    content = Client(lab).get("/nodes/pve/storage/local/content")
    return [(entry["volid"], entry.get("notes", ""), entry["size"]) for entry in content]


def states(lab: LabServer) -> list[str]:
    return [image.kind for image in read_images(LabFolder("pins", lab.folder), lab.spec)]


def disk(lab: LabServer, vmid: int = 100) -> bytes:
    return lab.hypervisor.volumes.path(f"local-lvm:vm-{vmid}-disk-0").read_bytes()


def builder(server: ImageServer, folder: Path) -> Builder:
    return Builder(folder, Pin(server.url, server.sha256))


def test_a_create_waits_for_the_download_and_gets_the_very_image(server: ImageServer, tmp_path: Path) -> None:
    server.stop_at = HALF
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        upid = begin(lab)
        assert server.stopped.wait(30)
        until(lambda: f"image.raw: bringing {server.url}" in log_of(lab, upid))
        assert log_of(lab, upid)[0] == "waiting for the image image.raw, which is being downloaded"
        assert shown(lab) == [(VOLUME, "not downloaded yet", 0)]
        assert states(lab) == ["building"]
        server.go_on.set()
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "OK"
        assert disk(lab) == IMAGE
        assert shown(lab) == [(VOLUME, "", len(IMAGE))]
        assert states(lab) == ["built"]


def test_a_wrong_checksum_fails_the_create_and_says_what_next(server: ImageServer, tmp_path: Path) -> None:
    with LabServer(pinned(server, checksum="0" * 64), tmp_path / "lab") as lab:
        task = lab.run(lab.hypervisor.tasks.wait(begin(lab)))
        assert task.exitstatus == (
            f"no image image.raw: {server.url}: wrong checksum: sha256 is {server.sha256}, not {'0' * 64}"
        )
        assert "compare the image's checksum with the one its publisher gives" in task.log
        assert "  homeprod lab up pins --images stand-in" in task.log
        assert lab.hypervisor.machines.find(100) is None
        assert states(lab) == ["failed"]
        assert shown(lab) == [(VOLUME, "not downloaded yet", 0)]


def test_a_killed_builder_fails_the_create_and_the_next_lab_goes_on(server: ImageServer, tmp_path: Path) -> None:
    server.content, server.stop_at = IMAGE * 4, 2 * CHUNK
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        upid = begin(lab)
        part = cache_folder() / f"{server.sha256[:32]}.raw.part"
        until(lambda: part.exists() and part.stat().st_size == 2 * CHUNK)
        mark = builder(server, lab.folder).find()
        assert mark is not None
        os.kill(mark.pid, signal.SIGKILL)
        task = lab.run(lab.hypervisor.tasks.wait(upid))
        assert task.exitstatus == "no image image.raw: its builder was ended"
    server.go_on.set()
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab))).exitstatus == "OK"
        assert disk(lab) == IMAGE * 4
    assert server.asked == [None, f"bytes={2 * CHUNK}-"]


def test_a_restarted_lab_finds_the_download_going_on(server: ImageServer, tmp_path: Path) -> None:
    server.stop_at = HALF
    with LabServer(pinned(server), tmp_path / "lab"):
        assert server.stopped.wait(30)
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        upid = begin(lab)
        server.go_on.set()
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "OK"
    assert server.asked == [None]


def test_another_lab_asks_nobody(server: ImageServer, tmp_path: Path) -> None:
    with LabServer(pinned(server), tmp_path / "lab-1") as lab:
        until(lambda: states(lab) == ["built"])
    with LabServer(pinned(server), tmp_path / "lab-2") as lab:
        assert shown(lab) == [(VOLUME, "", len(IMAGE))]
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab))).exitstatus == "OK"
    assert server.asked == [None]


def test_two_volumes_of_one_image_are_one_download(server: ImageServer, tmp_path: Path) -> None:
    spec = pinned(server)
    other = dataclasses.replace(spec.seeds[0], volume="local:import/b.raw")
    spec = dataclasses.replace(spec, seeds=(*spec.seeds, other))
    with LabServer(spec, tmp_path / "lab") as lab:
        until(lambda: [size for _, _, size in shown(lab)] == [len(IMAGE)] * 2)
    assert server.asked == [None]


def test_a_lab_keeps_an_image_that_went_from_the_cache(server: ImageServer, tmp_path: Path) -> None:
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        until(lambda: shown(lab) == [(VOLUME, "", len(IMAGE))])
    for file in cache_folder().glob("*.raw"):
        file.unlink()
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        until(lambda: states(lab) == ["built"])  # its builder may still be about to end
        assert shown(lab) == [(VOLUME, "", len(IMAGE))]
    assert server.asked == [None]


def test_there_and_back_again(server: ImageServer, tmp_path: Path) -> None:
    """What was made from an image stays as it is; what is made from now on is made from the other one."""
    spec = pinned(server)
    with LabServer(dataclasses.replace(spec, images="stand-in"), tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab, 100))).exitstatus == "OK"
        stand_in = disk(lab, 100)
        assert [note for _, note, _ in shown(lab)] == ["stand-in: debian-13"]
    with LabServer(spec, tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab, 101))).exitstatus == "OK"
        assert (disk(lab, 100), disk(lab, 101)) == (stand_in, IMAGE)
        assert [note for _, note, _ in shown(lab)] == [""]
    with LabServer(dataclasses.replace(spec, images="stand-in"), tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab, 102))).exitstatus == "OK"
        assert (disk(lab, 101), disk(lab, 102)) == (IMAGE, stand_in)
        assert [note for _, note, _ in shown(lab)] == ["stand-in: debian-13"]


def test_what_came_over_the_api_is_left_alone(server: ImageServer, tmp_path: Path) -> None:
    spec = pinned(server)
    with LabServer(dataclasses.replace(spec, seeds=()), tmp_path / "lab") as lab:
        file = lab.hypervisor.volumes.path(VOLUME)
        file.parent.mkdir(parents=True)
        file.write_bytes(b"real")
        lab.do(lambda hypervisor: hypervisor.catalog.add(VOLUME, 4))
    with LabServer(spec, tmp_path / "lab") as lab:
        assert shown(lab) == [(VOLUME, "", 4)]
        assert lab.hypervisor.volumes.path(VOLUME).read_bytes() == b"real"
    assert server.asked == []


def test_a_login_in_the_address_stays_out_of_what_others_can_see(server: ImageServer, tmp_path: Path) -> None:
    server.stop_at = HALF
    spec = pinned(server)
    url = server.url.replace("http://", "http://me:canary@")
    spec = dataclasses.replace(spec, seeds=(dataclasses.replace(spec.seeds[0], url=url),))
    spec.write(tmp_path / "lab.json")
    with LabServer(spec, tmp_path / "lab") as lab:
        upid = begin(lab)
        assert server.stopped.wait(30)
        folder = LabFolder("pins", lab.folder)
        spec.write(folder.spec_file)
        mark = ProcessMark.read(next(lab.folder.glob("image-*.json")))
        assert mark is not None
        assert b"canary" not in Path(f"/proc/{mark.pid}/cmdline").read_bytes()
        assert b"canary" not in Path(f"/proc/{mark.pid}/environ").read_bytes()
        (order,) = lab.folder.glob("image-*.pin")
        assert stat.S_IMODE(order.stat().st_mode) == 0o600
        assert "canary" not in json.dumps(read_status(folder).as_json())
        server.go_on.set()
        task = lab.run(lab.hypervisor.tasks.wait(upid))
        assert "canary" not in "".join(task.log)
    assert "canary" not in "".join(file.read_text() for file in (tmp_path / "lab").glob("*.log"))


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("raw", ()),
        ("qcow2", ("-c",)),
        ("qcow2", ("-c", "-o", "compression_type=zstd")),
        ("img", ("-o", "extended_l2=on")),
        ("vmdk", ("-o", "subformat=streamOptimized")),
        ("vmdk", ()),
    ],
)
def test_every_format_ends_as_the_same_disk(tmp_path: Path, ending: str, options: tuple[str, ...]) -> None:
    raw, file = tmp_path / "raw", tmp_path / "image"
    raw.write_bytes(IMAGE.ljust(4 * 1024**2, b"\0"))
    kind = "qcow2" if ending == "img" else ending
    argv = ["qemu-img", "convert", "-f", "raw", "-O", kind, *options, str(raw), str(file)]
    subprocess.run(argv, check=True, timeout=60)
    volume = f"local:import/a.{kind}"
    with (
        ImageServer(file.read_bytes(), f"image.{ending}") as server,
        LabServer(pinned(server, volume), tmp_path / "lab") as lab,
    ):
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab, volume=volume))).exitstatus == "OK"
        assert disk(lab) == raw.read_bytes()


def test_a_vmdk_can_be_stood_in_for(server: ImageServer, tmp_path: Path) -> None:
    spec = dataclasses.replace(pinned(server, "local:import/a.vmdk"), images="stand-in")
    with LabServer(spec, tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab, volume="local:import/a.vmdk"))).exitstatus == "OK"
        assert len(disk(lab)) == 1024**2


def test_a_description_of_before_there_were_pins_is_read(tmp_path: Path) -> None:
    spec = LabSpec("old", seeds=(SeedSpec(VOLUME, "debian-13"),))
    known = dataclasses.asdict(spec)
    del known["images"]
    for name in ("url", "checksum", "algorithm"):
        del known["seeds"][0][name]
    file = tmp_path / "lab.json"
    file.write_text(json.dumps(known))
    assert LabSpec.read(file) == spec
    assert list_sources(spec) == {StandIn("debian-13"): [VOLUME]}
    with pytest.raises(LabError) as caught:
        list_sources(dataclasses.replace(spec, images="pinned"))
    assert caught.value.message == f"the lab does not know where {VOLUME} comes from"
    assert "homeprod lab up old --images stand-in" in caught.value.hint


def test_a_journal_of_before_there_were_pins_is_read(server: ImageServer, tmp_path: Path) -> None:
    (tmp_path / "lab" / "volumes" / "local" / "import").mkdir(parents=True)
    (tmp_path / "lab" / "volumes" / "local" / "import" / "a.raw").write_bytes(b"a stand-in")
    record = {"volume": VOLUME, "size": 10, "ctime": 1, "owner": None, "note": "stand-in: debian-13"}
    (tmp_path / "lab" / "volumes.jsonl").write_text(json.dumps({**record, "is_protected": False}) + "\n")
    with LabServer(pinned(server), tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab))).exitstatus == "OK"
        assert disk(lab) == IMAGE
