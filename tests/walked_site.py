"""The example's way in, each machine a host of the test's own at the site's own addresses, with the real nginx and
dnsmasq; and what can be wrong with it, for as long as a test wants."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import trustme
from tests.home import PEGASUS
from tests.hosts import Host, open_hosts
from tests.nginx_process import LIMIT, OURS, Nginx, Service, list_places, write_certificate

from homeprod.drivers.caller import Connect
from homeprod.network.nginx.entry import describe_passthrough, describe_proxy
from homeprod.network.nginx.passthrough import Passthrough, render_passthrough
from homeprod.network.nginx.proxy import Proxy, render_proxy
from homeprod.network.rendered.files import DNSMASQ, render_entry
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.seen import Resolved
from homeprod.site.entry.entry import Entry
from homeprod.site.loader import load_site
from homeprod.wiring.asker import NetworkAsker, connect_datagrams

SITE = load_site(PEGASUS)
WAY, LAB, PROD = "prod-proxy-passthrough", "lab-proxy", "prod-proxy"
OUTER = "203.0.113.1"
"""Kept for documentation (RFC 5737). The passthrough has it itself: translation is looked at elsewhere."""
PUBLIC = Resolved((IPv4Address(OUTER),))
ADDRESSES = {
    "client": ("203.0.113.7/24",),
    "person": ("10.111.1.250/24",),
    "resolver": ("10.111.1.2/24", "10.111.1.3/24"),
    WAY: ("10.111.1.4/24", f"{OUTER}/24"),
    LAB: ("10.111.1.212/24",),
    PROD: ("10.111.1.5/24", "10.111.1.6/24"),
    "demo": ("10.111.1.21/24",),
    "nextcloud": ("10.111.1.207/24",),
    "coder": ("10.111.1.211/24",),
    "collabora": ("10.111.1.210/24",),
}
SERVED = {"demo": 8080, "welcome": 8082, "clock": 8081, "nextcloud": 80, "coder": 7080, "collabora": 9980}
_HOSTS = {"welcome": "demo", "clock": "demo"}
"""Of services that run where another one does."""


@dataclass
class WalkedSite:
    folder: Path
    hosts: dict[str, Host]
    authority: trustme.CA
    nginxes: dict[str, Nginx] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    running: dict[str, contextlib.ExitStack] = field(default_factory=dict)
    """What serves and what resolves names."""

    @property
    def entry(self) -> Entry:
        assert SITE.entry is not None
        return SITE.entry

    @property
    def passthrough(self) -> Passthrough:
        values = describe_passthrough(SITE, self.entry)
        place = str(self.folder / WAY)
        return replace(values, folder=place, logs=place, pid=f"{place}/nginx.pid", user=getpass.getuser())

    def make_asker(self, *, outer: tuple[Ip, ...] = (IPv4Address(OUTER),), is_inside: bool = True) -> NetworkAsker:
        """A person in the LAN, and one outside who knows the router's address."""
        lan, wan = self.connect("person"), self.connect("client")
        datagrams = partial(self.hosts["person"].call, connect_datagrams)
        return NetworkAsker(outer, lan if is_inside else None, wan, datagrams, lambda _: PUBLIC)

    def connect(self, source: str, limit: float = 5.0) -> Connect:
        host = self.hosts[source]
        return lambda address, port: host.call(socket.create_connection, (address, port), limit)

    @contextlib.contextmanager
    def route(self, to: str) -> Iterator[None]:
        """The passthrough leads the lab's names to another proxy."""
        with self._changed(WAY, render_passthrough(replace(self.passthrough, routes={"*.lab.pegasuspad.com": to}))):
            yield

    @contextlib.contextmanager
    def serve_less(self, proxy: str) -> Iterator[None]:
        """The proxy knows no service, as before a delivery."""
        with self._changed(proxy, render_proxy(replace(self.proxies[proxy], servers=()))):
            yield

    @contextlib.contextmanager
    def certify(self, proxy: str, label: str, blobs: trustme.LeafCert) -> Iterator[None]:
        """It shows another certificate."""
        place = self.folder / proxy / "certificates" / label
        kept = shutil.copytree(place, place.with_name(f"{label}-kept"))
        try:
            blobs.private_key_pem.write_to_path(place / "key.pem")
            for number, blob in enumerate(blobs.cert_chain_pems):
                blob.write_to_path(place / "chain.pem", append=number > 0)
            self._reload(proxy)
            yield
        finally:
            shutil.rmtree(place)
            Path(kept).rename(place)
            self._reload(proxy)

    @contextlib.contextmanager
    def end_service(self, name: str) -> Iterator[None]:
        self.running[name].close()
        for proxy in (LAB, PROD):
            self._reload(proxy)  # it keeps connections to the service, which outlive it
        try:
            yield
        finally:
            self.running[name].enter_context(run_service(self, name))

    @contextlib.contextmanager
    def answer(self, text: str) -> Iterator[None]:
        """The LAN's resolvers know that, and nothing else; without a text they do not run."""
        self.running["resolver"].close()
        try:
            with run_resolver(self, text) if text else contextlib.nullcontext():
                yield
        finally:
            self.running["resolver"].enter_context(run_resolver(self, render_entry(SITE)[DNSMASQ]))

    @contextlib.contextmanager
    def stop(self, machine: str) -> Iterator[None]:
        """The machine runs, and its nginx does not."""
        self.nginxes[machine].stop()
        try:
            yield
        finally:
            self._start(machine, self.nginxes[machine].file.read_text())

    @contextlib.contextmanager
    def silence(self, machine: str) -> Iterator[None]:
        """What it says gets nowhere."""
        hosts = ("10.111.1.250", "203.0.113.7", "10.111.1.212")
        self.hosts[machine].configure(*(f"route add blackhole {host}/32" for host in hosts))
        try:
            yield
        finally:
            self.hosts[machine].configure(*(f"route del blackhole {host}/32" for host in hosts))

    @contextlib.contextmanager
    def hold(self, machine: str, greeting: bytes = b"") -> Iterator[None]:
        """In the place of the machine's nginx somebody takes connections, and says the greeting or nothing."""
        with self.stop(machine):
            listener = self.hosts[machine].call(socket.create_server, ("", 443))
            held: list[socket.socket] = []

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        held.append(listener.accept()[0])
                        held[-1].sendall(greeting)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()
                for line in (listener, *held):
                    line.close()

    def start(self) -> None:
        for name, values in self.proxies.items():
            self._start(name, render_proxy(values))
        self._start(WAY, render_passthrough(self.passthrough))

    def _start(self, machine: str, text: str) -> None:
        self.hosts[machine].call(self.nginxes[machine].start, text, 443)

    @contextlib.contextmanager
    def _changed(self, machine: str, text: str) -> Iterator[None]:
        before = self.nginxes[machine].file.read_text()
        self._replace(machine, text)
        try:
            yield
        finally:
            self._replace(machine, before)

    def _reload(self, machine: str) -> None:
        self._replace(machine, self.nginxes[machine].file.read_text())

    def _replace(self, machine: str, text: str) -> None:
        nginx = self.nginxes[machine]
        old = nginx.list_workers()
        nginx.replace(text)
        nginx.wait_for_others(old)


