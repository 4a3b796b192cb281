"""Whatever happens to a cluster's nodes: nothing is made twice, deleted or touched that could not be asked, and when
all is back everything is as the site says.

``HOMEPROD_CLUSTER_STATES`` says how many states are drawn.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.passage import Passage
from tests.system.cluster_lab import NODES, list_machines, move, open_cluster_lab, switch
from tests.system.site_lab import SiteLab

from homeprod.lab.hypervisor import Hypervisor

pytestmark = pytest.mark.slow

STATES = int(os.environ.get("HOMEPROD_CLUSTER_STATES", "6"))
MOVED = ("lab-coder", "lab-feed", "lab-wiki", "lab-proxy", "prod-proxy", "lab-ansible")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[SiteLab]:
    with open_cluster_lab(tmp_path, monkeypatch, capsys) as lab:
        assert lab.apply() == 0
        yield lab


def list_volumes(lab: SiteLab) -> set[str]:
    def look(hypervisor: Hypervisor) -> set[str]:
        return {record.volume for name in hypervisor.storages for record in hypervisor.catalog.list_storage(name)}

    return lab.lab.do(look)


@pytest.mark.timeout(3000)
def test_any_state_of_the_nodes(cluster: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = list_volumes(cluster)
    vmids = {entry["name"]: int(str(entry["vmid"])) for entry in _list_rows(cluster)}
    with Passage(cluster.lab.port) as first, Passage(cluster.lab.port) as second:
        monkeypatch.setenv("HOMEPROD_ENDPOINT", f"{first.url},{second.url}")
        for seed in range(STATES):
            draw = random.Random(seed)  # noqa: S311 (to be drawn again by its number)
            _change(cluster, vmids, draw, (first, second))
            _check(cluster, seed)
            assert list_volumes(cluster) == volumes, f"state {seed}"
        for node in NODES:
            switch(cluster, node, on=True)
        assert cluster.apply() == 0
        assert cluster.actions() == []
        assert {*list_machines(cluster)} == {*vmids.values()}
        assert list_volumes(cluster) == volumes


def _list_rows(cluster: SiteLab) -> list[dict[str, object]]:
    return list(json.loads(cluster.run("status", "--json")[1])["machines"])


def _change(cluster: SiteLab, vmids: dict[str, int], draw: random.Random, passages: tuple[Passage, Passage]) -> None:
    """One machine or two moved, some nodes off (one at least is there), one endpoint dead, a tag of one changed."""
    for node in NODES:
        switch(cluster, node, on=True)
    for name in draw.sample(MOVED, draw.randint(0, 2)):
        vmid, node = vmids[name], draw.choice(NODES)
        cluster.lab.do(lambda hypervisor, vmid=vmid, node=node: move(hypervisor, vmid, node))  # type: ignore[misc]
    for node in draw.sample(NODES, draw.randint(0, 2)):
        switch(cluster, node, on=False)
    dead = draw.randrange(3)
    for number, passage in enumerate(passages):
        passage.shut()
        if number != dead:
            passage.open()
    module = cluster.root / "modules" / f"{draw.choice(('lab_feed', 'lab_wiki', 'lab_coder'))}_vm.py"
    module.write_text(module.read_text().replace("tags={", f'tags={{"t{draw.randrange(1000)}", '))


def _check(cluster: SiteLab, seed: int) -> None:
    before = list_machines(cluster)
    offline = cluster.lab.do(lambda hypervisor: set(hypervisor.offline))
    away = {vmid for vmid, (node, _) in before.items() if node in offline}
    plan = cluster.plan()
    assert {entry["vmid"] for entry in plan["unknown"]} == away, f"state {seed}"
    assert plan["conflicts"] == [], f"state {seed}"
    assert {change["action"] for change in plan["changes"]} <= {"update"}, f"state {seed}"
    assert not away & {change["vmid"] for change in plan["changes"]}, f"state {seed}"
    assert cluster.apply() == (3 if away else 0), f"state {seed}"
    after = list_machines(cluster)
    assert {*after} == {*before}, f"state {seed}"
    assert {vmid: after[vmid] for vmid in away} == {vmid: before[vmid] for vmid in away}, f"state {seed}"
    assert cluster.actions() == [], f"state {seed}"
