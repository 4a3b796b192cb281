"""The rendered site: what Ansible and the control node read of it, by their own programs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from homeprod.cli.pictures import render_pictures
from homeprod.control.settings import PromotionSettings, UpkeepSettings, parse_settings
from homeprod.core.secret import find_secret
from homeprod.network.rendered.files import render_entry
from homeprod.site.loader import load_site
from homeprod.site.rendered.files import render_site
from homeprod.site.rendered.inventory import describe_inventory
from homeprod.site.rendered.settings import render_settings
from homeprod.site.rollout import list_rollout

EXAMPLES = Path(__file__).parents[3] / "examples"
SITE = load_site(EXAMPLES / "pegasus")
CONFIGURED = {"lab-coder", "lab-proxy", "prod-proxy", "prod-proxy-passthrough"}


def test_the_example_has_what_its_site_renders() -> None:
    folder = EXAMPLES / "pegasus-playbooks"
    files = (file for file in (folder / "site").rglob("*") if file.is_file())
    there = {str(file.relative_to(folder)): file.read_text() for file in files}
    assert there == {**render_site(SITE), **render_entry(SITE), **render_pictures(SITE)}, (
        "run homeprod --site examples/pegasus render --to examples/pegasus-playbooks"
    )


def test_a_control_nodes_settings_are_what_it_reads() -> None:
    settings = parse_settings(render_settings(SITE, "lab-ansible"), "lab-ansible.json")
    assert settings.node == "lab-ansible"
    assert [(one.name, one.branch, one.user) for one in settings.environments] == [
        ("lab", "lab", "homeprod-lab"),
        ("prod", "prod", "homeprod-prod"),
    ]
    assert settings.administrators == ("ops",)
    assert [owner.person for owner in settings.ringers] == ["ops", "sean"]
    assert [owner.person for owner in settings.administrator_keys] == ["ops"]
    assert [owner.person for owner in settings.signers] == ["ops"]
    assert not parse_settings(render_settings(SITE, "prod-ansible"), "prod-ansible.json").environments


def test_no_more_than_one_environment_is_another_nodes() -> None:
    with pytest.raises(ValueError, match="lab-coder is no control node"):
        render_settings(SITE, "lab-coder")


def test_the_inventory_holds_the_machines_that_a_control_node_logs_in_to() -> None:
    inventory: dict[str, Any] = describe_inventory(SITE)
    hosts = inventory["all"]["hosts"]
    assert set(hosts) == CONFIGURED
    assert hosts["lab-coder"]["ansible_host"] == "10.111.1.21"
    assert hosts["lab-coder"]["ansible_user"] == "ansible"
    assert hosts["lab-coder"]["homeprod_control_node"] == "lab-ansible"
    assert [person["name"] for person in hosts["lab-coder"]["homeprod_people"]] == ["sean"]
    groups = inventory["all"]["children"]
    assert set(groups["env_prod"]["hosts"]) == {"prod-proxy", "prod-proxy-passthrough"}
    assert set(groups["tag_infrastructure"]["hosts"]) == {"lab-proxy", "prod-proxy", "prod-proxy-passthrough"}
    assert set(groups["kept_by_harbormaster"]["hosts"]) == {"lab-coder"}


def test_ansible_itself_reads_the_inventory(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yml"
    file.write_text(render_site(SITE)["site/inventory.yml"])
    program = Path(sys.executable).with_name("ansible-inventory")
    command = (str(program), "-i", str(file), "--list")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert not done.stderr
    listed = json.loads(done.stdout)
    assert set(listed["_meta"]["hostvars"]) == CONFIGURED
    assert set(listed["env_lab"]["hosts"]) == {"lab-coder", "lab-proxy"}


def test_the_same_site_gives_the_same_files_and_nothing_secret() -> None:
    files, again = render_site(SITE), load_site(SITE.root)
    assert files == render_site(again)
    assert render_entry(SITE) == render_entry(again)
    assert set(files) == {"site/inventory.yml", "site/lab-ansible.json", "site/prod-ansible.json"}
    for text in (*files.values(), *render_entry(SITE).values()):
        assert find_secret(text) is None
    assert yaml.safe_load(files["site/inventory.yml"]) == describe_inventory(SITE)


def test_a_machine_waits_for_the_key_of_its_own_environment() -> None:
    from homeprod.site.configured import find_awaited_key, list_people

    keys = {name: key for name, key in SITE.control_keys.items() if name.endswith("-lab")}
    site = replace(SITE, control_keys=keys)
    coder, proxy = (site.machines[name].machine for name in ("lab-coder", "prod-proxy"))
    assert find_awaited_key(site, coder) == ""
    assert find_awaited_key(site, proxy) == "keys/lab-ansible-prod.pub"
    assert find_awaited_key(site, site.machines["lab-ansible"].machine) == ""
    people = {person.name: person.keys for person in list_people(SITE, proxy)}  # type: ignore[arg-type]
    assert people["ansible"] == (SITE.control_keys["lab-ansible-prod"],)


ADOPTED = """
from homeprod import AdoptedVirtualMachine
from modules._config import ansible, lab, sean

