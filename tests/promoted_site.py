"""A site whose changes are promoted: real git hosts, a real control node behind a real door, hosts of this machine.

The cluster is a lab that boots nothing; its control node's certificate, which the guest agent would read, comes from
the test. Hosts are folders: Ansible works on this machine, below one of its own for each.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
from tests.door import HOST_KEY, SITE_ID, connect
from tests.playbook_clones import Clone, GitHost, make_key, read_public
from tests.unit.control.fake_keyholder import FakeKeyholder
from tests.unit.control.runs.node import SETTINGS, start_workers

from homeprod.cli.main import main
from homeprod.control.certificate import make_certificate
from homeprod.control.daemon import ControlNode
from homeprod.control.hosts.host import Ring, Run
from homeprod.control.places import Places
from homeprod.control.runs.backoff import Backoff
from homeprod.control.settings import EnvironmentSettings, KeyOwner, NodeSettings, PromotionSettings
from homeprod.control.state import NodeState
from homeprod.web.door import open_door

T = TypeVar("T")
HOSTS = {"lab-proxy": "lab", "prod-proxy": "prod", "prod-proxy-passthrough": "prod"}
COUNTERPARTS = {"prod-proxy": "lab-proxy"}
ORDER = ("prod-proxy-passthrough", "prod-proxy")
PLAYBOOK = """
- hosts: all
  gather_facts: false
  roles: [base]
"""
TASKS = """
- name: deliver
  ansible.builtin.copy:
    content: "{{{{ greeting | default('{content}') }}}}"
    dest: "{at}/{{{{ inventory_hostname }}}}/page"
    mode: "0644"
"""
BROKEN = """
- name: deliver
  ansible.builtin.copy: {{content: "{{{{ nothing_of_that_name }}}}", dest: "{at}/{{{{ inventory_hostname }}}}/page"}}
"""
ALWAYS = """
- name: the time
  ansible.builtin.command: "true"
"""


def render_inventory() -> str:
    lines = ["all:", "  children:"]
    for environment in ("lab", "prod"):
        lines += [f"    env_{environment}:", "      hosts:"]
        for host in (name for name, own in HOSTS.items() if own == environment):
            lines += [
                f"        {host}:",
                "          ansible_host: 127.0.0.1",
                "          ansible_user: ansible",
                "          ansible_connection: local",
                '          ansible_python_interpreter: "{{ ansible_playbook_python }}"',
                f"          homeprod_environment: {environment}",
                "          homeprod_control_node: lab-ansible",
            ]
    return "\n".join(lines) + "\n"


class RunningNode:
    """The daemon and its door, in a thread of their own; everything else of a test is plain code."""

    def __init__(self, places: Places, settings: NodeSettings) -> None:
        self.places, self.settings = places, settings
        self._is_up, self._over = threading.Event(), asyncio.Event()
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        for place in (self.places.database.parent, self.places.cache, self.places.runtime):
            place.mkdir(parents=True, exist_ok=True)
        if not self.places.tls.exists():
            make_certificate(self.places.tls, self.settings.node)
        self.places.settings.parent.mkdir(parents=True, exist_ok=True)
        self.places.settings.write_text(self.settings.model_dump_json())
        self._begin()
        return self

    def _begin(self) -> None:
        self._is_up, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="node")
        self._thread.start()
        assert self._is_up.wait(30)
        if self._error is not None:
            raise self._error

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (the test is to hear of it)
            self._error = error
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        self.keyholder = FakeKeyholder(self.places.vault_socket("lab"), b"secret", NodeState.READY)
        self.node = ControlNode(
            self.places, self.keyholder, lambda _: start_workers(), lambda _: os.getuid(), Backoff(0.1, 0.2)
        )
        listener = socket.create_server(("127.0.0.1", 0))
        async with (
            await self.keyholder.serve(),
            self._serve_prod(),
            self.node.run(),
            open_door(self.node, self.places, listener),
        ):
            self.port = listener.getsockname()[1]
            self._is_up.set()
            await self._over.wait()

    def _serve_prod(self) -> Any:
        """Its own vault socket; the answers are the same keyholder's."""
        return _Served(self.keyholder, self.places.vault_socket("prod"))

    @property
    def certificate(self) -> str:
        return (self.places.tls / "certificate.pem").read_text()

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the node's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(90)

    def turn(self, state: NodeState) -> None:
        self._loop.call_soon_threadsafe(self.keyholder.turn, state)

        async def has_turned() -> None:
            async with asyncio.timeout(60):
                while self.node.state() is not state:
                    await asyncio.sleep(0.01)

        self.wait_for(has_turned())

    def runs(self, host: str = "") -> list[Run]:
        return list(self.wait_for(self.node.ledger.runs(100, host)))

    def configure(self, *hosts: str) -> None:
        """As an apply does: ring, and wait for the end."""
        for number in [self.wait_for(self._ring(host)) for host in hosts]:
            self.wait_for(self._wait(number))

    async def _ring(self, host: str) -> int:
        ring = Ring(f"msg_{host}", host, HOSTS[host], f"{host}-1", (HOST_KEY,), "sean", f"digest of {host}")
        return (await self.node.ledger.ring(ring)).run_id

    async def _wait(self, number: int) -> None:
        async with asyncio.timeout(60):
            while not (found := await self.node.ledger.run(number)).status.is_final:
                await asyncio.sleep(0.02)
        assert found.status.value == "successful", found.problem


