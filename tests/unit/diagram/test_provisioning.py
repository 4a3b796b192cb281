"""The picture of how machines are made and configured says what the site declares, in every format."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.picture_sites import make_site
from tests.unit.plan.pegasus import SITE

from homeprod.cli.main import main
from homeprod.diagram.graph import draw_text
from homeprod.diagram.mermaid import draw_mermaid
from homeprod.diagram.provisioning import describe_provisioning, list_control_nodes
from homeprod.diagram.provisioninglayout import lay_provisioning
from homeprod.site.site import Site

GRAPH = describe_provisioning(SITE)


def _name(key: str) -> str:
    return GRAPH.find_node(key).title


def test_who_makes_and_who_configures_in_pegasus() -> None:
    found = {(_name(edge.start), _name(edge.end), edge.kind) for edge in GRAPH.edges}
    assert found == {
        ("site", "a person", "git"),
        ("a person", "Proxmox VE", "make"),
        ("Proxmox VE", "machines", "make"),
        ("playbooks", "lab-ansible", "git"),
        ("vault", "lab-ansible", "git"),
        ("a person", "lab-ansible", "ring"),
        ("a person", "lab-ansible", "unlock"),
        ("New", "Locked", "move"),
        ("Locked", "Ready", "move"),
        ("Ready", "Locked", "move"),
        ("lab-ansible", "lab", "ansible"),
        ("lab-ansible", "prod", "ansible"),
        ("apps", "lab-coder", "poll"),
    }


def test_each_machine_stands_in_its_environment() -> None:
    for environment in ("lab", "prod"):
        own = {one.name for one in SITE.machines.values() if one.machine.environment.name == environment}
        shown = {node.title for node in GRAPH.nodes if node.within == f"environment/{environment}"}
        assert shown == own
    stopped = GRAPH.find_node("vm/prod-ansible")
    assert (stopped.aside, stopped.lines) == ("10.111.1.23", ("control node, left stopped",))
    assert GRAPH.find_node("data-vm/lab-ansible-data").lines == ("owns ssh_keys, 1 GiB",)


def test_the_data_vm_stands_in_the_control_node_that_has_its_disk() -> None:
    (disk,) = [node for node in GRAPH.list_nodes("data") if node.within == "control0"]
    assert disk.title == "lab-ansible-data"
    assert disk.lines == (
        "never booted; owns ssh_keys, 1 GiB on local-hdd",
        "here at /var/lib/ansible, with the sealed keyring",
    )


@pytest.mark.parametrize(
    "site", [SITE, make_site(9, nodes=2, length=63), make_site(1)], ids=["pegasus", "long", "without control node"]
)
@pytest.mark.parametrize("columns", [1, 2])
def test_every_format_shows_all_of_the_graph(site: Site, columns: int) -> None:
    graph = describe_provisioning(site)
    shown = "".join(text.words for text in lay_provisioning(graph, columns).texts).replace(" ", "")
    words = [word for node in graph.nodes if node.key != "machines" for word in (node.title, node.aside, *node.lines)]
    words += [line for edge in graph.edges for line in edge.lines]
    assert [word for word in words if word.replace(" ", "") not in shown] == []
    assert [word for word in words if word not in draw_text(graph)] == []
    text = draw_mermaid(graph).splitlines()
    assert len([line for line in text if "subgraph " in line]) == len(
        [line for line in text if line.strip() == "end"]
    )


def test_a_great_site_tells_how_many_machines_it_leaves_out() -> None:
    graph = describe_provisioning(make_site(200))
    shown = [node for node in graph.nodes if node.within == "environment/e0"]
    assert len(shown) == 90
    assert shown[-1].title == "and 111 more"


def test_a_site_without_a_control_node_has_none_in_its_picture() -> None:
    site = make_site(3)
    assert list_control_nodes(site) == []
    graph = describe_provisioning(site)
    assert graph.list_nodes("control", "state") == []
    assert graph.find_node("environment/e0").aside == "configured by nobody"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first site that there is, too."""
    assert main(["init", str(tmp_path / "home")]) == 0
    capsys.readouterr()
    for form, beginning in (("svg", "<svg "), ("mermaid", "flowchart TB\n"), ("text", "site  git\n")):
        assert main(["--site", str(tmp_path / "home"), "diagram", "provisioning", "--format", form]) == 0
        out, err = capsys.readouterr()
        assert (out[: len(beginning)], err) == (beginning, "")
