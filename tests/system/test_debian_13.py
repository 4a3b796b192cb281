"""The example's entry on Debian 13's nginx: the very bytes that are delivered, at the addresses of the site."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from tests.debian_13 import Machine, open_machines
from tests.hosts import open_hosts
from tests.nginx_process import LIMIT, Service, write_certificate

from homeprod.network.nginx.entry import describe_passthrough, describe_proxy
from homeprod.network.nginx.passthrough import render_passthrough
from homeprod.network.nginx.proxy import Proxy, render_proxy
from homeprod.site.entry.place import RELEASES, Nginx
from homeprod.site.loader import load_site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),  # the first time, the tree is downloaded
    pytest.mark.namespace,
    pytest.mark.skipif(os.geteuid() != 0, reason="machines are network namespaces and trees of root's: run as root"),
]
SITE = load_site(Path(__file__).parents[2] / "examples" / "pegasus")
WAY = "prod-proxy-passthrough"
CLIENT = "203.0.113.7"
ADDRESSES = {
    "client": (f"{CLIENT}/24",),
    WAY: ("10.111.1.4/24",),
    "lab-proxy": ("10.111.1.212/24",),
    "prod-proxy": ("10.111.1.5/24", "10.111.1.6/24"),
    "demo": ("10.111.1.21/24",),
    "nextcloud": ("10.111.1.207/24",),
}
"""The client's is kept for documentation (RFC 5737); all exist in the test's own namespaces alone."""
SERVED = {"demo": ("demo.lab.pegasuspad.com", 8080), "nextcloud": ("cloud.pegasuspad.com", 80)}
NAMES = pytest.mark.parametrize(("service", "name"), [(service, name) for service, (name, _) in SERVED.items()])


@dataclass
class Setting:
    machines: dict[str, Machine]
    authority: Path
    """What clients believe."""


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder, authority = tmp_path_factory.mktemp("debian-13"), trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    assert SITE.entry is not None
    with contextlib.ExitStack() as stack:
        hosts = stack.enter_context(open_hosts(ADDRESSES))
        for service, (_, port) in SERVED.items():
            stack.enter_context(hosts[service].call(Service, service, "0.0.0.0", port).run())  # noqa: S104 (its own)
        tiers = {name: hosts[name] for name in (WAY, "client", *(proxy.machine for proxy in SITE.entry.proxies))}
        machines = stack.enter_context(open_machines(folder, tiers))
        machines[WAY].write(render_passthrough(describe_passthrough(SITE, SITE.entry)))
        for proxy in SITE.entry.proxies:
            values = describe_proxy(SITE, SITE.entry, proxy)
            place_certificates(authority, machines[proxy.machine], values)
            machines[proxy.machine].write(render_proxy(values))
        authority.cert_pem.write_to_path(machines["client"].root / "authority.pem")
        yield Setting(machines, folder / "authority.pem")


def place_certificates(authority: trustme.CA, machine: Machine, values: Proxy) -> None:
    named: dict[str, list[str]] = {values.default_certificate: ["default.example"]}
    for block in (block for server in values.servers for block in server.blocks):
        named.setdefault(block.certificate, []).extend(block.names)
    for label, names in named.items():
        write_certificate(authority, machine.root / values.certificates.removeprefix("/") / label, *names)


def test_the_release_has_what_the_table_says(setting: Setting) -> None:
    said = setting.machines[WAY].run("nginx", "-V")
    versions = re.findall(
        r"nginx/(\d+)\.(\d+)|running with OpenSSL (\d+)\.(\d+)|built with OpenSSL (\d+)\.(\d+)", said
    )
    numbers = [tuple(int(number) for number in found if number) for found in versions]
    assert Nginx(numbers[0], numbers[-1]) == RELEASES["debian-13"]  # type: ignore[arg-type]


def test_it_is_accepted_without_a_warning(setting: Setting) -> None:
    for name in (WAY, "lab-proxy", "prod-proxy"):
        said = setting.machines[name].run("nginx", "-t")
        assert said.splitlines() == [
            "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
            "nginx: configuration file /etc/nginx/nginx.conf test is successful",
        ]


@pytest.fixture(scope="module")
def running(setting: Setting) -> Setting:
    for name in (WAY, "lab-proxy", "prod-proxy"):
        setting.machines[name].start(443)
    return setting


@NAMES
def test_it_serves_over_http_2(running: Setting, service: str, name: str) -> None:
    command = ("curl", "-sS", "--http2", "--cacert", str(running.authority), "--resolve", f"{name}:443:10.111.1.4")
    done = running.machines["client"].host.call(
        subprocess.run, (*command, "-w", "\n%{http_version}", f"https://{name}/"), capture_output=True, text=True,
        timeout=LIMIT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    body, version = done.stdout.splitlines()
    told = json.loads(body)
    assert (version, told["service"], told["headers"]["x-forwarded-for"]) == ("2", service, CLIENT)


@NAMES
@pytest.mark.parametrize(
    ("asked", "agreed"),
    [
        ("X25519MLKEM768", "X25519MLKEM768"),
        ("X25519MLKEM768:X25519", "X25519MLKEM768"),
        ("X25519", "X25519, 253 bits"),
    ],
)
def test_keys_are_agreed_on_after_quantum_computers_too(
    running: Setting, service: str, name: str, asked: str, agreed: str
) -> None:
    """By a client that can; others are served as before."""
    said = running.machines["client"].run(
        "openssl", "s_client", "-connect", "10.111.1.4:443", "-servername", name, "-verify_hostname", name,
        "-CAfile", "/authority.pem", "-verify_return_error", "-groups", asked, "-alpn", "h2", "-brief",
    )  # fmt: skip
    lines = {key: value for key, _, value in (line.partition(": ") for line in said.splitlines())}
    assert (lines["Protocol version"], lines["Verification"]) == ("TLSv1.3", "OK")
    assert {lines.get("Negotiated TLS1.3 group"), lines.get("Peer Temp Key")} - {None} == {agreed}, said