@contextlib.contextmanager
def open_walked_site(folder: Path) -> Iterator[WalkedSite]:
    with contextlib.ExitStack() as stack:
        walked = WalkedSite(folder, stack.enter_context(open_hosts(ADDRESSES)), trustme.CA())
        for name in ("resolver", *SERVED):
            walked.running[name] = stack.enter_context(contextlib.ExitStack())
        walked.running["resolver"].enter_context(run_resolver(walked, render_entry(SITE)[DNSMASQ]))
        for name in SERVED:
            walked.running[name].enter_context(run_service(walked, name))
        for name in (WAY, LAB, PROD):
            walked.nginxes[name] = Nginx(folder / name)
            stack.callback(walked.nginxes[name].stop)
        for proxy in walked.entry.proxies:
            place = folder / proxy.machine
            for certificate in proxy.certificates:
                write_certificate(walked.authority, place / "certificates" / certificate.label, *certificate.names)
            walked.proxies[proxy.machine] = replace(
                describe_proxy(SITE, walked.entry, proxy),
                release=OURS,
                **list_places(place),
            )
        walked.start()
        yield walked


@contextlib.contextmanager
def run_service(walked: WalkedSite, name: str) -> Iterator[None]:
    service = walked.hosts[_HOSTS.get(name, name)].call(Service, name, "0.0.0.0", SERVED[name])  # noqa: S104 (in a namespace of its own)
    with service.run():
        yield


@contextlib.contextmanager
def run_resolver(walked: WalkedSite, text: str) -> Iterator[None]:
    """The LAN's two, which know nothing but that."""
    file = walked.folder / "dnsmasq.conf"
    file.write_text(text)
    options = [
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--cache-size=0",
        f"--conf-file={file}",
        "--pid-file=",
    ]
    options += [f"--listen-address={address.partition('/')[0]}" for address in ADDRESSES["resolver"]]
    command = ["dnsmasq", "--keep-in-foreground", "--user=", "--local=/#/", *options, "--log-facility=-"]
    host = walked.hosts["resolver"]
    process = host.call(subprocess.Popen, command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LIMIT
        while True:
            with contextlib.suppress(OSError), host.call(socket.create_connection, ("10.111.1.3", 53), 1):
                break
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(LIMIT)
