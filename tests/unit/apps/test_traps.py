"""What the real Harbormaster swallows, lint refuses. What of it needs docker is shown where there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.app_repository import clean_environment
from tests.harbormaster import fetch_apps, read_apps, run_harbormaster, try_to_read
from tests.unit.apps.test_wrong_repositories import GOOD, make_tree

from homeprod.apps.lint import lint

HOST = "hosts/box"
FILE = f"{HOST}/_harbormaster.yml"
URL = "https://git.example/apps.git"


def find_mistakes(files: dict[str, Any], published: dict[str, dict[str, Any]] | None = None) -> list[str]:
    trees = {branch: make_tree(content) for branch, content in (published or {}).items()}
    return [str(mistake) for mistake in lint(make_tree({**GOOD["files"], **files}), trees).sheet.mistakes]


def lay_down(files: dict[str, Any], folder: Path) -> Path:
    """A host's configuration with its files; where Harbormaster reads it."""
    for path, text in files.items():
        if path.startswith(f"{HOST}/"):
            place = folder / path.removeprefix(f"{HOST}/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    return folder / "_harbormaster.yml"


def write(*lines: str, app: str = "wiki", branch: str | None = "deploy/box/wiki", url: str = URL) -> str:
    own = [f"url: {url}", *([f"branch: {branch}"] if branch else []), *lines]
    return f"  {app}:\n" + "".join(f"    {line}\n" for line in own)


def make_git(folder: Path, *branches: str, tag: str = "") -> str:
    """A repository of an app, to be cloned from."""
    folder.mkdir()
    (folder / "compose.yaml").write_text("services:\n  web:\n    image: x/y:1\n")
    run_git(folder, "init", "-q", "-b", branches[0])
    run_git(folder, "add", "--all")
    commit(folder)
    if tag:
        run_git(folder, "tag", tag)
    return str(folder)


def commit(folder: Path) -> None:
    who = ("-c", "user.name=Pat", "-c", "user.email=pat@home.example")
    run_git(folder, *who, "commit", "-q", "--allow-empty", "-m", "x")


def run_git(folder: Path, *arguments: str) -> None:
    argv = ["git", "-c", "protocol.file.allow=always", "-C", str(folder), *arguments]
    subprocess.run(argv, capture_output=True, timeout=60, check=True, env=clean_environment())


@pytest.mark.parametrize(
    ("lines", "branch", "seen", "mistake"),
    [
        ([], None, {"branch": "master"}, "wiki has no branch: Harbormaster would take master"),
        (["enable: false"], "deploy/box/wiki", {"enabled": True}, "wiki: Harbormaster knows no 'enable'"),
        (['enabled: "no"'], "deploy/box/wiki", {"enabled": True}, "enabled: true or false is expected"),
        (["environment: {A: yes}"], "deploy/box/wiki", {"A": "True"}, "A is a switch and would arrive as 'True'"),
        (["environment: {A: }"], "deploy/box/wiki", {"A": "None"}, "A is nothing and would arrive as 'None'"),
    ],
)
def test_what_it_reads_otherwise_than_it_was_meant(
    lines: list[str], branch: str | None, seen: dict[str, Any], mistake: str, tmp_path: Path
) -> None:
    files = {FILE: "apps:\n" + write(*lines, branch=branch)}
    app = read_apps(lay_down(files, tmp_path))["wiki"]
    assert {**app, **app["environment"]}.items() >= seen.items()
    assert any(mistake in found for found in find_mistakes(files))


@pytest.mark.parametrize(
    ("files", "mistake"),
    [
        ({FILE: "apps:\n" + write("environment_file: a.env"), f"{HOST}/a.env": "# c\nA=1\n"}, "a comment, and"),
        ({FILE: "apps:\n" + write("environment_file: a.yml"), f"{HOST}/a.yml": "A: 1\n"}, "A is no text"),
        ({FILE: "apps:\n" + write("environment_file: a.env")}, "there is no a.env"),
        ({FILE: "apps:\n" + write("environment:")}, "environment: names with values are expected"),
        ({FILE: "apps:\n  wiki:\n    branch: main\n"}, "wiki has no url"),
        ({FILE: "apps:\n"}, "apps is empty"),
        ({FILE: "config:\napps: {}\n"}, "config: a table is expected"),
    ],
)
def test_what_ends_its_whole_run(files: dict[str, Any], mistake: str, tmp_path: Path) -> None:
    assert try_to_read(lay_down(files, tmp_path)).returncode != 0
    assert any(mistake in found for found in find_mistakes(files))


def test_3_a_tag_works_once_and_never_again(tmp_path: Path) -> None:
    source = tmp_path / "source"
    url = make_git(source, "main", tag="v1.2.3")
    config = lay_down({FILE: "apps:\n" + write(branch="v1.2.3", url=url)}, tmp_path)
    assert fetch_apps(config).returncode == 0
    second = fetch_apps(config)
    assert second.returncode != 0
    assert "Could not reset local repository to the origin" in second.stderr
    assert any("v1.2.3 looks like a tag" in one for one in find_mistakes({FILE: config.read_text()}))


def test_5_without_an_app_it_ends_well_and_stops_nothing(tmp_path: Path) -> None:
    files = {FILE: "apps: {}\n"}
    config = lay_down(files, tmp_path)
    running = tmp_path / "harbormaster" / "repos" / "wiki"
    running.mkdir(parents=True)
    done = run_harbormaster(config)
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True)
    assert running.is_dir()
    assert any("apps is empty" in one for one in find_mistakes(files))


