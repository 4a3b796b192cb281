"""A token with few rights: a plan says what it lacks for just what it would do, before the first write."""

from __future__ import annotations

import pytest
from tests.system.site_lab import SiteLab

MAKING = {
    "/vms": {
        *("VM.Allocate", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.HWType"),
        *("VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt"),
    },
    "/storage/local-nvme": {"Datastore.AllocateSpace"},
    "/storage/local-hdd": {"Datastore.AllocateSpace", "Datastore.AllocateTemplate"},
    "/sdn/zones/localnetwork/vmbr0": {"SDN.Use"},
    "/pool": {"Pool.Allocate"},
}
READING = {
    "/vms": {"VM.Audit"},
    "/storage/local-nvme": {"Datastore.Audit"},
    "/storage/local-hdd": {"Datastore.Audit"},
}
EACH = [(path, name) for path, names in MAKING.items() for name in sorted(names) if path != "/storage/local-hdd"]


def _become(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch, without: tuple[str, str] = ("", "")) -> None:
    grants = {
        path: {name for name in READING.get(path, set()) | names if (path, name) != without}
        for path, names in MAKING.items()
    }
    monkeypatch.setenv("HOMEPROD_TOKEN", site_lab.lab.add_token("few", grants))


def _drop_phases(site_lab: SiteLab) -> None:
    """A start-up order needs Sys.Modify on /, of which a test of its own speaks."""
    for module in ("lab_ansible_vm", "lab_coder_vm"):
        file = site_lab.root / "modules" / f"{module}.py"
        lines = [line for line in file.read_text().splitlines() if not line.strip().startswith("start=")]
        file.write_text("\n".join(lines) + "\n")


def test_just_what_a_plan_uses_is_enough(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    _drop_phases(site_lab)
    _become(site_lab, monkeypatch)
    assert site_lab.plan("--only", "lab-ansible")["conflicts"] == []
    assert site_lab.apply("--only", "lab-ansible") == 0


@pytest.mark.parametrize(("path", "privilege"), [*EACH, ("/storage/local-hdd", "Datastore.AllocateTemplate")])
def test_a_lack_is_a_conflict_that_names_what_grants_it(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch, path: str, privilege: str
) -> None:
    _drop_phases(site_lab)
    _become(site_lab, monkeypatch, (path, privilege))
    code, out, _ = site_lab.run("plan", "--only", "lab-ansible")
    assert code == 1
    (line,) = [line for line in out.splitlines() if "root@pam!few lacks" in line][:1]
    assert privilege in line
    assert f" on {path}" in line
    assert "pveum role modify" in out
    assert f'--privs "{privilege}"' in out
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-ansible")
    assert code == 1
    assert f"lacks {privilege} on {path}" in said
    assert not site_lab.lab.written()


def test_a_start_up_order_needs_more(site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch) -> None:
    _become(site_lab, monkeypatch)
    out = site_lab.run("plan", "--only", "lab-coder")[1]
    assert "root@pam!few lacks Sys.Modify on / (to set a start-up order)" in out


def test_a_plan_that_makes_nothing_asks_for_the_lease_alone(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_lab.apply("--only", "lab-coder")
    site_lab.edit("lab_coder_vm", 'tags={"coder", "lab"}', 'tags={"builder", "lab"}')
    monkeypatch.setenv("HOMEPROD_TOKEN", site_lab.lab.add_token("few", READING))
    (conflict,) = site_lab.plan("--only", "lab-coder")["conflicts"]
    assert conflict["message"].endswith(
        "lacks Pool.Allocate on /pool (to hold the site's lease, an empty pool of its own)"
    )
    site_lab.edit("_config", "site = SiteConfig(", "site = SiteConfig(lease_limit=None,")
    assert site_lab.plan("--only", "lab-coder")["conflicts"] == []


def test_a_cold_start_needs_the_right_to_power_where_it_is_allowed(
    site_lab: SiteLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drop_phases(site_lab)
    site_lab.apply("--only", "lab-coder")
    site_lab.edit("lab_coder_vm", "memory=2 * GiB", "memory=3 * GiB")
    _become(site_lab, monkeypatch, ("/vms", "VM.PowerMgmt"))
    assert site_lab.plan("--only", "lab-coder")["conflicts"] == []
    site_lab.edit("_config", "site = SiteConfig(", 'site = SiteConfig(cold_starts="allowed",')
    (conflict,) = site_lab.plan("--only", "lab-coder")["conflicts"]
    assert "lacks VM.PowerMgmt on /vms/4001021 (to cold start it)" in conflict["message"]