@dataclass
class _Served:
    keyholder: FakeKeyholder
    socket: Path

    async def __aenter__(self) -> None:
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        self.server = await asyncio.start_unix_server(self.keyholder._answer, self.socket)

    async def __aexit__(self, *_: object) -> None:
        self.server.close()


@dataclass
class PromotedSite:
    """``clone`` is a person's of the playbook repository at ``host``; ``at`` has a folder for each host."""

    root: Path
    host: GitHost
    clone: Clone
    vault: Clone
    at: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def program(self) -> str:
        """As commands to copy begin: they name the site, since it was named."""
        return f"homeprod --site {self.root}"

    def commit(self, tasks: str = TASKS, *, content: str = "hello", **more: str) -> str:
        text = tasks.format(content=content, at=self.at)
        return self.clone.commit({"roles/base/tasks/main.yml": text, **more})

    def greet(self, *hosts: str, greeting: str) -> str:
        """A change that touches these hosts alone."""
        return self.clone.commit({f"host_vars/{host}.yml": f"greeting: {greeting}\n" for host in hosts})

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, what was printed, what was said."""
        self.capsys.readouterr()
        more = () if words[0] == "control" else ("--repository", str(self.clone.folder))
        code = main(["--site", str(self.root), *words, *more])
        said = self.capsys.readouterr()
        assert "Traceback" not in said.out + said.err, said
        return code, said.out, said.err

    def refuse(self, *words: str, code: int = 1) -> str:
        """The one error that is said."""
        found, out, said = self.run(*words)
        assert (found, said.count("error: ")) == (code, 1), (found, out, said)
        return said

    def read(self, *words: str) -> tuple[int, dict[str, Any]]:
        code, out, said = self.run(*words, "--json")
        assert out, said
        return code, json.loads(out)

    def page(self, host: str) -> str:
        return (self.at / host / "page").read_text()

    def heads(self) -> dict[str, str]:
        return self.host.heads()


def make_settings(playbooks: GitHost, vault: GitHost, key: Path, *, has_gate: bool = True) -> NodeSettings:
    owner = KeyOwner(person="ops", key=read_public(key))
    gate = PromotionSettings(order=ORDER, counterparts=COUNTERPARTS) if has_gate else None
    return SETTINGS.model_copy(
        update={
            "site_id": SITE_ID,
            "attempts": 1,
            "environments": (
                EnvironmentSettings(name="lab", branch="lab", user="homeprod-lab"),
                EnvironmentSettings(name="prod", branch="prod", user="homeprod-prod", promotion=gate),
            ),
            "ringers": (owner,),
            "administrator_keys": (owner,),
            "signers": (owner,),
            "playbooks": f"file://{playbooks.folder}",
            "vault": f"file://{vault.folder}",
        }
    )


def make_site(root: Path, folder: Path) -> tuple[GitHost, GitHost, Path]:
    """The git hosts, and sean's key, in a site whose prod has a gate."""
    key = make_key(folder / "keys", "sean")
    config, proxy = root / "modules" / "_config.py", root / "modules" / "prod_proxy_vm.py"
    public = read_public(key).split()[1]
    text = re.sub(r"AAAA\S+(?= ops@)", public, config.read_text())
    text = text.replace("after=lab\n", "after=lab, promotion=Promotion()\n").replace(
        "    Person,\n", "    Person,\n    Promotion,\n"
    )
    assert "promotion=Promotion()" in text
    config.write_text(text)
    text = proxy.read_text()
    assert "environment=prod," in text
    proxy.write_text(text.replace("environment=prod,", 'environment=prod,\n    counterpart="lab-proxy",'))
    return GitHost.make(folder, key), GitHost.make(folder, key, "vault"), key


def fill(playbooks: GitHost, vault: GitHost, at: Path) -> tuple[Clone, Clone]:
    """Clones of both, with a first commit in every branch."""
    own, secrets = playbooks.clone("sean"), vault.clone("sean")
    for host in HOSTS:
        (at / host).mkdir(parents=True)
    own.commit(
        {
            "site.yml": PLAYBOOK,
            "site/inventory.yml": render_inventory(),
            "roles/base/tasks/main.yml": TASKS.format(content="first", at=at),
        }
    )
    own.push("HEAD:refs/heads/lab", "HEAD:refs/heads/prod")
    hosts = {environment: [h for h, own in HOSTS.items() if own == environment] for environment in ("lab", "prod")}
    secrets.commit(
        {
            f"{environment}/hosts.yml": json.dumps({"all": {"hosts": {name: {} for name in names}}})
            for environment, names in hosts.items()
        }
    )
    secrets.push("HEAD:refs/heads/main")
    own.git("config", "homeprod.vault", str(secrets.folder))
    return own, secrets


Connect = Callable[[str, int], socket.socket]


def lead_to(node: RunningNode) -> Callable[..., Connect]:
    """In the place of the way to a control node."""
    return lambda *_: lambda _host, _port: connect("127.0.0.1", node.port)