vm = AdoptedVirtualMachine(vmid=5000, {number}environment=lab, tags={{"web"}}, people=(sean, ansible))
"""


@pytest.mark.parametrize(("number", "address"), [("number=60, ", "10.111.1.60"), ("", "web")])
def test_a_machine_that_others_made_is_configured_too(tmp_path: Path, number: str, address: str) -> None:
    from homeprod.site.configured import find_awaited_key

    shutil.copytree(EXAMPLES / "pegasus", tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "site" / "modules" / "web_vm.py").write_text(ADOPTED.format(number=number))
    (tmp_path / "site" / "keys" / "lab-ansible-lab.pub").unlink()
    site = load_site(tmp_path / "site")
    inventory: dict[str, Any] = describe_inventory(site)
    host = inventory["all"]["hosts"]["web"]
    assert (host["ansible_host"], host["ansible_user"]) == (address, "ansible")
    assert [person["name"] for person in host["homeprod_people"]] == ["sean"]
    assert {name for name, group in inventory["all"]["children"].items() if "web" in group["hosts"]} == {
        "env_lab",
        "tag_web",
        "kept_by_ansible",
    }
    assert find_awaited_key(site, site.machines["web"].machine) == "", "it is there already"


def test_an_environments_upkeep_reaches_its_node_and_the_default_changes_no_file(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "pegasus", tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    config = tmp_path / "site" / "modules" / "_config.py"
    text = config.read_text().replace(', upkeep=Upkeep(policy="converge"))', ")")
    config.write_text(text)
    before = render_settings(load_site(tmp_path / "site"), "lab-ansible")
    assert "upkeep" not in before, "a node that knows of none must be able to read it"
    assert all(one.upkeep == UpkeepSettings() for one in parse_settings(before, "before").environments)
    shutil.copytree(tmp_path / "site", tmp_path / "kept")
    config = tmp_path / "kept" / "modules" / "_config.py"
    kept = 'upkeep=Upkeep(every=15, policy="converge", window="22:00-04:30"), '
    text = text.replace('Environment(name="lab", ', f'Environment(name="lab", {kept}')
    text = text.replace("prod = Environment(", "prod = Environment(upkeep=None, ")
    text = text.replace('name="pegasus",', 'name="pegasus", time_zone="America/New_York",')
    config.write_text(text)
    lab, prod = parse_settings(
        render_settings(load_site(tmp_path / "kept"), "lab-ansible"), "lab-ansible.json"
    ).environments
    assert lab.upkeep == UpkeepSettings(
        every=15, policy="converge", window="22:00-04:30", time_zone="America/New_York"
    )
    assert prod.upkeep is None


def test_a_gate_reaches_its_node_with_the_order_and_the_counterparts(tmp_path: Path) -> None:
    assert "promotion" not in render_settings(SITE, "lab-ansible"), (
        "a node that knows of none must be able to read it"
    )
    shutil.copytree(EXAMPLES / "pegasus", tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    config = tmp_path / "site" / "modules" / "_config.py"
    text = config.read_text().replace("import (", "import (\n    Promotion,", 1)
    gate = 'prod = Environment(promotion=Promotion(fresh_days=7, canary=("prod-proxy",)), '
    config.write_text(text.replace("prod = Environment(", gate))
    proxy = tmp_path / "site" / "modules" / "prod_proxy_vm.py"
    proxy.write_text(proxy.read_text().replace("number=5,", 'number=5,\n    counterpart="lab-proxy",'))
    settings = parse_settings(render_settings(load_site(tmp_path / "site"), "lab-ansible"), "lab-ansible.json")
    lab, prod = settings.environments
    assert lab.promotion is None
    assert prod.promotion == PromotionSettings(
        fresh_days=7,
        canary=("prod-proxy",),
        order=("prod-proxy", "prod-proxy-passthrough"),
        counterparts={"prod-proxy": "lab-proxy"},
    )
    assert prod.promotion.fresh_seconds == 7 * 86_400


def test_a_revision_comes_to_machines_in_the_order_of_their_start() -> None:
    prod = SITE.machines["prod-proxy"].machine.environment
    assert list_rollout(SITE, prod) == ("prod-proxy-passthrough", "prod-proxy"), "network, then infrastructure"
