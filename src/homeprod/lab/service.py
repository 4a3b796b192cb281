"""A lab's API, up and listening: certificates, hypervisor, seeds, HTTPS server, in one object."""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
import secrets
import shutil
import ssl
import time
from pathlib import Path

from aiohttp import web

from homeprod.core.errors import LabError
from homeprod.lab.api.access import ROOT
from homeprod.lab.api.calls import ROUTES
from homeprod.lab.api.server import REFUSAL_SECONDS, ApiServer, Watcher
from homeprod.lab.certificate import ensure_certificates, write_secret
from homeprod.lab.hypervisor import Hypervisor
from homeprod.lab.image.source import find_source
from homeprod.lab.ports import GuestRunner, VolumeStore
from homeprod.lab.runner import NoBootRunner
from homeprod.lab.seeds import place_image, plant_seeds
from homeprod.lab.spec import LabSpec
from homeprod.lab.storage.noboot import NoBootVolumes

_log = logging.getLogger(__name__)
ADDRESS = "127.0.0.1"
TOKEN_ID = f"{ROOT}!homeprod"
KEEP_ALIVE = 75.0
DRAIN_SECONDS = 2.0
"""How long calls in flight may still take when the lab stops."""


class LabService:
    """``state`` is the lab's folder. ``start`` and ``stop`` belong to one event loop."""

    def __init__(
        self,
        spec: LabSpec,
        state: Path,
        watcher: Watcher | None = None,
        *,
        refusal_seconds: float = REFUSAL_SECONDS,
    ) -> None:
        self._refusal_seconds = refusal_seconds
        self.spec = spec
        self.state = state
        self._watcher = watcher
        self._api: ApiServer
        self._web: web.Server
        self._server: asyncio.Server
        self.hypervisor: Hypervisor
        self.url = ""

    async def start(self) -> None:
        """Raises LabError when the port is taken or a seed cannot be."""
        self.state.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.state / "uploads", ignore_errors=True)
        certificates = ensure_certificates(self.state)
        volumes, runner = open_guests(self.spec, self.state)
        self.hypervisor = Hypervisor(self.spec, self.state, volumes, runner)
        self.hypervisor.fingerprint = certificates.fingerprint()
        self._admit()
        self.hypervisor.catalog.forget_missing(lambda volume: volumes.path(volume).exists())
        lacking = plant_seeds(self.hypervisor)
        for source in lacking:
            find_source(source)  # an unknown recipe is said before anything is begun
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        await self._listen(context)
        # Last, so that a lab that cannot start begins no work.
        self.hypervisor.supply.start(lacking, functools.partial(place_image, self.hypervisor))

    def _admit(self) -> None:
        """The lab's own token and root's password, made once and kept beside the lab's other files."""
        access = self.hypervisor.access
        token = _ensure_secret(self.state / "token", f"{TOKEN_ID}={secrets.token_hex(16)}")
        name, _, secret = token.partition("=")
        access.add_token(name, secret, is_separated=False)
        access.users[ROOT].password = _ensure_secret(self.state / "password", secrets.token_urlsafe(24))

    async def _listen(self, context: ssl.SSLContext) -> None:
        self._api = ApiServer(self.hypervisor, ROUTES, self._watcher, refusal_seconds=self._refusal_seconds)
        self._web = web.Server(self._api.handle, keepalive_timeout=KEEP_ALIVE, access_log=None)
        # The port of the last time is tried first, so that a client's address stays good over a restart.
        kept = self.state / "port"
        wanted = [self.spec.port] if self.spec.port else [*_read_port(kept), 0]
        for port in wanted:
            try:
                self._server = await asyncio.get_running_loop().create_server(
                    self._web, ADDRESS, port, ssl=context, reuse_address=True
                )
                break
            except OSError as error:
                if port == wanted[-1]:
                    raise LabError(
                        f"port {port} is taken", where=f"{ADDRESS}:{port}", hint="choose another port for the lab"
                    ) from error
        bound = int(self._server.sockets[0].getsockname()[1])
        kept.write_text(f"{bound}\n")
        self.url = f"https://{ADDRESS}:{bound}"
        _log.info("%s answers as Proxmox VE %s", self.url, self.spec.version)

    async def stop(self) -> None:
        """Let calls in flight end, then go. Machines keep running."""
        self._server.close()
        await self._api.drain(DRAIN_SECONDS)
        # An idle client may never answer TLS's goodbye, so connections are cut instead of closed.
        for handler in self._web.connections:
            if handler.transport is not None:
                handler.transport.abort()
        await self._web.shutdown(0)
        await self._server.wait_closed()
        await self.hypervisor.close()
        _log.info("stopped after %d s", time.time() - self.hypervisor.began)


def _read_port(file: Path) -> list[int]:
    text = file.read_text().strip() if file.exists() else ""
    return [int(text)] if text.isdigit() else []


def _ensure_secret(file: Path, fresh: str) -> str:
    if not file.exists():
        write_secret(file, f"{fresh}\n")
    return file.read_text().strip()


def open_guests(spec: LabSpec, state: Path) -> tuple[VolumeStore, GuestRunner]:
    """What holds the lab's disks and runs its machines: real ones, or (``--no-boot``) a memory of them."""
    if spec.boot:
        # By name, so that a lab that boots nothing never loads what needs QEMU.
        guest = importlib.import_module("homeprod.lab.guest")
        return guest.QcowVolumes(state / "volumes"), guest.QemuRunner(spec, state)
    volumes = NoBootVolumes(state / "volumes")
    return volumes, NoBootRunner(state / "running")