def test_6_under_another_name_its_data_is_elsewhere(tmp_path: Path) -> None:
    old, new = "apps:\n" + write(), "apps:\n" + write(app="pages", branch="deploy/box/pages")
    places = [read_apps(lay_down({FILE: text}, tmp_path)) for text in (old, new)]
    assert places[0]["wiki"]["data"].endswith("data/wiki")
    assert places[1]["pages"]["data"].endswith("data/pages")
    content = {"compose.yaml": GOOD["files"]["apps/wiki/compose.yaml"]}
    found = find_mistakes(
        {FILE: new, "apps/pages/compose.yaml": content["compose.yaml"]},
        {"deploy/box/_config": {"_harbormaster.yml": old}, "deploy/box/wiki": content},
    )
    assert any("pages looks like wiki under another name, and would start empty" in one for one in found)
    assert any("wiki has left" in one for one in found)


def test_7_a_submodule_is_an_empty_folder(tmp_path: Path) -> None:
    library, source = tmp_path / "library", tmp_path / "source"
    make_git(library, "main")
    url = make_git(source, "main")
    run_git(source, "submodule", "add", "-q", str(library), "library")
    commit(source)
    config = lay_down({FILE: "apps:\n" + write(branch="main", url=url)}, tmp_path)
    assert fetch_apps(config).returncode == 0
    assert [*(tmp_path / "harbormaster" / "repos" / "wiki" / "library").iterdir()] == []
    assert any("is a submodule" in one for one in find_mistakes({"apps/wiki/library": {"submodule": True}}))


def test_8_two_folders_of_one_name_are_one_project(tmp_path: Path) -> None:
    """It hands compose the file alone, and no project's name: compose takes the folder's."""
    files: dict[str, Any] = {"apps/wiki/compose.yaml": None}
    entries = ""
    for app in ("wiki", "chat"):
        source = tmp_path / f"{app}-source"
        url = make_git(source, "main")
        (source / "docker").mkdir()
        (source / "compose.yaml").rename(source / "docker" / "compose.yaml")
        run_git(source, "add", "--all")
        commit(source)
        entries += write("compose_config: docker/compose.yaml", app=app, branch="main", url=url)
        files[f"apps/{app}/docker/compose.yaml"] = f"services:\n  web:\n    image: x/{app}:1\n"
    called = fetch_apps(lay_down({FILE: "apps:\n" + entries}, tmp_path))
    assert called.stdout.splitlines() == [f"{app} -f docker/compose.yaml" for app in ("wiki", "chat")]
    own = [
        write("compose_config: docker/compose.yaml", app=app, branch=f"deploy/box/{app}") for app in ("wiki", "chat")
    ]
    found = find_mistakes({**files, FILE: "apps:\n" + "".join(own)})
    assert [one for one in found if "are one project to compose, docker" in one]
    files["apps/chat/docker/compose.yaml"] = f"name: chat\n{files['apps/chat/docker/compose.yaml']}"
    assert find_mistakes({**files, FILE: "apps:\n" + "".join(own)}) == []


def test_10_what_sops_encrypted_is_handed_on_as_it_is(tmp_path: Path) -> None:
    sealed = "DB_PASSWORD=ENC[AES256_GCM,data:Zm9v,iv:YQ==,tag:Yg==,type:str]\nsops_version=3.8.1\n"
    files = {FILE: "apps:\n" + write("environment_file: db.env"), f"{HOST}/db.env": sealed}
    app = read_apps(lay_down(files, tmp_path))["wiki"]
    assert app["environment"]["DB_PASSWORD"].startswith("ENC[AES256_GCM,")
    assert any("is encrypted by sops" in one for one in find_mistakes(files))
