"""``homeprod render``: the site's files in the playbook repository, and nothing of anybody else's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from homeprod.cli.main import main

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"
ENTRY = [
    "site/entry/dnsmasq.conf",
    "site/entry/lab-proxy/nginx.conf",
    "site/entry/lab-proxy/probes.yml",
    "site/entry/opnsense.txt",
    "site/entry/prod-proxy-passthrough/nginx.conf",
    "site/entry/prod-proxy-passthrough/probes.yml",
    "site/entry/prod-proxy/nginx.conf",
    "site/entry/prod-proxy/probes.yml",
    "site/entry/unbound.conf",
]
DRAWN = [f"site/pictures/{name}{narrow}.svg" for name in ("network", "provisioning") for narrow in ("-narrow", "")]
FILES = [*ENTRY, "site/inventory.yml", "site/lab-ansible.json", *DRAWN, "site/prod-ansible.json"]


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
    return sorted(str(file.relative_to(folder)) for file in (folder / "site").rglob("*") if file.is_file())


def read_files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in list_files(folder)}


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
    before = read_files(clone)
    code, out, said = run(capsys, site, clone, *more)
    assert (code, out) == (1, "")
    assert "belongs to another site: its id is 6f1d0c52-" in said
    assert "this one's 11112222-" in said
    assert read_files(clone) == before


def test_folders_that_are_none_of_it(
    site: Path, clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (clone / "nowhere", site, site / "modules", site / "keys"):
        code, out, said = run(capsys, site, folder)
        assert (code, out) == (64, "")
        assert f"{folder}: " in said
        assert "git clone URL DIR" in said
    (tmp_path / "bare").mkdir()
    code, _, said = run(capsys, site, tmp_path / "bare")
    assert code == 0
    assert "is in no git repository" in said


@pytest.mark.parametrize("more", [(), ("--check",)])
def test_what_was_rendered_is_no_folder_to_render_into(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    (clone / "site").mkdir()
    assert run(capsys, site, clone / "site")[0] == 0, "a clone may be called so"
    for folder in (clone / "site" / "site", clone / "site" / "site" / "entry"):
        code, out, said = run(capsys, site, folder, *more)
        assert (code, out) == (64, "")
        assert f"{folder}: that is what was rendered already" in said
        assert f"  homeprod --site {site} render --to '{clone / 'site'}'\n" in said
    assert not (clone / "site" / "site" / "site").exists()


def test_the_sites_own_folder_is_named_by_what_leads_to_it(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site)
    assert main(["render", "--to", "."]) == 64
    assert ".: that is the site itself" in capsys.readouterr().err
    assert not (site / "site").exists()


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


def test_each_file_of_the_way_in_says_what_made_it(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, site, clone)
    start = "# Written by `homeprod render` from modules/_entry.py of the site 6f1d0c52-9a3e-4b7c-8d21-5e0f4a9b7c36;"
    assert {(clone / name).read_text().partition("\n")[0] for name in ENTRY} == {f"{start} change that instead."}


def test_what_left_the_way_in_goes_and_what_is_a_persons_stays(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, site, clone)
    (clone / "site" / "entry" / "prod-proxy" / "mine.conf").write_bytes(b"mine \xff\n")
    (site / "modules" / "_entry.py").unlink()
    gone = [*ENTRY, *DRAWN[:2]]
    left = "".join(f"left     {name}\n" for name in gone)
    assert run(capsys, site, clone, "--check")[1] == f"behind   site/inventory.yml\n{left}"
    code, out, _ = run(capsys, site, clone)
    removed = "".join(f"removed  {name}\n" for name in gone)
    assert (code, out) == (0, f"written  site/inventory.yml\n{removed}")
    assert list_files(clone) == sorted([*set(FILES).difference(gone), "site/entry/prod-proxy/mine.conf"])
    assert [folder.name for folder in (clone / "site" / "entry").iterdir()] == ["prod-proxy"]


def test_a_linux_gateway_has_rules_in_place_of_the_steps(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, site, clone)
    module = site / "modules" / "_entry.py"
    text = module.read_text().replace("GiB, Proxy", "Gateway, GiB, Proxy")
    module.write_text(text.replace("    default=", '    gateway=Gateway(wan="ens19"),\n    default='))
    code, out, _ = run(capsys, site, clone)
    assert (code, out) == (0, "written  site/entry/nftables.conf\nremoved  site/entry/opnsense.txt\n")


@pytest.mark.parametrize("more", [(), ("--check",)])
def test_a_file_that_somebody_else_wrote_is_never_overwritten(
    site: Path, clone: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    own = clone / "site" / "entry" / "prod-proxy" / "nginx.conf"
    own.parent.mkdir(parents=True)
    own.write_text("# Written by hand\n")
    code, out, said = run(capsys, site, clone, *more)
    assert (code, out) == (1, "")
    assert f"{own}: was not written by `homeprod render`" in said
    assert "move it to somewhere outside of site/" in said
    assert list_files(clone) == ["site/entry/prod-proxy/nginx.conf"]
    assert own.read_text() == "# Written by hand\n"


def test_another_sites_way_in_is_left_as_it_is(site: Path, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, site, clone)
    for file in (clone / "site").glob("*.json"):
        file.unlink()
    config = site / "modules" / "_config.py"
    config.write_text(config.read_text().replace("6f1d0c52", "11112222"))
    before = read_files(clone)
    code, out, said = run(capsys, site, clone)
    assert (code, out) == (1, "")
    assert "belongs to another site: its id is 6f1d0c52-" in said
    assert read_files(clone) == before
