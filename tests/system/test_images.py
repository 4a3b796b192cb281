"""Images on their way to a node: fetched by it, or downloaded here and sent; the checksum decides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.drivers.imageserver import IMAGE, ImageServer
from tests.system.site_lab import NODE, SiteLab

WRONG = "f" * 64


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _declare(site_lab: SiteLab, url: str, checksum: str, via: str = "fetch") -> None:
    """Ubuntu's image, which lab-coder alone is made from, comes from somewhere else."""
    config = site_lab.root / "modules" / "_config.py"
    text = config.read_text()
    start, end = text.index("ubuntu_22_04 = Image("), text.index("# Its cloud-init has a bug")
    image = f'ubuntu_22_04 = Image(release="ubuntu", url="{url}", checksum="{checksum}", on=hdd, via="{via}")\n'
    config.write_text(text[:start] + image + text[end:])


def _images(site_lab: SiteLab) -> list[str]:
    with site_lab.driver() as cluster:
        content = cluster.read_content(NODE, "local-hdd")
    return [volume.id for volume in content if "/homeprod-" in volume.id and "-ubuntu-" in volume.id]


@pytest.mark.parametrize("via", ["fetch", "upload"])
def test_an_image_is_brought_once_and_the_plan_after_it_is_empty(
    site_lab: SiteLab, server: ImageServer, via: str
) -> None:
    _declare(site_lab, server.url, server.sha256, via)
    assert ("create", "vm/lab-coder") in site_lab.actions("--only", "lab-coder")
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []
    with site_lab.driver() as cluster:
        sizes = [v.size for v in cluster.read_content(NODE, "local-hdd") if f"-{server.sha256[:12]}." in v.id]
    assert sizes == [server.size]


@pytest.mark.parametrize("via", ["fetch", "upload"])
def test_a_wrong_checksum_makes_nothing_and_says_so(site_lab: SiteLab, server: ImageServer, via: str) -> None:
    _declare(site_lab, server.url, WRONG, via)
    before = _images(site_lab)
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")
    assert code == 1
    assert "checksum" in said
    assert "publisher" in said
    assert "not begun: vm/lab-coder" in said
    assert _images(site_lab) == before

    _declare(site_lab, server.url, server.sha256, via)
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []


def test_a_file_of_this_machine_is_sent(site_lab: SiteLab, tmp_path: Path) -> None:
    file = tmp_path / "my image.raw"
    file.write_bytes(IMAGE)
    url = f"file://{str(file).replace(' ', '%20')}"
    _declare(site_lab, url, hashlib.sha256(IMAGE).hexdigest(), "upload")
    assert site_lab.apply("--only", "lab-coder") == 0
    assert site_lab.actions("--only", "lab-coder") == []


def test_a_server_that_is_not_there_is_one_clear_error(site_lab: SiteLab, server: ImageServer) -> None:
    _declare(site_lab, "http://127.0.0.1:9/image.raw", server.sha256, "upload")
    code, _, said = site_lab.run("apply", "--yes", "--no-wait", "--only", "lab-coder")
    assert code == 1
    assert "http://127.0.0.1:9/image.raw: download failed" in said
    assert "Traceback" not in said
