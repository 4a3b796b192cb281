"""The example's entry as nginx configurations, by nginx's own word."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from tests.nginx_process import OURS, Nginx, write_certificate

from homeprod.network.nginx.entry import describe_passthrough, describe_proxy
from homeprod.network.nginx.passthrough import render_passthrough
from homeprod.network.nginx.proxy import render_proxy
from homeprod.network.nginx.template import check_word, quote
from homeprod.site.loader import load_site

SITE = load_site(Path(__file__).parents[3] / "examples" / "pegasus")
assert SITE.entry is not None
ENTRY = SITE.entry
PROXIES = {proxy.machine: proxy for proxy in ENTRY.proxies}


def test_the_passthroughs_values() -> None:
    values = describe_passthrough(SITE, ENTRY)
    assert values.routes == {"*.lab.pegasuspad.com": "lab-proxy"}
    assert values.default == "prod-proxy"
    doors = {gate.name: (gate.address, gate.passed, gate.http) for gate in values.gates}
    assert doors == {
        "lab-proxy": (ip_address("10.111.1.212"), 8443, 8080),
        "prod-proxy": (ip_address("10.111.1.6"), 443, 80),
    }


def test_names_of_another_certificate_get_a_block_of_their_own() -> None:
    servers = {server.name: server for server in describe_proxy(SITE, ENTRY, PROXIES["prod-proxy"]).servers}
    assert [(block.names, block.certificate) for block in servers["coder"].blocks] == [
        (("coder.pegasuspad.com",), "pegasuspad.com"),
        (("*.coder.pegasuspad.com",), "_.coder.pegasuspad.com"),
    ]
    assert servers["collabora"].is_for_lan
    assert servers["nextcloud"].upstreams == ((ip_address("10.111.1.207"), 80),)


def test_nginx_takes_the_passthroughs(tmp_path: Path) -> None:
    values = replace(describe_passthrough(SITE, ENTRY), folder=str(tmp_path), logs=str(tmp_path))
    assert Nginx(tmp_path).test(render_passthrough(replace(values, pid=str(tmp_path / "pid")))) == ""


@pytest.mark.parametrize("name", sorted(PROXIES))
def test_nginx_takes_the_proxies(tmp_path: Path, name: str) -> None:
    values = describe_proxy(SITE, ENTRY, PROXIES[name])
    assert (values.release.version, values.has_http2_directive) == ((1, 26), True)
    labels = {values.default_certificate, *(b.certificate for server in values.servers for b in server.blocks)}
    for label in labels:
        write_certificate(trustme.CA(), tmp_path / "certificates" / label, "x.example")
    here = replace(
        values,
        release=OURS,
        folder=str(tmp_path),
        logs=str(tmp_path),
        certificates=str(tmp_path / "certificates"),
        pid=str(tmp_path / "pid"),
    )
    assert Nginx(tmp_path).test(render_proxy(here)) == ""
    assert "        http2 on;\n" in render_proxy(values)
    assert " http2" not in render_proxy(values).replace("        http2 on;\n", "")


def test_the_same_entry_gives_the_same_bytes() -> None:
    again = load_site(SITE.root)
    assert again.entry is not None
    one, other = describe_passthrough(SITE, ENTRY), describe_passthrough(again, again.entry)
    assert render_passthrough(one) == render_passthrough(other)
    for ours, theirs in zip(ENTRY.proxies, again.entry.proxies, strict=True):
        first, second = describe_proxy(SITE, ENTRY, ours), describe_proxy(again, again.entry, theirs)
        assert render_proxy(first) == render_proxy(second)


@pytest.mark.parametrize("text", ["a b", "a;", "a{", "$host", 'a"', "a'", "a\\b", "a\nb", "", "a#b", "é"])
def test_nothing_that_nginx_would_read_gets_into_it(text: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        check_word(text)


@pytest.mark.parametrize("text", ["$host", "a\\b", "a\nb", "é"])
def test_nothing_gets_out_of_quotes(text: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        quote(text)
