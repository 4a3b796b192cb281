"""The bundle: what is in it, and what is said where it cannot be built."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pycdlib
import pytest

from homeprod.core.errors import HomeprodError
from homeprod.drivers import bundle
from homeprod.drivers.bundle import bring_bundle
from homeprod.site.bundle import LOCK_FILE, identify_bundle


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """With something of every kind that a wheel may hold."""
    file = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("thing/__init__.py", "value = 1\n")
        archive.writestr("thing/run.sh", "#!/bin/sh\n")
        archive.writestr("thing-1.0.data/purelib/other.py", "value = 2\n")
        archive.writestr("thing-1.0.data/scripts/thing", "#!python\n")
        archive.writestr("ansible_test/large.py", "left out\n")
    return file


def _say(_: str) -> None:
    """Nobody listens."""


def _read(iso: Path) -> dict[str, bytes]:
    image = pycdlib.PyCdlib()
    image.open(str(iso))
    files = {}
    for name in ("install.sh", "id", "version", "bundle.tar.gz"):
        target = io.BytesIO()
        image.get_file_from_iso_fp(target, joliet_path=f"/{name}")
        files[name] = target.getvalue()
    assert image.pvd.volume_identifier.decode().strip() == "homeprod"
    image.close()
    return files


def test_it_holds_homeprod_and_what_it_needs(
    env: dict[str, str], wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_fetch_wheels", lambda *_: [wheel])
    iso = bring_bundle("homeprod-6f1d0c52-bundle-x.iso", _say, env=env)
    files = _read(iso)
    assert files["id"].decode().strip() == identify_bundle()
    assert files["install.sh"].startswith(b"#!/bin/sh")
    with tarfile.open(fileobj=io.BytesIO(files["bundle.tar.gz"])) as tar:
        modes = {member.name: member.mode for member in tar.getmembers()}
    assert {"thing/__init__.py", "other.py", "homeprod/control/install.py"} <= set(modes)
    assert "homeprod/ansible/collections/ansible_collections/homeprod/site/galaxy.yml" in modes
    assert not [name for name in modes if name.startswith(("ansible_test", "homeprod/lab/", "thing-1.0.data"))]
    assert modes["homeprod/control/keyholder/homeprod-vault-client.py"] == modes["thing/run.sh"] == 0o755
    assert modes["thing/__init__.py"] == 0o644


def test_the_same_files_give_the_same_bytes_and_the_cache_is_used(
    env: dict[str, str], wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_fetch_wheels", lambda *_: [wheel])
    first = bring_bundle("a.iso", _say, env=env)
    packed = _read(first)["bundle.tar.gz"]
    first.unlink()
    assert _read(bring_bundle("a.iso", _say, env=env))["bundle.tar.gz"] == packed
    monkeypatch.setattr(bundle, "_fetch_wheels", lambda *_: pytest.fail("it is there"))
    assert bring_bundle("a.iso", _say, env=env) == first


def test_one_that_was_built_elsewhere_is_taken_by_its_name(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "mine.iso"
    with pytest.raises(HomeprodError, match="no such bundle"):
        bring_bundle("a.iso", _say, env={**env, "HOMEPROD_BUNDLE": str(file)})
    file.write_bytes(b"mine")
    assert bring_bundle("a.iso", _say, env={**env, "HOMEPROD_BUNDLE": str(file)}) == file


def test_where_pip_cannot_fetch_its_own_words_are_told_and_nothing_is_left(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "WARNING: retrying\nERROR: Could not find a version that satisfies the requirement aiohttp\n"
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, stdout="", stderr=words)
    )
    with pytest.raises(HomeprodError, match="Could not find a version") as caught:
        bring_bundle("a.iso", _say, env=env)
    assert "HOMEPROD_BUNDLE" in caught.value.hint
    assert not list(Path(env["XDG_CACHE_HOME"]).rglob("*.iso*"))


def test_without_a_network_that_is_said_and_what_can_be_typed_instead(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real pip, whose last word is that there is no such package."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(HomeprodError) as caught:
        bring_bundle("a.iso", _say, env=env)
    words = "cannot fetch the bundle's packages: the package index does not answer: "
    assert caught.value.message.startswith(words)
    assert caught.value.message.endswith("Connection refused")
    assert "\n  homeprod control bundle --to homeprod-bundle.iso\n" in caught.value.hint
    assert '\n  export HOMEPROD_BUNDLE="$PWD/homeprod-bundle.iso"' in caught.value.hint


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (
            "NewConnectionError('<urllib3.HTTPConnection at 0x7f>: [Errno -3] Temporary failure in resolution')",
            "answer: [Errno -3] Temporary failure in resolution",
        ),
        (
            "ReadTimeoutError(\"HTTPSConnectionPool(host='pypi.org', port=443): Read timed out. (read timeout=15)\")",
            ": HTTPSConnectionPool(host='pypi.org', port=443): Read timed out. (read timeout=15)",
        ),
    ],
)
def test_of_what_pip_says_the_cause_is_told(cause: str, words: str) -> None:
    retry = f"WARNING: Retrying (Retry(total=4)) after connection broken by '{cause}': /simple/acme/\n"
    last = "ERROR: No matching distribution found for acme==5.9.0"
    assert bundle._explain(f"{retry}{last}\n").endswith(words)
    assert bundle._explain(f"WARNING: other\n{last}\n") == last


def test_where_pip_itself_is_missing_it_is_said(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that uv made."""
    monkeypatch.setattr(sys, "executable", "/usr/bin/env")
    done = subprocess.CompletedProcess([], 1, stdout="", stderr="/x/python: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(HomeprodError, match="pip, which fetches the bundle's packages, is not installed") as caught:
        bring_bundle("a.iso", _say, env=env)
    assert caught.value.hint.endswith("  uv pip install --python /usr/bin/env pip")


def test_the_lock_file_pins_all_by_hash_and_names_no_index() -> None:
    text = LOCK_FILE.read_text(encoding="utf-8")
    entries = [line for line in text.replace("\\\n", "").splitlines() if "==" in line]
    assert entries
    assert all("--hash=sha256:" in line for line in entries)
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith(("-i", "--index", "--find"))]
