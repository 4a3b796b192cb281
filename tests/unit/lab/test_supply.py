"""Images built behind a lab that already answers. The builder is a script that does what the test tells it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.lab_server import LabServer
from tests.unit.lab_api.client import Client

from homeprod.lab import supply
from homeprod.lab.folder import LabFolder
from homeprod.lab.image.cache import cache_folder
from homeprod.lab.image.outcome import Builder
from homeprod.lab.image.recipe import find_recipe
from homeprod.lab.image.source import StandIn
from homeprod.lab.process import ProcessMark
from homeprod.lab.seeds import make_stand_in
from homeprod.lab.spec import LabSpec, SeedSpec
from homeprod.lab.status import read_images

SEED = SeedSpec("local:import/a.qcow2", "debian-13")
SPEC = LabSpec("supply", seeds=(SEED, SeedSpec("local:import/b.qcow2", "debian-13")))
BUILDER = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
print("unpacking", flush=True)
while not (folder / "word").exists():
    time.sleep(0.02)
word = (folder / "word").read_text()
if word == "work":
    (folder / "ready.qcow2").rename(sys.argv[2])
else:
    print("error: apt is not there\\nerror:   look at its sources", flush=True)
"""


@dataclass
class Workshop:
    """Where the fake builder works: it goes on when it gets a word (``work``, or another for failure)."""

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def spawn(self, module: str, arguments: tuple[str, ...], output: Path) -> ProcessMark | None:
        assert (module, arguments) == ("homeprod.lab.image", ("debian-13",))
        target = cache_folder() / find_recipe("debian-13").file_name
        target.parent.mkdir(parents=True, exist_ok=True)
        with output.open("ab") as log:
            argv = [sys.executable, "-c", BUILDER, str(self.folder), str(target)]
            self.started.append(subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT))
        return ProcessMark.of(self.started[-1].pid)

    def tell(self, word: str) -> None:
        make_stand_in(self.folder / "ready.qcow2", "the image")
        (self.folder / "word.tmp").write_text(word)
        (self.folder / "word.tmp").rename(self.folder / "word")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "workshop").mkdir()
    shop = Workshop(tmp_path / "workshop")
    monkeypatch.setattr(supply, "spawn_module", shop.spawn)
    yield shop
    for process in shop.started:
        process.kill()
        process.wait(10)


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def begin(lab: LabServer, vmid: int = 100) -> str:
    """The UPID of a create that imports from the seed."""
    answer = Client(lab).call("POST", "/nodes/pve/qemu", vmid=vmid, scsi0=f"local-lvm:0,import-from={SEED.volume}")
    assert answer.status == 200, answer
    return str(answer.data)


def log_of(lab: LabServer, upid: str) -> list[str]:
    return lab.do(lambda hypervisor: list(hypervisor.tasks.find(upid).log))  # type: ignore[union-attr]


def test_a_create_waits_for_the_image_and_says_so(workshop: Workshop, tmp_path: Path) -> None:
    with LabServer(SPEC, tmp_path / "lab") as lab:
        listed = Client(lab).get("/nodes/pve/storage/local/content")
        assert [(entry["volid"], entry["notes"]) for entry in listed] == [
            ("local:import/a.qcow2", "stand-in: debian-13"),
            ("local:import/b.qcow2", "stand-in: debian-13"),
        ]
        upid = begin(lab)
        until(lambda: "debian-13: unpacking" in log_of(lab, upid))
        assert log_of(lab, upid)[0] == "waiting for the image debian-13, which is being built"
        folder = LabFolder("supply", lab.folder)
        assert [(i.kind, i.line) for i in read_images(folder, SPEC)] == [("building", "unpacking")]
        workshop.tell("work")
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "OK"
        assert [i.kind for i in read_images(folder, SPEC)] == ["built"]
        assert Client(lab).get("/nodes/pve/qemu/100/config")["scsi0"] == "local-lvm:vm-100-disk-0,size=1M"
        sizes = {e["volid"]: e["size"] for e in Client(lab).get("/nodes/pve/storage/local/content")}
        assert all(sizes.values())  # both seeds of the recipe
    assert len(workshop.started) == 1


def test_a_failed_build_fails_the_create_with_its_own_error(workshop: Workshop, tmp_path: Path) -> None:
    with LabServer(SPEC, tmp_path / "lab") as lab:
        upid = begin(lab)
        workshop.tell("fail")
        task = lab.run(lab.hypervisor.tasks.wait(upid))
        assert task.exitstatus == "no image debian-13: apt is not there"
        assert "look at its sources" in task.log
        assert lab.hypervisor.machines.find(100) is None  # nothing half-made
        image = read_images(LabFolder("supply", lab.folder), SPEC)[0]
        assert (image.kind, image.line, image.hint) == ("failed", "apt is not there", "look at its sources")


def test_a_restarted_lab_finds_the_builder_at_work(workshop: Workshop, tmp_path: Path) -> None:
    with LabServer(SPEC, tmp_path / "lab") as lab:
        until(lambda: Builder(lab.folder, StandIn("debian-13")).read_log())
    assert workshop.started[0].poll() is None
    with LabServer(SPEC, tmp_path / "lab") as lab:
        upid = begin(lab)
        workshop.tell("work")
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "OK"
    assert len(workshop.started) == 1


def test_a_restarted_lab_tries_a_failed_image_again(workshop: Workshop, tmp_path: Path) -> None:
    workshop.tell("fail")
    with LabServer(SPEC, tmp_path / "lab") as lab:
        until(lambda: read_images(LabFolder("supply", lab.folder), SPEC)[0].kind == "failed")
    (workshop.folder / "word").unlink()
    workshop.tell("work")
    with LabServer(SPEC, tmp_path / "lab") as lab:
        assert lab.run(lab.hypervisor.tasks.wait(begin(lab))).exitstatus == "OK"


def test_a_cached_image_is_there_at_once(workshop: Workshop, tmp_path: Path) -> None:
    image = cache_folder() / find_recipe("debian-13").file_name
    image.parent.mkdir(parents=True)
    make_stand_in(image, "cached")
    with LabServer(SPEC, tmp_path / "lab") as lab:
        assert lab.hypervisor.volumes.path(SEED.volume).samefile(image)
    assert not workshop.started
    image.unlink()  # the lab has it still
    assert [i.kind for i in read_images(LabFolder("supply", tmp_path / "lab"), SPEC)] == ["built"]


def test_a_builder_that_was_killed_is_a_failure(workshop: Workshop, tmp_path: Path) -> None:
    with LabServer(SPEC, tmp_path / "lab") as lab:
        upid = begin(lab)
        workshop.started[0].kill()
        assert lab.run(lab.hypervisor.tasks.wait(upid)).exitstatus == "no image debian-13: its builder was ended"


def test_builders_are_ended_with_the_lab(workshop: Workshop, tmp_path: Path) -> None:
    with LabServer(SPEC, tmp_path / "lab"):
        pass
    supply.end_builders(tmp_path / "lab")
    assert workshop.started[0].wait(10) is not None
    assert Builder(tmp_path / "lab", StandIn("debian-13")).read().kind == "absent"


def test_the_real_builder_says_why_it_cannot(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "homeprod.lab.image", "nonsense"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    (tmp_path / "image-debian-13.log").write_text(done.stdout)
    (tmp_path / "image-debian-13.json").write_text("")
    assert done.stdout.startswith("error: no recipe for an image named nonsense\nerror:   known: debian-13")
