"""A site with no machine of its own, on a cluster with machines that others made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.lab_server import LoggedCall
from tests.system.site_lab import SiteLab, open_site_lab

TAG = "homeprod-6f1d0c52"
"""The site's."""


@contextmanager
def open_empty_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[SiteLab]:
    """Without the site's own machines and images, so that a plan speaks of the adopted ones alone."""
    monkeypatch.setattr("tests.system.site_lab.desire_images", lambda _: ())
    with open_site_lab(tmp_path, monkeypatch, capsys) as lab:
        for file in (lab.root / "modules").glob("*_vm.py"):
            file.unlink()
        yield lab


def adopt(site_lab: SiteLab, vmid: int, *more: str) -> str:
    """What is printed and said."""
    code, out, said = site_lab.run("adopt", str(vmid), "--environment", "lab", *more)
    assert code == 0, said
    return out + said


def written(site_lab: SiteLab) -> list[LoggedCall]:
    """The calls that could change anything, but for those of the lease."""
    return [call for call in site_lab.lab.written() if not call.path.startswith("/pools")]
