"""``homeprod control bundle``: a file to carry to a machine without a package index."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pycdlib
import pytest

from homeprod.cli.main import main
from homeprod.drivers import bundle
from homeprod.drivers.bundle import bring_bundle
from homeprod.site.bundle import identify_bundle


@pytest.fixture(autouse=True)
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of those that pip fetches."""
    file = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("thing/__init__.py", "value = 1\n")
    monkeypatch.setattr(bundle, "_fetch_wheels", lambda *_: [file])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOMEPROD_BUNDLE", str(tmp_path / "made-elsewhere.iso"))
    monkeypatch.chdir(tmp_path)


def test_the_file_is_the_bundle_and_what_is_said_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["control", "bundle", "--to", "carried.iso"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"carried.iso is the bundle {identify_bundle()} of homeprod ")
    assert said.err.endswith('export HOMEPROD_BUNDLE="$PWD/carried.iso"\n')
    image = pycdlib.PyCdlib()
    image.open("carried.iso")
    assert image.pvd.volume_identifier.decode().strip() == "homeprod"
    image.close()
    monkeypatch.setenv("HOMEPROD_BUNDLE", f"{tmp_path}/carried.iso")
    assert bring_bundle("a.iso", lambda _: None) == tmp_path / "carried.iso"
    assert main(["control", "bundle", "--to", "carried.iso"]) == 0, "it takes the place of the one before"
    assert not list(tmp_path.glob("*.part"))


def test_where_it_cannot_be_written_nothing_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, where in (("this is a folder", "."), ("its folder is not there", "gone/carried.iso")):
        assert main(["control", "bundle", "--to", where]) == 64
        assert words in capsys.readouterr().err
    assert main(["control", "bundle"]) == 64
    assert "--to" in capsys.readouterr().err
    (tmp_path / "carried.iso.part").mkdir()
    assert main(["control", "bundle", "--to", "carried.iso"]) == 1
    assert "cannot write it" in capsys.readouterr().err
    assert not (tmp_path / "carried.iso").exists()
