"""``homeprod affected`` in a real git repository."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
from tests.unit.promotion.trees import BASE

from homeprod.cli.main import main


def run_git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{fact}": "t@example.net" for role in ("AUTHOR", "COMMITTER") for fact in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    argv = ["git", "-C", str(folder), *words]
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def commit(folder: Path, files: dict[str, str]) -> str:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-q", "-m", "x")
    return run_git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "playbooks"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "lab")
    commit(folder, BASE)
    return folder


def ask(clone: Path, *words: str) -> int:
    return main(["affected", *words, "--repository", str(clone)])


def test_hosts_and_reasons_are_told(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(clone, {"roles/web/files/static.txt": "other", "group_vars/env_prod.yml": "greeting: x"})
    assert ask(clone, "HEAD~1..") == 2
    said = capsys.readouterr().out
    assert "one  (lab)\n  roles/web/files/static.txt is changed\n" in said
    assert "three  (prod)\n  group_vars/env_prod.yml is changed\n" in said
    assert said.endswith("3 hosts may be changed\n")
    commit(clone, {"README.md": "other"})
    assert ask(clone, "HEAD~1..HEAD") == 0
    assert capsys.readouterr().out.endswith("no host's run can read what differs\n")


def test_for_machines(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = run_git(clone, "rev-parse", "HEAD")
    after = commit(clone, {"roles/web/tasks/more.yml": "- include_role: {name: '{{ kind }}'}"})
    assert ask(clone, f"{before}..{after}", "--json") == 2
    told = json.loads(capsys.readouterr().out)
    assert main(["affected", "--json-schema"]) == 0
    jsonschema.validate(told, json.loads(capsys.readouterr().out))
    assert (told["before"], told["after"]) == (before, after)
    assert [(one["host"], one["environment"]) for one in told["hosts"]] == [("one", "lab"), ("two", "lab")]
    commit(clone, {"roles/unused/tasks/main.yml": "[]"})
    assert ask(clone, "HEAD~1..", "--json") == 2
    [one, _] = json.loads(capsys.readouterr().out)["hosts"]
    assert (one["why"], one["doubts"]) == (
        ["everything is changed"],
        ["roles/web/tasks/more.yml:1 brings in a role that a variable names: {{ kind }}"],
    )


def test_the_vault_at_hand_tells_more_groups(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vault = tmp_path / "vault"
    vault.mkdir()
    run_git(vault, "init", "-q")
    commit(vault, {"lab/hosts.yml": "spare: {hosts: {one: {}}}"})
    commit(clone, {"site.yml": f"{BASE['site.yml']}- hosts: spare\n  roles: [common]\n"})
    assert ask(clone, "HEAD~1..") == 2
    assert capsys.readouterr().out.endswith("3 hosts may be changed\n")
    assert ask(clone, "HEAD~1..", "--vault", str(vault)) == 2
    assert "one  (lab)\n" in (said := capsys.readouterr().out)
    assert said.endswith("2 hosts may be changed\n"), "of the other environment nobody knows that group"


def test_the_vault_that_is_named_once_for_all_counts(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(clone, {"roles/web/files/static.txt": "other"})
    assert ask(clone, "HEAD~1..", "--json") == 2
    first, said = capsys.readouterr()
    assert said == (
        "note: secrets were not looked at: name your clone of the vault, by --vault DIR or once by"
        " `git config homeprod.vault DIR`\n"
    )
    vault = tmp_path / "vault"
    vault.mkdir()
    run_git(vault, "init", "-q")
    head = commit(vault, {"lab/group_vars/all.yml": "$ANSIBLE_VAULT;1.1\nab"})
    run_git(clone, "config", "homeprod.vault", "../vault")
    for where in (clone, clone / "roles"):
        assert ask(where, "HEAD~1..", "--json") == 2
        second, said = capsys.readouterr()
        assert said == ""
        assert (json.loads(first)["vault"], json.loads(second)["vault"]) == (None, head)
        assert json.loads(first)["hosts"][0]["after"] != json.loads(second)["hosts"][0]["after"]


def test_a_vault_without_the_folder_of_an_affected_environment_is_said(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init", "-q")
    head = commit(other, {"prod/hosts.yml": "{}"})
    commit(clone, {"group_vars/all.yml": "other: 1"})
    assert ask(clone, "HEAD~1..", "--vault", str(other)) == 2
    assert capsys.readouterr().err == f"note: the vault repository has no folder lab ({other}, at {head[:12]})\n"


def test_why_everything_counts_stands_before_all_else(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(clone, {"site.yml": BASE["site.yml"].replace("[base]", "[base, nosuchrole]")})
    assert ask(clone, "HEAD~1..") == 2
    assert capsys.readouterr().out.startswith(
        "one  (lab)\n"
        "  everything counts now, and did not before\n"
        "    since site.yml:4 names nosuchrole, which is no role of this repository\n"
        "  site.yml: everybody (play 1 of this host) is changed\n"
    )
    commit(clone, BASE)
    assert ask(clone, "HEAD~1..") == 2
    assert (
        "  everything counted before, and does not now\n    it did, since site.yml:4 names nosuchrole"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("span", "code", "words"),
    [
        ("", 64, "say which revisions are to be compared"),
        ("HEAD", 64, "'HEAD' is no A..B"),
        ("HEAD...HEAD", 64, "'HEAD...HEAD' is no A..B"),
        ("..HEAD", 64, "'..HEAD' is no A..B"),
        ("gone..HEAD", 1, "there is no revision gone"),
        ("--all..HEAD", 1, "there is no revision --all"),
    ],
)
def test_what_is_no_span_is_said(
    clone: Path, capsys: pytest.CaptureFixture[str], span: str, code: int, words: str
) -> None:
    assert main(["affected", f"--repository={clone}", "--", span]) == code
    assert words in capsys.readouterr().err


def test_what_cannot_be_compared_is_said(clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["affected"]) == 64
    assert "say which revisions are to be compared" in capsys.readouterr().err
    assert ask(tmp_path / "gone", "A..B") == 64
    assert "there is no such folder" in capsys.readouterr().err
    assert ask(tmp_path, "A..B") == 64
    assert "this is no git repository" in capsys.readouterr().err
    assert ask(clone, "HEAD..HEAD", "--vault", str(tmp_path / "gone")) == 64
    assert "there is no such folder" in capsys.readouterr().err
    assert ask(clone, "HEAD..HEAD", "--vault", str(tmp_path)) == 64
    assert "your clone of the vault repository" in capsys.readouterr().err
    commit(clone, {"site/inventory.yml": "["})
    assert ask(clone, "HEAD~1..") == 1
    assert "the inventory cannot be read: site/inventory.yml:1: expected" in capsys.readouterr().err
    run_git(clone, "rm", "-q", "site/inventory.yml")
    run_git(clone, "commit", "-q", "-m", "x")
    assert ask(clone, "HEAD~2..") == 1
    assert "it has no site/inventory.yml" in capsys.readouterr().err
