"""The entry's roles on a booted Debian 13, by plain ansible-playbook, as a person may use them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from tests.booted_guest import open_booted_guest
from tests.played_host import Host

from homeprod.cloudinit.userdata import Guest
from homeprod.network.nginx.passthrough import Gate, Passthrough, render_passthrough
from homeprod.network.nginx.proxy import Block, Proxy, Server, render_proxy
from homeprod.site.entry.place import RELEASES

HERE, NAME, CERTIFICATE = "192.0.2.100", "demo.lab.example", "/etc/homeprod/certificates/demo"
DEMO_ROLES = Path(__file__).parents[2] / "examples" / "pegasus-playbooks" / "roles"
PLAYBOOK = """
- hosts: all
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: "{{ item }}"
      loop: "{{ the_roles }}"
"""
RULES = """table inet homeprod_entry
delete table inet homeprod_entry
table inet homeprod_entry {
    chain arriving {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "wan0" tcp dport 443 dnat ip to 192.0.2.20
    }
}
"""
pytestmark = [
    pytest.mark.guest,
    pytest.mark.soak,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab that boots machines makes network namespaces: run as root"),
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("entry")
    (folder / "entry.yml").write_text(PLAYBOOK)
    (folder / "roles").symlink_to(DEMO_ROLES)
    with open_booted_guest(folder) as guest:
        guest.create(Guest("m1", "m1-1", "home.example", (guest.user,)), {})
        guest.boot()
        guest.ssh("true")
        yield Host(guest, folder, folder / "entry.yml")


def make_proxy() -> Proxy:
    server = Server("demo", (Block((NAME,), "demo"),), ((ip_address("127.0.0.1"), 8081),))
    return Proxy(
        servers=(server,),
        passthroughs=(ip_address("192.0.2.7"),),
        lan=(ip_network("192.0.2.0/24"), ip_network("127.0.0.0/8")),
        release=RELEASES["debian-13"],
        default_certificate="demo",
    )


def ask(host: Host, name: str = NAME, port: int = 443) -> str:
    """What the machine's own nginx says of a name: status and body."""
    address = f"--resolve {name}:{port}:{HERE}"
    return host.guest.ssh(f"curl -sk -m 20 -w ' %{{http_code}}' {address} https://{name}:{port}/ || true")


def test_a_service_and_its_proxy(host: Host) -> None:
    ssh = host.guest.ssh
    proxy = make_proxy()
    host.variables |= {
        "the_roles": ["demo_service"],
        "demo_service_port": 8081,
        "demo_service_proxies": ["127.0.0.1"],
    }
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert json.loads(ssh(f"curl -s http://{HERE}:8081/"))["client"] == HERE

    ssh(
        f"mkdir -p {CERTIFICATE}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9"
        f" -subj /CN={NAME} -keyout {CERTIFICATE}/key.pem -out {CERTIFICATE}/chain.pem 2>/dev/null"
    )
    probe = {"name": NAME, "address": HERE, "port": 443, "certificate": f"{CERTIFICATE}/chain.pem"}
    # The proxy's configuration is all of the machine's, so the service's own file has to be read by it.
    text = render_proxy(proxy).rstrip().removesuffix("}") + "    include /etc/nginx/conf.d/demo.conf;\n}\n"
    host.variables |= {
        "the_roles": ["homeprod.site.nginx_proxy"],
        "nginx_proxy_configuration": text,
        "nginx_proxy_probes": [probe],
    }
    assert host.play("--check")[0] == 0, host.said
    assert ask(host) == " 000"
    assert host.play()[0] == 0, host.said
    assert ask(host).endswith(" 200")
    before = ssh("pgrep -f 'nginx: worker' | sort")
    assert host.play() == (0, 0), host.said
    assert host.play("--check") == (0, 0), host.said
    assert ssh("pgrep -f 'nginx: worker' | sort") == before
    assert ssh("systemctl is-enabled nginx").strip() == "enabled"


def test_what_does_not_serve_is_not_left_in_place(host: Host) -> None:
    good = host.variables["nginx_proxy_configuration"]
    for wrong, words in (
        (good.replace("proxy_pass http://demo;", "proxy_pass http://127.0.0.1:9;"), "status 502, before: status 200"),
        (good.replace("http {", "http { nonsense on;", 1), "does not take this configuration"),
        (good.replace("server_tokens off;", "server_tokens on;"), "server_tokens"),
    ):
        host.variables["nginx_proxy_configuration"] = wrong
        assert host.play()[0] == 2
        assert words in " ".join(host.said.replace("\\n", " ").split())
        assert ask(host).endswith(" 200")
    host.variables["nginx_proxy_configuration"] = good
    assert host.play() == (0, 0), host.said


def test_a_passthrough(host: Host) -> None:
    gate = Gate("here", ip_address("127.0.0.1"), 8443)
    text = render_passthrough(replace(Passthrough({}, "here", (gate,)), https=443, http=8000))
    host.variables |= {
        "the_roles": ["homeprod.site.nginx_passthrough"],
        "nginx_passthrough_configuration": text,
        "nginx_passthrough_probes": [{"name": NAME, "address": HERE, "port": 443}],
    }
    assert host.play()[0] == 2  # nothing is behind it, so what served before comes back
    assert "the configuration before it is back, and serves" in " ".join(host.said.replace("\\n", " ").split())
    assert ask(host).endswith(" 200")
    host.variables["nginx_passthrough_probes"] = []
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert "passed.json" in host.guest.ssh("ls /var/log/nginx")


def test_a_gateway(host: Host) -> None:
    ssh = host.guest.ssh
    host.variables |= {"the_roles": ["homeprod.site.gateway"], "gateway_rules": RULES}
    ssh("nft add table inet other")
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert "dnat ip to 192.0.2.20" in ssh("nft list table inet homeprod_entry")
    assert ssh("cat /proc/sys/net/ipv4/ip_forward").strip() == "1"
    ssh("nft delete table inet homeprod_entry")
    assert host.play()[0] == 0, host.said
    assert host.play() == (0, 0), host.said
    assert ssh("nft list table inet homeprod_entry; nft list table inet other").count("table inet") == 2
    host.variables["gateway_rules"] = f"{RULES}nonsense\n"
    assert host.play()[0] == 2
    assert "failed to validate" in host.said
    host.variables["gateway_rules"] = RULES.replace("192.0.2.20", "192.0.2.21")
    assert host.play()[0] == 0, host.said
    assert ssh("nft list table inet homeprod_entry").count("dnat") == 1
