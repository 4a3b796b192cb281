"""The wheel as a person gets it: built, installed into a fresh environment outside the repository, and used.

No network: the dependencies that the wheel's own metadata names (and theirs), and nothing else, are linked in from
the environment of this test. So a dependency that pyproject.toml forgets is missing here, and so is the lab's extra.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and the distributions it needs, without the extra."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    _run([sys.executable, *build], folder)
    [wheel] = folder.glob("homeprod-*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    [packages] = environment.glob("lib/python*/site-packages")
    install = ["-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--no-index", "--no-deps"]
    _run([sys.executable, *install, str(wheel)], folder)
    [metadata] = packages.glob("homeprod-*.dist-info")
    for needed in _find_needed(Distribution.at(metadata)).values():
        _link(needed, packages)
    return environment


def _find_needed(wheel: Distribution) -> dict[str, Distribution]:
    """What is needed without any extra, by name, transitively."""
    found: dict[str, Distribution] = {}
    wanted = [wheel]
    while wanted:
        for text in wanted.pop().requires or ():
            requirement = Requirement(text)
            is_wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if is_wanted and requirement.name.lower() not in found:
                found[requirement.name.lower()] = distribution(requirement.name)
                wanted.append(found[requirement.name.lower()])
    return found


def _link(needed: Distribution, packages: Path) -> None:
    for top in {Path(file.parts[0]) for file in needed.files or () if file.parts[0] != ".."}:
        if top.name != "__pycache__" and not (packages / top).exists():
            (packages / top).symlink_to(Path(str(needed.locate_file(top))))


def _run(command: list[str], folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run it in ``folder``, with nothing of this test's own paths in the environment."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_program_is_the_wheels_own(environment: Path, tmp_path: Path) -> None:
    where = [str(environment / "bin" / "python"), "-c", "import homeprod; print(homeprod.__file__)"]
    assert _run(where, tmp_path).stdout.startswith(str(environment))
    assert _run([str(environment / "bin" / "homeprod"), "--version"], tmp_path).stdout == "homeprod 0.1.0\n"


def test_a_first_site_checks_clean(environment: Path, tmp_path: Path) -> None:
    program = str(environment / "bin" / "homeprod")
    _run([program, "init", "home"], tmp_path)
    assert "no mistake found" in _run([program, "--site", "home", "check"], tmp_path).stdout
    assert '"title": "homeprod plan --json"' in _run([program, "plan", "--json-schema"], tmp_path).stdout
    assert "192.0.2.21" in _run([program, "addresses"], tmp_path / "home").stdout


def test_commands_of_the_driver_are_there_without_the_lab(environment: Path, tmp_path: Path) -> None:
    program = str(environment / "bin" / "homeprod")
    _run([program, "init", "home"], tmp_path)
    said = _run([program, "--site", "home", "plan"], tmp_path, code=64)  # no token is there
    assert "HOMEPROD_TOKEN" in said.stderr


def test_shell_completion(environment: Path, tmp_path: Path) -> None:
    _run([str(environment / "bin" / "homeprod"), "init", "home"], tmp_path)
    script = """
        PATH="$1:$PATH"; source <(homeprod completion bash)
        COMP_LINE='homeprod --site home che'; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
        _python_argcomplete homeprod; printf '%s\\n' "${COMPREPLY[@]}"
    """
    assert _run(["bash", "-c", script, "bash", str(environment / "bin")], tmp_path).stdout.strip() == "check"


def test_the_lab_says_which_extra_it_needs(environment: Path, tmp_path: Path) -> None:
    said = _run([str(environment / "bin" / "homeprod"), "lab", "up", "demo"], tmp_path, code=1)
    assert "the lab is not installed (aiohttp missing)" in said.stderr
    assert "pip install" in said.stderr
    assert "'.[lab]'" in said.stderr


def test_the_types_and_templates_are_in_the_wheel(environment: Path) -> None:
    [package] = environment.glob("lib/python*/site-packages/homeprod")
    assert (package / "py.typed").exists()
    assert (package / "cli" / "first_site" / "_config.py.txt").exists()
    assert (package / "lab" / "image" / "debian_13" / "packages.txt").exists()


def _list_files(folder: Path) -> set[Path]:
    """But for what Python makes of them."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.parent.name != "__pycache__")
    return {file.relative_to(folder) for file in files}


def test_the_collection_is_in_the_wheel_whole(environment: Path) -> None:
    [package] = environment.glob("lib/python*/site-packages/homeprod")
    source = ROOT / "src" / "homeprod" / "ansible"
    wanted, shipped = _list_files(source), _list_files(package / "ansible")
    assert wanted == shipped
    assert Path("collections/ansible_collections/homeprod/site/roles/base/files/look.sh") in shipped
    assert (package / "lab" / "repository" / "serve.sh").exists()
