"""What is built for a rehearsal, in a lab that boots nothing: real git, the real API, the real plan and apply."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.unit.rehearsal.home import TRIED, Home, make_home, run_git

from homeprod.control.settings import parse_settings
from homeprod.engine.event import Listener
from homeprod.engine.read import read_actual
from homeprod.rehearsal.lab import StandInLab, hold_lab
from homeprod.rehearsal.machines import make_machines
from homeprod.rehearsal.origin import Origin, open_origin
from homeprod.rehearsal.prospect import prepare
from homeprod.site.configured import name_key
from homeprod.wiring import open_cluster


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        made = make_home(folder)
        made.change_role()
        yield made


@pytest.fixture(scope="module")
def origin(home: Home) -> Iterator[Origin]:
    """One for all: none of them needs what another one changes."""
    prospect = prepare(home.load(), home.playbooks, "HEAD", home.vault, "", (), boots=False)
    with hold_lab(prospect.site, lambda _: None) as (folder, scratch):
        yield open_origin(prospect, StandInLab(folder, prospect.spec, scratch), lambda _: None)
    assert not folder.path.exists()
    assert not scratch.exists()


def read(origin: Origin, repository: str, revision: str, path: str) -> str:
    return run_git(origin.lab.store.path(repository), "show", f"{revision}:{path}")


def verify(origin: Origin, repository: str, commit: str, folder: Path) -> None:
    """By git itself, as signed by the rehearsal's person and nobody else."""
    signers = folder / "signers"
    signers.write_text(f'rehearsal namespaces="git" {origin.key}\n')
    run_git(origin.lab.store.path(repository), "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", commit)


def test_the_repositories_are_at_the_present_revision_signed_and_go_on_to_the_other_with_little_changed(
    origin: Origin, home: Home, tmp_path: Path
) -> None:
    store = origin.lab.store
    assert store.list_names() == ["playbooks", "vault"]
    path = store.path("playbooks")
    assert {run_git(path, "rev-parse", branch) for branch in ("lab", "prod")} == {origin.present}
    assert (
        read(origin, "playbooks", "prod", "site.yml")
        == (home.playbooks / "site.yml")
        .read_text()
        .replace("Where each name goes", "Which name goes to which proxy")
        .strip()
    )
    commit = origin.go_on()
    assert run_git(path, "rev-parse", "prod") == commit
    assert run_git(path, "rev-parse", "lab") == origin.present
    run_git(path, "merge-base", "--is-ancestor", origin.present, commit)
    run_git(path, "fsck", "--full", "--strict")
    assert read(origin, "playbooks", "prod", "site.yml") == (home.playbooks / "site.yml").read_text().strip()
    for one in (origin.present, commit):
        verify(origin, "playbooks", one, tmp_path)
    verify(origin, "vault", "HEAD", tmp_path)
    assert run_git(home.playbooks, "status", "--porcelain") == "", "the person's own clone is left alone"
    run_git(home.playbooks, "fetch", "-q", str(origin.lab.store.path("playbooks")), "prod")
    names = run_git(home.playbooks, "diff", "--name-only", "HEAD", commit).split()
    assert names == ["site/inventory.yml", "site/lab-ansible.json"]

    settings = parse_settings(read(origin, "playbooks", "prod", "site/lab-ansible.json"), "x")
    assert settings.attempts == 1
    assert settings.playbooks == f"ssh://git@{origin.lab.git_host}/playbooks.git"
    assert [one.person for one in settings.signers] == ["rehearsal"]
    hosts = yaml.safe_load(read(origin, "playbooks", "prod", "site/inventory.yml"))["all"]["hosts"]
    assert [one["name"] for one in hosts[TRIED]["homeprod_people"]] == ["sean", "rehearsal"]
    assert [one["name"] for one in hosts["lab-proxy"]["homeprod_people"]] == ["sean"]


def test_the_vault_holds_stand_in_secrets_and_nothing_of_the_real_ones(origin: Origin) -> None:
    asked: list[tuple[str, Sequence[bytes]]] = []

    def seal(environment: str, values: Sequence[bytes]) -> dict[bytes, str]:
        asked.append((environment, values))
        return {value: f"$ANSIBLE_VAULT;1.2;AES256;{environment}\n{value.hex()}\n" for value in values}

    assert read(origin, "vault", "HEAD", "prod/hosts.yml") == "all: {}"
    origin.fill_vault(seal)
    [(environment, [value])] = asked
    assert environment == "prod"
    text = read(origin, "vault", "HEAD", "prod/group_vars/all/vault.yml")
    assert f"proxy_secret: !vault |\n  $ANSIBLE_VAULT;1.2;AES256;prod\n  {value.hex()}" in text
    assert "3031" not in text.replace(value.hex(), "")
    assert read(origin, "vault", "HEAD", "lab/hosts.yml") == "all: {}"
    assert run_git(origin.lab.store.path("vault"), "rev-list", "--count", "HEAD") == "2"


def test_machines_are_made_by_the_same_plan_and_apply_once_the_key_is_known(origin: Origin) -> None:
    site, seen = origin.site, list[str]()

    @contextmanager
    def watch(count: int) -> Iterator[Listener]:
        yield lambda event: seen.append(f"{event.address} of {count}")

    with closing(open_cluster(site, lab=origin.lab.name)) as cluster:
        make_machines(site, cluster, ["lab-ansible"], watch, boots=False)
        actual = read_actual(cluster, site)
        assert set(actual.machines) == {4001022, 94001022}
        environment = site.machines[TRIED].machine.environment
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBp3ZkVtYmVyZWRFeGFtcGxlS2V5Rm9yT3BzMTExMTEx"
        site = replace(site, control_keys={name_key(environment): key})
        make_machines(site, cluster, [TRIED], watch, boots=False)
        assert site.vmid(site.machines[TRIED].machine) in read_actual(cluster, site).machines
    assert f"vm/{TRIED} of 1" in seen


def test_what_is_made_beside_the_lab_is_the_persons_own(origin: Origin) -> None:
    scratch, lab = origin.lab.scratch, origin.lab.lab
    assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
    for key in (scratch / "key", lab.keys / "rehearsal"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert lab.read_url().startswith("https://127.0.0.1:")
    assert not scratch.is_relative_to(origin.prospect.repository)
