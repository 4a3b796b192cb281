"""What a token needs, lacks, and the lines that grant it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.published_schema import load_paths

from homeprod.drivers.proxmox.rights import (
    HeldPermissions,
    Job,
    Need,
    describe_grant,
    describe_role,
    find_missing,
    list_needs,
)

JOB = Job(
    disk_storages=frozenset({"local-lvm"}),
    file_storages=frozenset({"local"}),
    bridges=frozenset({"vmbr0"}),
    fetch_nodes=frozenset({"pve"}),
)


def privileges(needs: tuple[Need, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for need in needs:
        found.setdefault(need.path, set()).update(need.privileges)
    return found


def test_what_differs_between_the_releases_is_the_guest_agent() -> None:
    eight, nine = privileges(list_needs(JOB, (8, 4))), privileges(list_needs(JOB, (9, 0)))
    assert eight["/vms"] - nine["/vms"] == {"VM.Monitor"}
    assert nine["/vms"] - eight["/vms"] == {"VM.GuestAgent.Audit", "VM.GuestAgent.FileRead"}
    assert {path: names for path, names in eight.items() if path != "/vms"} == {
        path: names for path, names in nine.items() if path != "/vms"
    }


def test_only_what_the_job_asks_for() -> None:
    least = privileges(list_needs(Job(), (9, 2)))
    assert set(least) == {"/vms", "/", "/pool"}
    assert set(privileges(list_needs(Job(holds_lease=False), (9, 2)))) == {"/vms", "/"}
    assert least["/"] == {"Sys.Audit"}
    needs = privileges(list_needs(replace(JOB, sets_startup=True, deletes_files=False), (9, 2)))
    assert needs["/"] == {"Sys.Audit", "Sys.Modify"}
    assert needs["/storage/local"] == {"Datastore.Audit", "Datastore.AllocateTemplate"}
    assert needs["/storage/local-lvm"] == {"Datastore.Audit", "Datastore.AllocateSpace"}
    assert needs["/sdn/zones/localnetwork/vmbr0"] == {"SDN.Use"}
    assert needs["/nodes/pve"] == {"Sys.AccessNetwork", "Sys.Audit"}


def test_every_privilege_is_one_that_proxmox_has() -> None:
    """The published schema lists those of 9 in its permission checks; VM.Monitor is of 8 alone."""
    published = repr([method.get("permissions") for path in load_paths().values() for method in path.values()])
    listed = {name for need in list_needs(replace(JOB, sets_startup=True), (9, 2)) for name in need.privileges}
    # Checked in code and not in the schema: what a configuration's keys and a storage's volumes need.
    by_code = {name for name in listed if name.startswith("VM.Config.")} | {"Datastore.Allocate", "SDN.Use"}
    assert not {name for name in listed - by_code if name not in published}


def test_missing_privileges_are_found_by_path() -> None:
    needs = list_needs(JOB, (9, 2))
    everything = {path: frozenset(names) for path, names in privileges(needs).items()}
    assert find_missing(everything, needs) == []
    less = {**everything, "/vms": everything["/vms"] - {"VM.PowerMgmt"}}
    [missing] = find_missing(less, needs)
    assert (missing.path, missing.privileges) == ("/vms", {"VM.PowerMgmt"})
    assert "start" in missing.why


def test_nothing_held_at_all() -> None:
    """A token with privilege separation and no rights of its own (facts: the first hour's 403s)."""
    needs = list_needs(JOB, (9, 2))
    assert find_missing(HeldPermissions({}), needs) == list(needs)


def test_a_parents_privileges_count_only_if_they_are_inherited() -> None:
    need = Need("/storage/local", frozenset({"Datastore.Audit"}), "")
    assert find_missing(HeldPermissions({"/": {"Datastore.Audit": 1}}), [need]) == []
    assert find_missing(HeldPermissions({"/": {"Datastore.Audit": 0}}), [need]) == [need]
    assert find_missing(HeldPermissions({"/storage/local": {"Datastore.Audit": 0}}), [need]) == []


def test_an_entry_hides_what_its_parents_grant() -> None:
    need = Need("/storage/local", frozenset({"Datastore.Audit"}), "")
    held = HeldPermissions({"/": {"Datastore.Audit": 1}, "/storage": {"Datastore.AllocateSpace": 1}})
    assert find_missing(held, [need]) == [need]


def test_a_download_is_allowed_in_either_of_two_ways() -> None:
    need = Need("/nodes/pve", frozenset({"Sys.AccessNetwork"}), "")
    assert find_missing({"/": frozenset({"Sys.Audit", "Sys.Modify"})}, [need]) == []
    assert find_missing({"/": frozenset({"Sys.Audit"})}, [need]) == [need]


def test_the_lines_that_make_the_least_role() -> None:
    lines = describe_role(list_needs(JOB, (8, 4)), "homeprod@pve", "cli")
    assert lines[0] == "pveum user add homeprod@pve"
    assert lines[-1] == "pveum user token add homeprod@pve cli --privsep 0"
    text = "\n".join(lines)
    assert "VM.Monitor" in text
    assert "pveum acl modify /vms --users homeprod@pve --roles HomeprodVM" in lines
    assert 'pveum role add HomeprodNetwork --privs "SDN.Use"' in lines
    granted = [line.split()[-1] for line in lines if " acl " in line]
    made = [line.split()[3] for line in lines if " role add " in line]
    assert set(granted) == set(made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    ("path", "granted"),
    [
        ("/vms/100", "/vms"),
        ("/pool/homeprod-1a2b3c4d-lease-7", "/pool"),
        ("/pool/other", "/pool/other"),
        ("/storage/local", "/storage/local"),
        ("/", "/"),
    ],
)
def test_a_grant_for_one_machine_is_a_grant_for_all(path: str, granted: str) -> None:
    text = describe_grant(path, ["Some.Right"], "homeprod@pve", "cli")
    assert f"pveum acl modify {granted} --users homeprod@pve --tokens 'homeprod@pve!cli'" in text
    assert "--tokens" not in describe_grant(path, ["Some.Right"], "homeprod@pve")
