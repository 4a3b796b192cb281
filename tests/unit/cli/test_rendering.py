"""``homeprod render``: the site's files in the playbook repository, and nothing of anybody else's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from homeprod.cli.main import main

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"
FILES = ["site/inventory.yml", "site/lab-ansible.json", "site/prod-ansible.json"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PEGASUS, tmp_path / "pegasus", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(("git", "init", "-q", str(tmp_path / "play books")), check=True, timeout=30)
    return tmp_path / "play books"


def run(capsys: pytest.CaptureFixture[str], site: Path, folder: Path, *more: str) -> tuple[int, str, str]:
    code = main(["--site", str(site), "render", "--to", str(folder), *more])
    said = capsys.readouterr()
    return code, said.out, said.err


def list_files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in (folder / "site").iterdir())


def test_it_writes_once_and_says_what_to_do_next(site: Path, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, site, clone, "--check")[0] == 2
    assert list(clone.iterdir()) == [clone / ".git"]
    code, out, said = run(capsys, site, clone)
    assert (code, out.split()[1::2]) == (0, FILES)
    for line in said.splitlines():
        if line.startswith("  git ") and "push" not in line and "-S" not in line:
            subprocess.run(line, shell=True, check=True, timeout=30, stdout=subprocess.DEVNULL)  # noqa: S602 (ours)
    assert run(capsys, site, clone) == (0, f"{clone}: as the site says\n", "")
    assert run(capsys, site, clone, "--check")[0] == 0


def test_it_says_which_branch_and_how_it_comes_to_a_lab(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(capsys, site, clone, "--lab", "try")[2]
    assert "signed, on the branch that it is for (lab, prod):" in said
    assert f"\n  homeprod lab repository push try pegasus-playbooks --from '{clone}'\n" in said
    assert " push\n" not in said


def test_what_left_the_site_goes_and_what_is_a_persons_stays(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, site, clone)
    for name, text in (("mine.json", '{"mine": 1}'), ("broken.json", "{"), ("list.json", "[]")):
        (clone / "site" / name).write_text(text)
    left = json.loads((clone / "site" / "prod-ansible.json").read_text())
    (clone / "site" / "old-ansible.json").write_text(json.dumps({**left, "node": "old-ansible"}))
    assert run(capsys, site, clone, "--check")[1] == "left     site/old-ansible.json\n"
    code, out, _ = run(capsys, site, clone)
    assert (code, out) == (0, "removed  site/old-ansible.json\n")
    assert list_files(clone) == sorted([*FILES, "site/mine.json", "site/broken.json", "site/list.json"])


@pytest.mark.parametrize("more", [(), ("--check",)])
def test_another_sites_repository_is_left_as_it_is(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    run(capsys, site, clone)
    config = site / "modules" / "_config.py"
    config.write_text(config.read_text().replace("6f1d0c52", "11112222"))
    before = {file.name: file.read_bytes() for file in (clone / "site").iterdir()}
    code, out, said = run(capsys, site, clone, *more)
    assert (code, out) == (1, "")
    assert "belongs to another site: its id is 6f1d0c52-" in said
    assert "this one's 11112222-" in said
    assert {file.name: file.read_bytes() for file in (clone / "site").iterdir()} == before


def test_folders_that_are_none_of_it(
    site: Path, clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (clone / "nowhere", site / "modules", site / "keys"):
        code, out, said = run(capsys, site, folder)
        assert (code, out) == (64, "")
        assert f"{folder}: " in said
        assert "git clone URL DIR" in said
    (tmp_path / "bare").mkdir()
    code, _, said = run(capsys, site, tmp_path / "bare")
    assert code == 0
    assert "is in no git repository" in said


def test_a_site_without_a_control_node_is_told_so(
    tmp_path: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "first")]) == 0
    for file in (tmp_path / "first" / "modules").glob("*ansible*"):
        file.unlink()
    capsys.readouterr()
    code, out, said = run(capsys, tmp_path / "first", clone)
    assert (code, out) == (0, "written  site/inventory.yml\n")
    assert "no machine of the site has control=ControlNode" in said
