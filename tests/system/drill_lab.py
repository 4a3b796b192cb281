"""A lab that a drill finds by its name, whose machines answer as booted ones do; and its control node, with a real
door and ledger, whose runs and person a thread plays."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.door import HOST_KEY, OTHER_HOST_KEY, OpenDoor, connect, write_private, write_public
from tests.lab_server import InjectedFault
from tests.system.site_lab import NODE, PEGASUS, SiteLab

from homeprod.cli import render, walking
from homeprod.cli.control.publish import PUBLIC_FILE
from homeprod.cli.drill import configuring, serving, unlocking
from homeprod.cloudinit.ending import RESULT_FILE, STATUS_FILE
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.turn import Outcome
from homeprod.control.state import NodeState
from homeprod.core.overview.apps import judge_word
from homeprod.drivers.proxmox import ProxmoxHypervisor
from homeprod.engine.ring import HOST_KEY_FILE
from homeprod.lab.process import ProcessMark
from homeprod.network.walk.seen import Resolved
from homeprod.plan.config import Drive
from homeprod.wiring.asker import NetworkAsker
from homeprod.wiring.doorbell import CERTIFICATE_FILE

ANSIBLE, DATA, CODER, PROXY = 4_001_022, 94_001_022, 4_001_021, 5_000_000
LAB = "drilled"
NAME = "demo.lab.pegasuspad.com"
PUBLIC = {"environments": {"lab": "ssh-ed25519 AAAAlab"}, "deploy": {"playbooks": "ssh-ed25519 AAAAdeploy"}}


@dataclass
class DrillLab:
    """``root`` is the state folder of the person."""

    site_lab: SiteLab
    root: Path

    def drill(self, *words: str, lab: str = LAB) -> tuple[int, str, str]:
        place = ("--lab", lab) if lab else ()
        code, out, said = self.site_lab.run(*place, "drill", "rebuild", *words)
        assert "Traceback" not in out + said
        return code, out, said

    def report(self, *words: str, lab: str = LAB) -> dict[str, Any]:
        code, out, said = self.drill(*words, "--json", lab=lab)
        told: dict[str, Any] = json.loads(out)
        assert told.get("exit_code", code) == code, said
        return told

    def refuse(self, *words: str, lab: str = LAB, code: int = 1) -> str:
        """One error, and not a single write but the lease's."""
        self.site_lab.lab.forget_calls()
        found, _, said = self.drill(*words, lab=lab)
        assert (found, said.count("error: ")) == (code, 1), said
        assert [call for call in self.site_lab.lab.written() if not call.path.startswith("/pools")] == []
        return said

    def lives(self) -> dict[int, str]:
        """The mark of every machine, by VMID."""
        with self.site_lab.driver() as cluster:
            vmids = [machine.vmid for machine in cluster.read_resources().machines]
            notes = {vmid: str(cluster.read_machine(NODE, vmid).config.get("description", "")) for vmid in vmids}
        found = {vmid: re.search(r"homeprod-instance: (\S+)", note) for vmid, note in notes.items()}
        return {vmid: one[1] for vmid, one in found.items() if one is not None}

    def data_files(self) -> dict[str, Path]:
        """By volume."""
        with self.site_lab.driver() as cluster:
            disks = cluster.read_machine(NODE, DATA).config.values()
        volumes = [disk.volume for disk in disks if isinstance(disk, Drive) and not disk.is_cdrom]
        lab = self.site_lab.lab
        return {name: lab.do(lambda hypervisor, v=name: hypervisor.volumes.path(v)) for name in volumes}

    def note(self) -> str | None:
        with self.site_lab.driver() as cluster:
            return cluster.read_pools().get("homeprod-6f1d0c52-drill")


