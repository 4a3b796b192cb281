"""A control node's door on loopback, with a real ledger behind it and people's keys in front of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from homeprod.control.certificate import make_certificate
from homeprod.control.hosts.host import RunStatus
from homeprod.control.hosts.ledger import Ledger
from homeprod.control.hosts.turn import Outcome
from homeprod.control.places import Places
from homeprod.control.promotion.standing import Standing
from homeprod.control.settings import EnvironmentSettings, KeyOwner, NodeSettings
from homeprod.control.snapshots import Snapshots
from homeprod.control.state import NodeState
from homeprod.control.trouble import Trouble
from homeprod.control.upkeep.keeping import Keeping, list_keepings
from homeprod.core.overview.apps import judge_word
from homeprod.core.webhook import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    call_content,
    name_audience,
    render_signature,
    signed_content,
)
from homeprod.drivers.doorbell import RING, Doorbell
from homeprod.drivers.pinned import PinnedLine
from homeprod.drivers.signer import FileSigner
from homeprod.web.access import Limits
from homeprod.web.door import Patience, open_door

SITE_ID = "6f1d0c52-9a3e-4b7c-8d21-5e0f4a9b7c36"
"""Of examples/pegasus, whose control node it is."""
AUDIENCE = name_audience(SITE_ID, "lab-ansible")
T = TypeVar("T")


def make_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def write_public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def write_private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


HOST_KEY, OTHER_HOST_KEY = (write_public(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2))


def make_settings(
    ringers: dict[str, Ed25519PrivateKey], administrators: dict[str, Ed25519PrivateKey]
) -> NodeSettings:
    def own(keys: dict[str, Ed25519PrivateKey]) -> tuple[KeyOwner, ...]:
        return tuple(KeyOwner(person=person, key=write_public(key)) for person, key in keys.items())

    return NodeSettings(
        site_id=SITE_ID,
        site_name="pegasus",
        node="lab-ansible",
        environments=(EnvironmentSettings(name="lab", branch="lab", user="homeprod-lab"),),
        administrators=tuple(administrators),
        ringers=own(ringers),
        administrator_keys=own(administrators),
        signers=(),
        playbooks="git@git.example:playbooks",
        vault="git@git.example:vault",
    )


@dataclass
class FakePlace:
    environment: str
    control_node: str = "lab-ansible"
    kept_by: tuple[str, ...] = ("ansible",)


@dataclass
class FakeNode:
    """As the daemon shows itself to the door; what a test changes counts at once."""

    known: NodeSettings
    ledger: Ledger
    snapshots: Snapshots
    is_in: NodeState = NodeState.READY
    hosts: dict[str, FakePlace] = field(
        default_factory=lambda: {
            "lab-proxy": FakePlace("lab"),
            "lab-coder": FakePlace("lab"),
            "prod-proxy": FakePlace("prod", "prod-ansible"),
        }
    )
    pushed: dict[str, FakePlace] = field(default_factory=dict)
    """What the next look finds."""
    look_seconds: float = 0.0
    came: float = 1_700_000_000.0
    """Into its state."""
    drawn: dict[str, Path] = field(default_factory=dict)
    noted: list[Trouble] = field(default_factory=list)
    knocks: int = 0
    gates: list[Standing] = field(default_factory=list)
    next_cycle: float = field(default_factory=lambda: time.time() + 600)

    def settings(self) -> NodeSettings:
        return self.known

    def state(self) -> NodeState:
        return self.is_in

    def since(self) -> float:
        return self.came

    def inventory(self) -> dict[str, FakePlace]:
        return self.hosts

    def pictures(self) -> dict[str, Path]:
        return self.drawn

    def troubles(self) -> Sequence[Trouble]:
        return self.noted

    def promotions(self) -> Sequence[Standing]:
        return self.gates

    def knock(self) -> None:
        self.knocks += 1

    async def keepings(self) -> list[Keeping]:
        hosts, conditions = await self.ledger.hosts(), await self.ledger.checks.conditions()
        return list_keepings(
            hosts, conditions, self.known, {"lab": "r1"}, {"lab": self.next_cycle}, self.ledger.clock.now()
        )

    async def look_again(self) -> None:
        await asyncio.sleep(self.look_seconds)
        self.hosts |= self.pushed


@dataclass(frozen=True)
class Heard:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    content: bytes


def connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=20)


class OpenDoor:
    """Runs in a thread of its own; everything else of a test is plain code."""

    def __init__(
        self,
        folder: Path,
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        patience: Patience = Patience(),  # noqa: B008 (frozen)
    ) -> None:
        self.places = Places.below(folder)
        self.limits, self.patience = limits, patience
        self.sean, self.admin, self.stranger = make_key(), make_key(), make_key()
        self.settings = make_settings({"sean": self.sean}, {"anna": self.admin})
        self._is_up, self._over = threading.Event(), asyncio.Event()
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        make_certificate(self.places.tls, "lab-ansible")
        self.places.database.parent.mkdir(parents=True)
        self._begin()
        return self

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._is_up.wait(20)
        if self._error is not None:
            raise self._error

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def restart(self) -> None:
        """What was only in memory is gone; it answers at another port."""
        self.__exit__()
        self._is_up, self._over = threading.Event(), asyncio.Event()
        self._begin()

    def _work(self) -> None:
        try:
            with asyncio.Runner() as runner:  # as `asyncio.run` does for the daemon
                self._loop = runner.get_loop()
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (the test is to hear of it)
            self._error = error
        finally:
            self._is_up.set()

    async def _serve(self) -> None:
        ledger = Ledger(self.places.database)
        await ledger.open()
        try:
            snapshots = Snapshots(self.places.snapshot_file)
            snapshots.recall()
            self.node = FakeNode(self.settings, ledger, snapshots)
            listener = socket.create_server(("127.0.0.1", 0))
            async with open_door(self.node, self.places, listener, self.limits, self.patience):
                self.port = listener.getsockname()[1]
                self.url = f"https://127.0.0.1:{self.port}"
                self.certificate = (self.places.tls / "certificate.pem").read_text()
                self._is_up.set()
                await self._over.wait()
        finally:
            await ledger.close()

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the door's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def say_apps(self, told: object) -> None:
        """What the next host that is due said of its apps, in a run that went well."""
        self.wait_for(self._say_apps(told))

    async def _say_apps(self, told: object) -> None:
        ledger = self.node.ledger
        turn = await ledger.claim("me")
        assert turn is not None
        await ledger.begin(turn.run, "r1")
        await ledger.keep_apps(turn.run, judge_word(told, time.time()))
        await ledger.end(turn.run, Outcome(RunStatus.SUCCESSFUL), 200)

    def make_bell(self, key: Ed25519PrivateKey | None = None, **more: Any) -> Doorbell:
        return Doorbell(self.url, AUDIENCE, self.certificate, FileSigner("sean", key or self.sean), connect, **more)

    def send(self, method: str, path: str, body: bytes | None = b"", headers: dict[str, str] | None = None) -> Heard:
        line = PinnedLine(self.url, self.certificate, connect)
        try:
            line.request(method, path, body, headers or {})
            answer = line.getresponse()
            content = answer.read()
        finally:
            line.close()
        return Heard(answer.status, dict(answer.headers.items()), _parse(content), content)

    def ring(
        self, wish: Any, key: Ed25519PrivateKey | None = None, *, message_id: str = "", at: int = 0, **headers: str
    ) -> Heard:
        """``wish`` is bytes, or made JSON of; ``at`` is seconds from now."""
        body = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
        signed = sign(key or self.sean, body, message_id=message_id, at=at)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", RING, body, {"Content-Type": "application/json", **signed, **more})

    def call(
        self, method: str, path: str, body: Any = None, key: Ed25519PrivateKey | None = None, **how: Any
    ) -> Heard:
        content = b"" if body is None else json.dumps(body).encode()
        signed = sign(key or self.sean, call_content(method, path, AUDIENCE, content), **how)
        return self.send(method, path, content, {"Content-Type": "application/json", **signed})


def sign(key: Ed25519PrivateKey, content: bytes, *, message_id: str = "", at: int = 0) -> dict[str, str]:
    message_id, timestamp = message_id or make_id(), int(time.time()) + at
    signature = key.sign(signed_content(message_id, timestamp, content))
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: render_signature(signature)}


def make_id() -> str:
    return f"msg_{secrets.token_hex(16)}"


def make_wish(host: str = "lab-proxy", instance: str = "4001020-abc", key: str = HOST_KEY) -> dict[str, Any]:
    return {"host": host, "instance": instance, "ssh_host_keys": [key]}


def _parse(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
