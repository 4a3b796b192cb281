"""What `homeprod check` tells though it is no mistake: it may be meant so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.site_case import CASES, write_case

from homeprod.core.diagnostic import Diagnostic
from homeprod.site.loader import load_site
from homeprod.site.notes import find_notes

PEGASUS = Path(__file__).parents[3] / "examples" / "pegasus"


def note(root: Path) -> list[Diagnostic]:
    return find_notes(load_site(root))


def copy(folder: Path) -> Path:
    return Path(shutil.copytree(PEGASUS, folder / "pegasus"))


def test_a_control_node_that_no_environment_names(tmp_path: Path) -> None:
    """Pegasus has one in waiting: it is none any more once an environment names it."""
    root = copy(tmp_path)
    (found,) = note(root)
    assert str(found).startswith("modules/prod_ansible_vm.py:19: no environment names prod-ansible")
    assert 'control_node="prod-ansible"' in found.hint
    config = root / "modules" / "_config.py"
    before, after = config.read_text(encoding="utf-8").split('name="prod"')
    config.write_text(f'{before}name="prod"{after.replace("lab-ansible", "prod-ansible", 1)}', encoding="utf-8")
    assert [str(one).partition(":")[0] for one in note(root)] == ["keys/lab-ansible-prod.pub"]


def test_files_among_the_keys_that_nothing_reads(tmp_path: Path) -> None:
    root = copy(tmp_path)
    keys = root / "keys"
    for name in ("lab-ansible-old.pub", "lab_ansible-lab.pub"):
        shutil.copy(keys / "lab-ansible-lab.pub", keys / name)
    for name in (".gitkeep", "README.md", "fingerprints.txt"):
        (keys / name).write_text("", encoding="utf-8")
    strays = [one for one in note(root) if one.file.startswith("keys/")]
    assert [one.file for one in strays] == [
        "keys/fingerprints.txt",
        "keys/lab-ansible-old.pub",
        "keys/lab_ansible-lab.pub",
    ]
    assert all("files that are read: lab-ansible-lab.pub, lab-ansible-prod.pub" in one.hint for one in strays)


@pytest.mark.parametrize("case", sorted((CASES / "notes").glob("*.yaml")), ids=lambda file: file.stem)
def test_right_site_gives_exactly_these_notes(case: Path, tmp_path: Path) -> None:
    """But for those that no control node configures the machines of these sites."""
    data = write_case(case, tmp_path)
    notes = [one for one in note(tmp_path) if not one.message.startswith("no control node configures")]
    assert [str(one) for one in notes] == data["expected"]
    for one, words in zip(notes, data.get("hints", [""] * len(notes)), strict=True):
        assert words in one.hint
