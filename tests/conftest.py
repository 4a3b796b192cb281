"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.lab_server import LabServer


@pytest.fixture
def lab_server() -> Iterator[LabServer]:
    """A fresh no-boot lab with the default storages (``local``, ``local-lvm``) on node ``pve``."""
    with LabServer() as lab:
        yield lab


@pytest.fixture(autouse=True, scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What control nodes are installed from, where nothing is booted from it: no test need wait for the real one.
    Those that do boot one unset HOMEPROD_BUNDLE."""
    with pytest.MonkeyPatch.context() as patch:
        file = tmp_path_factory.mktemp("bundle") / "bundle.iso"
        file.write_bytes(bytes(64 * 1024))
        patch.setenv("HOMEPROD_BUNDLE", str(file))
        yield file


def pytest_configure() -> None:
    """A shell that runs this in the background has Ctrl-C ignored, which every process started here would inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


Figure = Callable[[str], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Takes a line of figures that are part of a proof: all of them are printed at the end of the run."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    lines = sorted({str(value) for report in reports for name, value in report.user_properties if name == "figure"})
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


# `make test` tries the same examples every time; `make soak` looks for new ones (HYPOTHESIS_PROFILE=search).
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
