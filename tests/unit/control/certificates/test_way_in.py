"""http-01 the whole way: the authority asks at the entry's port 80, the passthrough brings it to the name's proxy,
and that proxy's own nginx answers with what the run put there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.acme_server import run_loopback_dns, run_pebble
from tests.made_certificates import make_key, make_request
from tests.nginx_process import open_way, run_service

from homeprod.control.certificates.order import order
from homeprod.control.certificates.proof import Proof
from homeprod.control.certificates.task import Proxy
from homeprod.core.errors import CertificateError

pytestmark = pytest.mark.slow
KEY = make_key()


def _call(words: Sequence[str], given: str) -> tuple[int, str]:
    """As over SSH, on this machine."""
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stderr


def test_a_name_is_proven_through_passthrough_and_proxy(tmp_path: Path) -> None:
    with (
        run_service("demo") as demo,
        run_service("files") as files,
        run_service("near") as near,
        open_way(tmp_path / "way", {"demo": demo, "files": files, "near": near}) as way,
        run_loopback_dns(tmp_path) as dns,
        run_pebble(tmp_path, dns, http=way.passthrough.http) as pebble,
    ):
        stages = {name: Proxy(one.challenges, _call) for name, one in way.proxies.items()}
        for stage, name in ((stages["lab-proxy"], "demo.lab.example"), (stages["prod-proxy"], "files.example")):
            assert order(pebble.account(), make_request(KEY, name), stage).chain.names == {name}
        with pytest.raises(CertificateError, match=r"demo\.lab\.example was not proven by http-01"):
            order(pebble.account(), make_request(KEY, "demo.lab.example"), stages["prod-proxy"])
        assert [
            file for one in way.proxies.values() for file in Path(one.challenges).rglob("*") if file.is_file()
        ] == []


def test_a_token_that_would_be_another_file_is_put_nowhere(tmp_path: Path) -> None:
    stage = Proxy(str(tmp_path), _call)
    for token in ("../x", "a/b", "", "a b", "$(id)"):
        with pytest.raises(CertificateError, match="token is none"):
            stage.show([Proof("demo.lab.example", token, "value")])
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_proxy_that_takes_no_proof_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CertificateError, match=r"cannot be put on the proxy: .*Not a directory"):
        Proxy(str(tmp_path / "file"), _call).show([Proof("demo.lab.example", "token", "value")])
