"""TLS as it is spoken through the whole way, by sslyze's word: nothing above Mozilla's intermediate profile."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nginx_process import Way, open_way, run_service

from homeprod.network.nginx.proxy import CIPHERS, render_proxy

SSLYZE = Path(__file__).parents[3] / ".venv-sslyze" / "bin" / "sslyze"
OF_THE_TEST = {"certificate_path_validation"}
"""trustme's certificates have a critical subjectAltName, which sslyze's reading of the web's rules does not allow."""


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(run_service(name)) for name in ("demo", "files", "near")}
        yield stack.enter_context(open_way(tmp_path_factory.mktemp("way"), ports))


def scan(way: Way, name: str) -> set[str]:
    """What is above the profile, by sslyze's own words for it."""
    assert SSLYZE.exists(), "make setup installs it"
    result = way.folder / "result.json"
    command = (SSLYZE, "--mozilla_config=intermediate", f"--json_out={result}", "--sni", name)
    place = f"127.0.0.1:{way.passthrough.https}"
    done = subprocess.run((*command, place), capture_output=True, text=True, timeout=100, check=False)
    (found,) = json.loads(result.read_text())["server_scan_results"]
    assert found["scan_status"] == "COMPLETED", done.stdout
    results = found["scan_result"].values()
    assert {one["status"] for one in results} <= {"COMPLETED", "NOT_SCHEDULED"}, done.stdout
    _, _, verdict = done.stdout.partition("COMPLIANCE AGAINST TLS CONFIGURATION")
    assert f"{place}: " in verdict, done.stdout
    findings = set(re.findall(r"^\s+\* (\w+):", verdict, re.MULTILINE))
    assert bool(done.returncode) == bool(findings), done.stdout
    return findings - OF_THE_TEST


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo.lab.example", "files.example", "unknown.example"])
def test_nothing_is_above_the_profile(way: Way, name: str) -> None:
    assert scan(way, name) == set()


@pytest.mark.slow
def test_what_is_above_it_is_found(way: Way) -> None:
    """Or the test above says nothing."""
    text, nginx = render_proxy(way.proxies["lab-proxy"]), way.nginxes["lab-proxy"]
    old = nginx.list_workers()
    nginx.replace(text.replace(CIPHERS, f"{CIPHERS}:ECDHE-ECDSA-AES128-SHA"))
    nginx.wait_for_others(old)
    assert scan(way, "demo.lab.example") == {"ciphers"}
    nginx.replace(text)
