"""Labs that boot machines, as a person uses them: killed at every level, brought back, and gone without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.home import Home

from homeprod.cloudinit.iso import build_iso, render_files
from homeprod.cloudinit.network import Card
from homeprod.cloudinit.userdata import Guest, User
from homeprod.core.sizes import GiB
from homeprod.lab.image.cache import ensure_image
from homeprod.lab.lan.network import Lan
from homeprod.lab.process import ProcessMark
from homeprod.lab.spec import BridgeSpec, LabSpec, SeedSpec
from homeprod.plan.config import Agent, Drive, NewDrive, Nic

IMAGE = "local:import/debian-13.qcow2"
GATEWAY, ADDRESS = "192.0.2.1", "192.0.2.100"
"""Of a subnet kept for documentation (RFC 5737); they exist inside the lab's namespace alone."""
pytestmark = [
    pytest.mark.guest,
    pytest.mark.namespace,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab that boots machines makes network namespaces: run as root"),
]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.clear()


def start_empty(home: Home, name: str, vmid: int = 100, machine: str = "empty") -> ProcessMark:
    """A machine without an operating system: in QEMU within two seconds."""
    with home.hypervisor(name) as hypervisor:
        config = {
            "name": machine,
            "memory": 64,
            "scsi0": NewDrive("local-lvm", GiB),
            "net0": Nic("virtio", "", "vmbr0"),
        }
        hypervisor.wait(hypervisor.create_machine("pve", vmid, config))
        hypervisor.wait(hypervisor.start_machine("pve", vmid))
    mark = ProcessMark.of(home.machine(name, machine)["pid"])
    assert mark is not None
    return mark


def find_traces(home: Home) -> list[str]:
    """Processes that name the folder, namespaces of its labs, mounts below it."""
    text = str(home.folder)
    found = [
        f"process {entry.name}"
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and text in _read(entry / "cmdline")
    ]
    names = [Lan(LabSpec(lab.name), lab).namespace for lab in (home.folder / "state/homeprod/labs").glob("*")]
    found += [f"namespace {namespace.name}" for namespace in names if namespace.path.exists()]
    return found + [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if text in line]


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def until(seconds: float, is_so: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds:g} s"
        time.sleep(0.5)


def test_machines_outlive_the_labs_process_and_end_with_the_lab(home: Home) -> None:
    assert "software emulation: " in home.do("lab", "up", "p") or "KVM" in home.do("lab", "up", "p")
    qemu = start_empty(home, "p")
    shown = home.machine("p", "empty")
    assert shown["running"]
    assert shown["memory"] > 1024**2

    os.kill(home.daemon("p").pid, signal.SIGKILL)
    assert "lab p is up: " in home.do("lab", "up", "p")
    assert home.machine("p", "empty")["pid"] == qemu.pid
    with home.hypervisor("p") as hypervisor:
        assert hypervisor.read_status("pve", 100) == "running"

    said = home.run("lab", "down", "p", "--timeout", "1")
    assert said.returncode == 0
    assert "empty did not power off (VM quit/powerdown failed - got timeout): its plug was pulled" in said.stderr
    assert not qemu.is_alive()
    assert find_traces(home) == []

    home.do("lab", "up", "p")
    with home.hypervisor("p") as hypervisor:
        assert hypervisor.read_status("pve", 100) == "stopped"
        assert "scsi0" in hypervisor.read_machine("pve", 100).config
        hypervisor.wait(hypervisor.start_machine("pve", 100))
    home.do("lab", "down", "p", "--disks", "--timeout", "1")
    assert not home.lab("p").exists()
    assert find_traces(home) == []


def test_a_killed_machine_is_cleared_away_by_the_next_up(home: Home) -> None:
    home.do("lab", "up", "p")
    qemu = start_empty(home, "p")
    for mark in (home.daemon("p"), qemu):
        os.kill(mark.pid, signal.SIGKILL)
        assert mark.wait(10)
    lan = Lan(LabSpec("p"), home.lab("p"))
    assert "tap100i0" in lan.list_links()
    home.do("lab", "up", "p")
    assert "tap100i0" not in lan.list_links()
    assert not home.machine("p", "empty")["running"]
    with home.hypervisor("p") as hypervisor:
        hypervisor.wait(hypervisor.start_machine("pve", 100))


def test_a_network_that_is_gone_is_made_again(home: Home) -> None:
    """As after a reboot of this machine: files are there, and nothing that they speak of."""
    home.do("lab", "up", "p")
    os.kill(home.daemon("p").pid, signal.SIGKILL)
    lan = Lan(LabSpec("p"), home.lab("p"))
    lan.down()
    assert "lab p is up: " in home.do("lab", "up", "p")
    assert lan.is_up()
    dns = ProcessMark.read(home.lab("p") / "lan" / "dnsmasq.json")
    assert dns is not None
    dns.end()
    home.do("lab", "up", "p")  # up already, and mended
    assert lan.is_up()


def test_two_at_once_with_the_same_addresses(home: Home) -> None:
    """Both are the very same site; their networks never meet."""
    for name in ("one", "two"):
        home.do("lab", "up", name)
    marks = [start_empty(home, name) for name in ("one", "two")]
    home.do("lab", "down", "one", "--timeout", "1")
    assert [mark.is_alive() for mark in marks] == [False, True]
    assert home.status("two")["is_up"]


def test_down_ends_whoever_is_still_inside(home: Home) -> None:
    """A login that a person forgot would keep the namespace alive, without a name."""
    home.do("lab", "up", "p")
    argv = Lan(LabSpec("p"), home.lab("p")).enter(["sleep", "600"])
    with subprocess.Popen(argv) as forgotten:
        home.do("lab", "down", "p")
        assert forgotten.wait(10) != 0
    assert find_traces(home) == []


