"""A lab made from the images that its site pins, as a person uses it; the images come from a server on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.drivers.imageserver import IMAGE, ImageServer
from tests.home import Home

from homeprod.core.sizes import GiB
from homeprod.lab.image.cache import ensure_image
from homeprod.lab.spec import LabSpec, SeedSpec
from homeprod.plan.config import NewDrive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home = Home(tmp_path)
    home.do("init", "site")
    yield home
    home.clear()


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer(b"QFI\xfb is how it begins", "image.qcow2") as images:
        yield images


def pin(home: Home, url: str, checksum: str, algorithm: str = "sha256", via: str = "fetch") -> None:
    """The site's image comes from ``url``."""
    config = home.folder / "site" / "modules" / "_config.py"
    text = config.read_text()
    start = text.index("debian_13 = Image(")
    end = text.index(")\n", start)
    image = f'release="debian-13", url="{url}", checksum="{checksum}", algorithm="{algorithm}", on=files, via="{via}"'
    config.write_text(f"{text[:start]}debian_13 = Image({image}{text[end:]}")


def run(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return home.run("--site", str(home.folder / "site"), *arguments)


def up(home: Home, *more: str) -> str:
    done = run(home, "lab", "up", "p", "--no-boot", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuse(home: Home) -> str:
    """What ``up`` says where it must fail."""
    done = run(home, "lab", "up", "p", "--no-boot", "--images", "pinned")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "or let a stand-in take its place:\n\n    homeprod lab up p --images stand-in\n" in done.stderr
    return next(line for line in done.stderr.splitlines() if line.startswith("error: "))


def image(home: Home) -> dict[str, Any]:
    (found,) = home.status("p")["images"]
    return dict(found)


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_the_sites_own_image_is_downloaded_once_and_is_what_machines_are_made_from(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "raw").write_bytes(IMAGE.ljust(2 * 1024**2, b"\0"))
    argv = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", tmp_path / "raw", tmp_path / "image"]
    subprocess.run(argv, check=True, timeout=60)
    content = (tmp_path / "image").read_bytes()
    with ImageServer(content, "debian.img") as server:
        pin(home, server.url, hashlib.sha512(content).hexdigest(), "sha512")
        assert "\n  image     pinned: debian.img, downloaded\n" in up(home, "--images", "pinned")
    known = home.status("p")
    assert (known["images_from"], known["stand_ins"]) == ("pinned", {})
    volume = image(home)["volumes"][0]
    assert image(home) == {
        "name": "debian.img",
        "recipe": None,
        "url": server.url,
        "volumes": [volume],
        "state": "built",
        "line": "",
        "hint": "",
    }
    assert f"\n  {volume}  pinned: debian.img\n" in home.do("lab", "status", "p")
    assert run(home, "--lab", "p", "apply", "--yes", "--no-wait").returncode == 0
    plan = run(home, "--lab", "p", "plan", "--json")
    assert (plan.returncode, json.loads(plan.stdout)["changes"]) == (0, [])
    assert "stand-in" not in plan.stdout
    (disk,) = (home.lab("p") / "volumes" / "local-lvm").glob("vm-4001*-disk-0")
    with disk.open("rb") as made:
        assert made.read(2 * 1024**2) == (tmp_path / "raw").read_bytes()

    # The server is gone. A lab keeps what it was made from, another one has it from the cache.
    assert "lab p is up already" in up(home)
    home.do("lab", "down", "p", "--disks")
    assert "pinned: debian.img, downloaded" in up(home, "--images", "pinned")
    assert server.asked == [None]


def test_stand_ins_unless_one_says_otherwise_and_back_again(home: Home, server: ImageServer) -> None:
    pin(home, server.url, server.sha256)
    up(home)
    assert home.status("p")["images_from"] == "stand-in"
    assert server.asked == []
    up(home, "--images", "pinned")
    assert home.status("p")["images_from"] == "pinned"
    home.do("lab", "up", "p")  # without the site it is as it was
    assert home.status("p")["images_from"] == "pinned"
    home.do("lab", "up", "p", "--images", "stand-in")
    assert set(home.status("p")["stand_ins"].values()) == {"debian-13"}
    home.do("lab", "up", "p", "--images", "pinned")
    assert home.status("p")["stand_ins"] == {}


def test_what_goes_wrong_is_said_with_the_next_step_and_the_next_up_mends_it(home: Home, server: ImageServer) -> None:
    url = server.url
    pin(home, url, "0" * 64)
    assert f"{url}: wrong checksum: sha256 is {server.sha256}, not 000" in refuse(home)
    assert image(home)["state"] == "failed"
    assert "wrong checksum" in image(home)["line"]
    assert "publisher" in image(home)["hint"]
    pin(home, url, server.sha256)
    server.failures = [404]
    assert f"{url}: the server said 404 Not Found" in refuse(home)
    assert "pinned: image.qcow2, downloaded" in up(home)


def test_a_failed_image_fails_the_apply_and_a_stand_in_saves_it(home: Home) -> None:
    pin(home, "https://images.invalid/x.qcow2", "0" * 64)
    assert "https://images.invalid/x.qcow2: download failed: " in refuse(home)
    done = run(home, "--lab", "p", "apply", "--yes", "--no-wait")
    assert done.returncode == 1
    assert "no image x.qcow2: https://images.invalid/x.qcow2: download failed: " in done.stderr
    assert "Traceback" not in done.stderr
    up(home, "--images", "stand-in")
    assert run(home, "--lab", "p", "apply", "--yes", "--no-wait").returncode == 0


def test_a_file_of_this_machine(home: Home, tmp_path: Path) -> None:
    (tmp_path / "my.raw").write_bytes(IMAGE)
    pin(home, f"file://{tmp_path}/my.raw", hashlib.sha256(IMAGE).hexdigest(), via="upload")
    assert "pinned: my.raw, downloaded" in up(home, "--images", "pinned")
    (tmp_path / "my.raw").unlink()
    assert run(home, "--lab", "p", "apply", "--yes", "--no-wait").returncode == 0


def test_an_interrupted_wait_goes_on_behind_it_and_down_ends_it(home: Home, server: ImageServer) -> None:
    server.content, server.stop_at = b"QFI\xfb" * 65536, 65536
    pin(home, server.url, server.sha256)
    environment = {**os.environ, "XDG_STATE_HOME": str(home.folder / "state")}
    words = ["--site", str(home.folder / "site"), "lab", "up", "p", "--no-boot", "--images", "pinned"]
    argv = [sys.executable, "-m", "homeprod", *words]
    with subprocess.Popen(argv, env=environment, cwd=home.folder, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        while not waiting.stderr.readline().startswith("image image.qcow2: "):
            assert waiting.poll() is None
        assert server.stopped.wait(30)
        waiting.send_signal(signal.SIGINT)
        said = waiting.stderr.read()
        assert waiting.wait(30) == 130
    assert "lab p is up, and its images go on being made" in said
    assert image(home)["state"] == "building"
    assert "pinned: image.qcow2, being downloaded: " in home.do("lab", "status", "p")
    cache = home.folder / "cache" / "homeprod" / "images"
    until(lambda: [file.stat().st_size for file in cache.glob("*.part")] == [65536])
    home.do("lab", "down", "p")
    server.go_on.set()
    assert "pinned: image.qcow2, downloaded" in up(home)
    assert server.asked == [None, "bytes=65536-"]


def test_a_download_that_nobody_wants_any_more_is_ended(home: Home, server: ImageServer) -> None:
    server.stop_at = 4
    pin(home, server.url, server.sha256)
    up(home, "--images", "pinned", "--no-wait")
    assert server.stopped.wait(30)
    up(home, "--images", "stand-in")
    assert list(home.lab("p").glob("image-*.json")) == []
    assert list(home.lab("p").glob("image-*.pin")) == []


@pytest.mark.guest
@pytest.mark.namespace
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.geteuid() != 0, reason="a lab that boots machines makes network namespaces: run as root")
def test_a_pinned_raw_image_boots(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real Debian, in another format and by another name than the lab would have built it."""
    cache = os.environ["XDG_CACHE_HOME"]
    monkeypatch.delenv("XDG_CACHE_HOME")
    built = ensure_image("debian-13", lambda _: None)
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    raw = home.folder / "debian.raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(built), str(raw)], check=True, timeout=120)
    with raw.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    home.lab("p").mkdir(parents=True)
    seed = SeedSpec("local:import/debian.raw", "debian-13", f"file://{raw}", checksum)
    LabSpec("p", seeds=(seed,)).write(home.lab("p") / "lab.json")
    done = home.run("lab", "up", "p", "--images", "pinned")
    assert done.returncode == 0, done.stderr
    assert "pinned: debian.raw, downloaded" in done.stdout
    assert "a lab's network has no way out" in done.stderr
    with home.hypervisor("p") as hypervisor:
        config = {
            "name": "web",
            "memory": 512,
            "cores": 2,
            "scsihw": "virtio-scsi-pci",
            "scsi0": NewDrive("local-lvm", 4 * GiB, import_from=seed.volume),
        }
        hypervisor.wait(hypervisor.create_machine("pve", 100, config))
        hypervisor.wait(hypervisor.start_machine("pve", 100))
    console = home.lab("p") / "serial" / "100.log"
    until(lambda: b"Cloud-init v" in console.read_bytes(), seconds=400)  # what a machine of that image says first
    home.do("lab", "down", "p", "--disks", "--timeout", "1")
