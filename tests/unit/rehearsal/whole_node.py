"""A control node whole but for its keyholder: real git, real Ansible on this machine, the real door. In a thread."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.door import HOST_KEY, connect, make_key, write_public
from tests.unit.control.fake_keyholder import FakeKeyholder
from tests.unit.control.repositories.origin import Setting
from tests.unit.control.runs.node import start_workers

from homeprod.control.certificate import make_certificate
from homeprod.control.daemon import ControlNode
from homeprod.control.runs.backoff import Backoff
from homeprod.control.settings import KeyOwner
from homeprod.control.state import NodeState
from homeprod.core.webhook import name_audience
from homeprod.drivers.doorbell import Doorbell
from homeprod.drivers.signer import FileSigner
from homeprod.web.door import open_door

_HOST = """\
    {name}:
      ansible_host: 127.0.0.1
      ansible_user: ansible
      ansible_connection: local
      ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
      homeprod_environment: lab
      homeprod_control_node: lab-ansible
"""


def list_hosts(*names: str) -> str:
    """An inventory in which each of them is this machine."""
    return "all:\n  hosts:\n" + "".join(_HOST.format(name=name) for name in names)


@dataclass
class WholeNode:
    """``setting`` has the two repositories that it fetches."""

    setting: Setting
    key: Ed25519PrivateKey = field(default_factory=make_key)

    @classmethod
    def make(cls, folder: Path, playbook: str, *hosts: str) -> WholeNode:
        """Each of the hosts is this machine."""
        setting = Setting.make(folder, playbook)
        setting.playbooks.commit({"site/inventory.yml": list_hosts(*hosts)})
        node = cls(setting)
        owner = (KeyOwner(person="rehearsal", key=write_public(node.key)),)
        settings = setting.settings.model_copy(
            update={"attempts": 1, "ringers": owner, "administrator_keys": owner, "administrators": ("rehearsal",)}
        )
        setting.places.settings.write_text(settings.model_dump_json())
        node.audience = name_audience(settings.site_id, settings.node)
        make_certificate(setting.places.tls, settings.node)
        return node

    audience: str = ""

    def __enter__(self) -> Self:
        self._is_up, self._error = threading.Event(), None
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._is_up.wait(30)
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def open(self) -> Doorbell:
        certificate = (self.setting.places.tls / "certificate.pem").read_text()
        url = f"https://127.0.0.1:{self.port}"
        return Doorbell(url, self.audience, certificate, FileSigner("rehearsal", self.key), connect)

    def ring(self, host: str) -> int:
        return self.open().ring(host, "i1", (HOST_KEY,)).run

    def _work(self) -> None:
        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                self._over = asyncio.Event()
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (the test is to hear of it)
            self._error = error
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        places = self.setting.places
        keyholder = FakeKeyholder(places.vault_socket("lab"), b"secret", NodeState.READY)
        node = ControlNode(places, keyholder, lambda _: start_workers(), lambda _: os.getuid(), Backoff(0.1, 0.2))
        listener = socket.create_server(("127.0.0.1", 0))
        async with await keyholder.serve(), node.run(), open_door(node, places, listener):
            self.port = listener.getsockname()[1]
            self._is_up.set()
            await self._over.wait()
