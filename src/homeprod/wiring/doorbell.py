"""The way to a site's control nodes: whom to believe, and how their network is reached.

A control node's certificate is read through the guest agent, from the very machine that Proxmox runs: nothing about
it is kept anywhere.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from homeprod.control.places import Places
from homeprod.core.errors import TransientError, UnreachableError
from homeprod.core.webhook import name_audience
from homeprod.drivers.doorbell import Doorbell
from homeprod.drivers.signer import Signer, open_signer
from homeprod.engine.ports import Hypervisor, Ring
from homeprod.site.configured import find_control
from homeprod.site.site import Site
from homeprod.wiring.controlnode import read_node_file

CERTIFICATE_FILE = str(Places().tls / "certificate.pem")
PATIENCE = 20.0
"""Seconds for a connection."""


def open_doorbell(
    site: Site, hypervisor: Hypervisor, node: str, signer: Signer | None, *, lab: str = "", patience: float = PATIENCE
) -> Doorbell:
    """The door of that control node, waited at for ``patience`` seconds. Raises UnreachableError where it cannot be
    known."""
    certificate = read_node_file(site, hypervisor, node, CERTIFICATE_FILE)
    if certificate is None:
        hint = f"its first boot is not over, or failed; wait for it, or see why:\n\n  homeprod apply --only {node}"
        raise UnreachableError("it has no certificate yet, so nobody can know it", where=f"vm/{node}", hint=hint)
    control, machine = find_control(site.machines[node].machine), site.machines[node].machine
    if control is None or machine.number is None:
        raise ValueError(f"{node} is no control node: the site was not checked")
    address = str(site.config.addresses.network.address(machine.number))
    url, audience = f"https://{address}:{control.port}", name_audience(site.config.id, node)
    return Doorbell(url, audience, certificate, signer, choose_connection(lab, patience), seconds=patience)


def choose_connection(lab: str, patience: float = PATIENCE) -> Callable[[str, int], socket.socket]:
    """How a host of the site is reached: within the lab's own network, where one is named."""
    if not lab:
        return lambda host, port: socket.create_connection((host, port), patience)
    from homeprod.lab.lan.dial import dial

    return partial(dial, lab, timeout=patience)


def find_signer(site: Site, node: str, *, lab: str = "", env: Mapping[str, str] = os.environ) -> Signer:
    """Signs as a person who may ring there: with the key file that ``HOMEPROD_RING_KEY`` names, and no other; else in
    a lab with the lab's own keys, elsewhere with ssh-agent. Raises UsageError where none fits."""
    control = find_control(site.machines[node].machine)
    people = (*control.administrators, *control.ringers) if control is not None else ()
    keys = {key: person.name for person in people for key in person.keys}
    files = [Path(env["HOMEPROD_RING_KEY"])] if env.get("HOMEPROD_RING_KEY") else []
    if lab and not files:
        from homeprod.lab.folder import require_up

        folder = require_up(lab).keys
        files += [file for person in people if (file := folder / person.name).is_file()]
    agent = "" if files else env.get("SSH_AUTH_SOCK", "")  # what is named goes before what happens to be loaded
    return open_signer(keys, files, agent, outside=site.root)


class Bells:
    """The doors of all control nodes of a site, opened when they are rung at. For several threads at once."""

    def __init__(self, site: Site, hypervisor: Hypervisor, *, lab: str = "") -> None:
        self._site, self._hypervisor, self._lab = site, hypervisor, lab
        self._doors: dict[str, Doorbell] = {}
        self._lock = threading.Lock()

    def ring(self, node: str, ring: Ring, say: Callable[[str], None]) -> str:
        """As :class:`homeprod.engine.ports.Bell` says."""
        try:
            answer = self.open(node).ring(ring.host, ring.instance, ring.host_keys)
        except (UnreachableError, TransientError) as error:
            return f"waits for {node}: {error.message}" + (f"\n  {error.hint}" if error.hint else "")
        if not answer.waits:  # why it waits is told at the end
            say(answer.words)
        return answer.waits

    def open(self, node: str) -> Doorbell:
        """Raises UnreachableError where it cannot be known, else UsageError where there is no key to sign with."""
        with self._lock:
            if node not in self._doors:
                door = open_doorbell(self._site, self._hypervisor, node, None, lab=self._lab)
                door.signer = find_signer(self._site, node, lab=self._lab)  # of use only where somebody is there
                self._doors[node] = door
            return self._doors[node]