@contextmanager
def open_drill_lab(
    site_lab: SiteLab, root: Path, monkeypatch: pytest.MonkeyPatch, *, boots: bool = False
) -> Iterator[DrillLab]:
    """``boots`` is what the lab says of itself; it never does."""
    labs = root / "homeprod" / "labs"
    labs.mkdir(parents=True)
    folder = site_lab.lab.folder
    (labs / LAB).symlink_to(folder)
    replace(site_lab.lab.spec, name=LAB, boot=boots).write(folder / "lab.json")
    mark = ProcessMark.of(__import__("os").getpid())
    assert mark is not None
    mark.write(folder / "daemon.mark")
    (folder / "daemon.json").write_text(json.dumps({"url": site_lab.lab.url, "pid": mark.pid}))
    monkeypatch.setenv("XDG_STATE_HOME", str(root))
    for module in (unlocking, configuring, serving):
        monkeypatch.setattr(module, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(configuring, "RING_EVERY", 0.2)
    yield DrillLab(site_lab, root)


def type_words(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """A person at the terminal, who types them one after the other."""
    typed = iter(words)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(render, "read_line", lambda _prompt: next(typed))


@dataclass
class Played:
    """The control node ``lab-ansible`` and whoever uses it. ``files`` are what guest agents read; a person brings it
    from New to Ready, where there is one; each run comes to ``outcome``; ``apps`` is what hosts say of their apps."""

    lab: DrillLab
    door: OpenDoor
    files: dict[str, str]
    status: int = 308
    """What the way in answers to plain HTTP."""
    has_person: bool = True
    outcome: Outcome = field(default_factory=lambda: Outcome(RunStatus.SUCCESSFUL))
    apps: object = None
    screen: list[str] = field(default_factory=list)
    """What was said, until a person did what it says."""
    on_create: Callable[[int], None] = lambda _vmid: None
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self, received: Any) -> InjectedFault | None:
        """A machine that is made again has another host key, and a control node that is, is New."""
        if received.method == "POST" and received.path.endswith("/qemu"):
            vmid = int(received.params["vmid"])
            if vmid == ANSIBLE:
                self.door.node.is_in = NodeState.NEW
            else:
                self.files[HOST_KEY_FILE] = OTHER_HOST_KEY
            self.on_create(vmid)
        return None

    def live(self) -> None:
        while not self._over.wait(0.02):
            if self.has_person:
                self._obey()
            if self.door.node.is_in is NodeState.READY:
                self.door.wait_for(self._run())

    def _obey(self) -> None:
        """What stands on the screen is what a person types, once."""
        node = self.door.node
        for command, before, after in (
            ("bootstrap", NodeState.NEW, NodeState.LOCKED),
            ("unlock", NodeState.LOCKED, NodeState.READY),
        ):
            if node.is_in is before and self.has_read(f"lab-ansible {command}\n"):
                self.screen.clear()
                node.is_in = after
                return

    def has_read(self, words: str) -> bool:
        return any(words in text for text in self.screen)

    async def _run(self) -> None:
        ledger = self.door.node.ledger
        turn = await ledger.claim("me")
        if turn is not None:
            await ledger.begin(turn.run, "r1")
            if self.apps is not None:
                await ledger.keep_apps(turn.run, judge_word(self.apps, time.time()))
            await ledger.end(turn.run, self.outcome, 200)

    def sign_as(self, key: Ed25519PrivateKey, patch: pytest.MonkeyPatch) -> None:
        """As the site's sean."""
        file = self.lab.root / "sean"
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(write_private(key))
        config = self.lab.site_lab.root / "modules" / "_config.py"
        config.write_text(re.sub(r"AAAA\S+(?= sean@)", write_public(key).split()[1], config.read_text()))
        patch.setenv("HOMEPROD_RING_KEY", str(file))


@contextmanager
def open_played(site_lab: SiteLab, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    """``lab-ansible``, ``lab-proxy`` and ``lab-coder`` are made and configured; one expectation is met."""
    with OpenDoor(root / "door") as door, open_drill_lab(site_lab, root, monkeypatch, boots=True) as lab:
        ended = {"v1": {"stage": None, "modules-final": {"finished": 1.0, "errors": []}}}
        files = {
            CERTIFICATE_FILE: door.certificate,
            HOST_KEY_FILE: HOST_KEY,
            PUBLIC_FILE: json.dumps(PUBLIC),
            RESULT_FILE: json.dumps({"v1": {"datasource": "NoCloud", "errors": []}}),
            STATUS_FILE: json.dumps(ended),
        }
        played = Played(lab, door, files)
        monkeypatch.setattr(ProxmoxHypervisor, "read_guest_file", lambda _s, _n, _v, path: files.get(path))
        monkeypatch.setattr(ProxmoxHypervisor, "ping_agent", lambda *_: True)
        monkeypatch.setattr(
            "homeprod.wiring.doorbell.choose_connection",
            lambda _lab, _patience: lambda _host, _port: connect("127.0.0.1", door.port),
        )
        played.sign_as(door.admin, monkeypatch)
        say = render.say
        monkeypatch.setattr(render, "say", lambda text: (say(text), played.screen.append(text))[0])
        _declare_entry(site_lab)
        with _serve(played) as port:
            there = lambda _host, _port: connect("127.0.0.1", port)  # noqa: E731
            nobody = Resolved(trouble="no DNS here", is_ours=True)
            asker = NetworkAsker((IPv4Address("198.51.100.1"),), there, there, None, lambda _: nobody)
            monkeypatch.setattr(walking, "open_asker", lambda *_: asker)
            thread = threading.Thread(target=played.live)
            thread.start()
            try:
                for names in (("lab-ansible",), ("lab-proxy", "lab-coder")):
                    only = [word for name in names for word in ("--only", name)]
                    code, _, said = site_lab.run("--lab", LAB, "apply", "--yes", *only)
                    assert code == 0, said
                site_lab.lab.on_call = played.watch
                yield played
            finally:
                played._over.set()
                thread.join(20)


def _declare_entry(site_lab: SiteLab) -> None:
    """The example's, of which one name alone is expected something."""
    file = site_lab.root / "modules" / "_entry.py"
    shutil.copy(PEGASUS / "modules" / "_entry.py", file)
    kept = f'expectations=(Expectation("http://{NAME}/", reaches=None, status=308),),\n)\n'
    file.write_text(re.sub(r"expectations=\(.*\Z", lambda _: kept, file.read_text(), flags=re.DOTALL))


@contextmanager
def _serve(played: Played) -> Iterator[int]:
    """The way in, as far as plain HTTP goes; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(played.status)
            self.send_header("Location", f"https://{NAME}/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            with contextlib.suppress(OSError):
                server.shutdown()
            thread.join(10)
