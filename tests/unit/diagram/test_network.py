"""The picture of the way in says what the site's table says, in every format."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.picture_sites import make_site
from tests.unit.plan.pegasus import SITE

from homeprod.cli.main import main
from homeprod.diagram.graph import Edge, Graph, draw_text
from homeprod.diagram.mermaid import draw_mermaid
from homeprod.diagram.network import describe_network
from homeprod.diagram.networklayout import lay_network
from homeprod.diagram.svg import draw_svg
from homeprod.site.site import Site

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


def _describe(site: Site) -> Graph:
    assert site.entry is not None
    return describe_network(site, site.entry)


def _list_edges(graph: Graph) -> list[tuple[str, str, Edge]]:
    return [(graph.find_node(edge.start).title, graph.find_node(edge.end).title, edge) for edge in graph.edges]


def test_the_way_in_of_pegasus() -> None:
    found = {(start, end): (edge.kind, edge.lines) for start, end, edge in _list_edges(_describe(SITE))}
    passthrough = "prod-proxy-passthrough"
    outside = ("tls", ("HTTPS 443", "HTTP 80"))
    assert found.pop(("the internet", "fiber gateway")) == outside
    assert found.pop(("fiber gateway", "opnsense")) == outside
    assert found.pop(("opnsense", passthrough)) == ("tls", ("NAT: 443 and 80",))
    doors = ("PROXY protocol → 10.111.1.212:8443", "HTTP by Host → 10.111.1.212:8080")
    assert found.pop((passthrough, "lab-proxy")) == ("proxied", ("*.lab.pegasuspad.com", *doors))
    doors = ("PROXY protocol → 10.111.1.6:443", "HTTP by Host → 10.111.1.6:80")
    assert found.pop((passthrough, "prod-proxy")) == ("proxied", ("every other name", *doors))
    assert found.pop(("the LAN", "lab-proxy")) == ("lan", ("split DNS → 10.111.1.212",))
    assert found.pop(("the LAN", "prod-proxy")) == ("lan", ("split DNS → 10.111.1.5",))
    assert found.pop(("lab-proxy", "demo")) == ("http", ("HTTP",))
    assert {end for start, end in found if start == "prod-proxy"} == {
        *("nextcloud", "gitea", "freshrss", "coder", "collabora")
    }


def test_a_service_says_who_may_ask_and_where_it_leads() -> None:
    graph = _describe(SITE)
    service = next(node for node in graph.nodes if node.title == "collabora")
    assert graph.find_node(service.within).title == "prod-proxy"
    assert (service.kind, service.aside) == ("lan-service", "LAN only, websockets")
    assert service.lines == ("collabora.home.pegasuspad.com", "→ collabora-code 10.111.1.210:9980")


def test_ipv6_stands_there_where_the_site_has_it() -> None:
    graph = _describe(make_site(2, proxies=1, has_ipv6=True))
    assert graph.find_node("passthrough").lines[0].startswith("2001:db8:1234:5678::")
    assert graph.list_edges("router")[0].lines == ("NAT: 443 and 80", "IPv6: routed, no NAT")
    assert "→ [2001:db8:1:2:3:4:5:6]:65535" in graph.list_nodes("service")[0].lines


def test_https_to_a_service_looks_otherwise() -> None:
    assert SITE.entry is not None
    lab = SITE.entry.proxies[0]
    service = lab.services[0].model_copy(
        update={"upstreams": (replace(lab.services[0].upstreams[0], scheme="https"),)}
    )
    proxies = (lab.model_copy(update={"services": (service,)}), *SITE.entry.proxies[1:])
    graph = describe_network(SITE, SITE.entry.model_copy(update={"proxies": proxies}))
    assert [(edge.kind, edge.lines) for edge in graph.list_edges("proxy0")] == [("tls", ("HTTPS",))]


@pytest.mark.parametrize("site", [SITE, make_site(9, proxies=3, length=63, has_ipv6=True)], ids=["pegasus", "long"])
@pytest.mark.parametrize("columns", [1, 2])
def test_every_format_shows_all_of_the_graph(site: Site, columns: int) -> None:
    graph = _describe(site)
    shown = "".join(text.words for text in lay_network(graph, columns).texts).replace(" ", "")
    words = [word for node in graph.nodes for word in (node.title, node.aside, *node.lines)]
    words += [line for edge in graph.edges for line in edge.lines if edge.kind not in ("http", "tls")]
    # XML, and so an SVG, has no NUL; the HTTP of a service is told by the legend.
    assert [word for word in words if word.replace(" ", "") not in shown] == []
    assert [word for word in words if word not in draw_text(graph)] == []
    arrows = re.findall(r"^ +n\d+x? (?:-->|-\.->|==>)", draw_mermaid(graph), re.MULTILINE)
    assert len(arrows) == len(graph.edges)


def test_words_of_the_site_break_no_format() -> None:
    """The router's name is free text."""
    graph = _describe(make_site(1, proxies=1))
    root = ElementTree.fromstring(draw_svg(lay_network(graph)))  # noqa: S314  # our own words
    assert 'the "router" <b>&amp; #1' in " ".join(root.itertext()).replace("\n", " ")
    labels = re.findall(r'\["(.*)"\]', draw_mermaid(graph))
    assert any("the #34;router#34; #60;b#62;#38;amp; #35;1" in label for label in labels)
    assert all(re.fullmatch(r"(?:[^\"<>&`#\\]|#\d+;|<br/>)*", label) for label in labels)


def test_the_svg_stands_alone_in_light_and_dark() -> None:
    picture = draw_svg(lay_network(_describe(SITE)))
    root = ElementTree.fromstring(picture)  # noqa: S314  # our own words
    assert root.get("role") == "img"
    assert root.findtext("{*}title") == "pegasus: the way in"
    assert "prod-proxy-passthrough --every other name" in (root.findtext("{*}desc") or "")
    assert "prefers-color-scheme: dark" in picture
    assert not re.search(r"url\(|@import|href|font-face|<script|<image|foreignObject", picture)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    for form, beginning in (("svg", "<svg "), ("mermaid", "flowchart TB\n"), ("text", "the internet\n")):
        assert main(["--site", str(PEGASUS), "diagram", "network", "--format", form]) == 0
        out, err = capsys.readouterr()
        assert (out[: len(beginning)], err) == (beginning, "")
    assert main(["--site", str(PEGASUS), "diagram", "network", "--columns", "1", "--format", "svg"]) == 0
    assert capsys.readouterr().out == draw_svg(lay_network(_describe(SITE), 1))


def test_a_site_without_a_way_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "home")]) == 0
    capsys.readouterr()
    assert main(["--site", str(tmp_path / "home"), "diagram", "network"]) == 1
    assert "the site declares no way in" in capsys.readouterr().err