def test_namespaces_are_forbidden(home: Home) -> None:
    """Root without the right to make them, as in a plain container."""
    argv = ["setpriv", "--bounding-set=-sys_admin", sys.executable, "-m", "homeprod", "lab", "up", "p"]
    environment = {**os.environ, "XDG_STATE_HOME": str(home.folder)}
    done = subprocess.run(
        argv, env=environment, cwd=home.folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "network namespaces are forbidden here" in done.stderr
    assert "homeprod lab up p --no-boot" in done.stderr
    assert find_traces(home) == []


def test_one_console_at_a_time(home: Home) -> None:
    home.do("lab", "up", "p")
    start_empty(home, "p")
    done = home.run("lab", "console", "p", "empty", given="\x1d")
    assert done.returncode == 0
    assert "console of empty; Ctrl-] ends it" in done.stderr
    first = subprocess.Popen(
        [sys.executable, "-m", "homeprod", "lab", "console", "p", "100"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(home.folder / "state")},
    )
    with first:
        assert first.stderr is not None
        assert b"Ctrl-]" in first.stderr.readline()
        until(20, lambda: home.run("lab", "console", "p", "100", given="").returncode == 1)
        assert "somebody else has this console open" in home.run("lab", "console", "p", "100", given="").stderr
        first.communicate(b"\x1d", timeout=20)
    assert home.run("lab", "console", "p", "100", given="").returncode == 0


def test_an_interrupted_wait_leaves_the_lab_up_and_down_ends_the_build(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home.folder / "cache"))
    home.lab("p").mkdir(parents=True)
    LabSpec("p", seeds=(SeedSpec(IMAGE, "debian-13"),)).write(home.lab("p") / "lab.json")
    environment = {**os.environ, "XDG_STATE_HOME": str(home.folder / "state")}
    argv = [sys.executable, "-m", "homeprod", "lab", "up", "p"]
    with subprocess.Popen(argv, env=environment, cwd=home.folder, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr is not None
        while not waiting.stderr.readline().startswith("image debian-13: "):
            assert waiting.poll() is None
        waiting.send_signal(signal.SIGINT)
        said = waiting.stderr.read()
        assert waiting.wait(30) == 130
    assert "lab p is up, and its images go on being made" in said
    status = home.status("p")
    assert status["is_up"]
    assert [image["state"] for image in status["images"]] == ["building"]
    mounts = Path("/proc/self/mountinfo")
    until(60, lambda: str(home.folder) in mounts.read_text())  # /proc and the like, in the middle of the build
    home.do("lab", "down", "p")
    assert find_traces(home) == []
    assert [file.name for file in (home.folder / "cache" / "homeprod" / "images").iterdir()] == [".lock"]


def test_a_login_a_console_and_an_orderly_end(home: Home) -> None:
    """A real Debian: in by the lab's own key over the lab's network, and off by its guest agent."""
    ensure_image("debian-13", lambda _: None)
    lab = home.lab("p")
    lab.mkdir(parents=True)
    spec = LabSpec(
        "p",
        bridges=(BridgeSpec("vmbr0", (f"{GATEWAY}/24",)),),
        seeds=(SeedSpec(IMAGE, "debian-13"),),
        hosts={"web": (ADDRESS,)},
    )
    spec.write(lab / "lab.json")
    assert "stand-in: debian-13, built" in home.do("lab", "up", "p")
    key = make_key(lab, "ops")
    mac = "02:00:00:00:00:64"
    card = Card(mac, (f"{ADDRESS}/24",), (GATEWAY,), (GATEWAY,))
    guest = Guest("web", "web-1", users=(User("ops", (key,)),))
    with home.hypervisor("p") as hypervisor:
        iso = build_iso(render_files(guest, card))
        hypervisor.wait(hypervisor.upload("pve", "local", "cidata.iso", iso, content="iso"))
        config = {
            "name": "web",
            "memory": 512,
            "cores": 2,
            "agent": Agent(True),
            "scsihw": "virtio-scsi-pci",
            "scsi0": NewDrive("local-lvm", 4 * GiB, import_from=IMAGE),
            "ide2": Drive("local:iso/cidata.iso", options=(("media", "cdrom"),)),
            "net0": Nic("virtio", mac, "vmbr0"),
        }
        hypervisor.wait(hypervisor.create_machine("pve", 100, config))
        hypervisor.wait(hypervisor.start_machine("pve", 100))
        until(300, lambda: hypervisor.ping_agent("pve", 100))
        # sshd is restarted once by cloud-init, so one login proves nothing about the next.
        until(120, lambda: home.run("lab", "ssh", "--user", "ops", "p", "100", "hostname").stdout == "web\n")
        until(60, lambda: home.run("lab", "ssh", "p", "web", "exit 7").returncode == 7)
    # The login prompt (Debian GNU/Linux …) comes a moment after sshd.
    until(120, lambda: "Linux" in home.run("lab", "console", "p", "web", given="").stdout)
    said = home.run("lab", "down", "p", "--timeout", "180")
    assert "web is off" in said.stderr
    assert find_traces(home) == []


def make_key(lab: Path, user: str) -> str:
    """The public half; the private one where ``lab ssh`` looks for it."""
    (lab / "keys").mkdir(mode=0o700)
    if shutil.which("ssh-keygen") is None:
        pytest.fail("ssh-keygen is not installed: make setup installs it")
    private = lab / "keys" / user
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(private)], check=True, timeout=30)
    return private.with_suffix(".pub").read_text().strip()
