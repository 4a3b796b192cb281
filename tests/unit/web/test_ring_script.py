"""A foreign signer: contrib/ring.sh, with openssl and curl, at the real door."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.door import HOST_KEY, OTHER_HOST_KEY, OpenDoor

from homeprod.control.certificate import make_certificate
from homeprod.control.settings import KeyOwner
from homeprod.control.state import NodeState

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "contrib" / "ring.sh"
PUBLIC = r"""{ printf '\000\000\000\013ssh-ed25519\000\000\000\040'
  openssl pkey -in ring.pem -pubout -outform DER | tail -c 32
} | openssl base64 -A | sed 's/^/ssh-ed25519 /'"""
"""As docs/how-to/ring-from-anything.md has it."""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path / "node") as door:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "ring.pem"], check=True)
        public = subprocess.run(["sh", "-c", PUBLIC], cwd=tmp_path, check=True, stdout=subprocess.PIPE, text=True)
        robot = KeyOwner(person="terraform", key=public.stdout)
        door.node.known = door.settings.model_copy(update={"ringers": (robot,)})
        yield door


def ring(
    door: OpenDoor, folder: Path, host: str = "lab-proxy", key: str = HOST_KEY
) -> subprocess.CompletedProcess[str]:
    (folder / "host.pub").write_text(f"{key} root@{host}\n")
    return subprocess.run(
        ["sh", SCRIPT, door.url, door.places.tls / "certificate.pem", host, "1-a", folder / "host.pub"],
        env={"PATH": os.environ["PATH"], "RING_KEY": str(folder / "ring.pem"), "RING_ATTEMPTS": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_foreign_signer_is_accepted(door: OpenDoor, tmp_path: Path) -> None:
    done = ring(door, tmp_path)
    assert (done.returncode, done.stdout) == (0, '{"run":1,"is_new":true}\n'), done.stderr
    run = door.wait_for(door.node.ledger.run(1))
    assert (run.host, run.rung_by, run.instance) == ("lab-proxy", "terraform", "1-a")
    assert door.wait_for(door.node.ledger.host("lab-proxy")).host_keys == (HOST_KEY,)


def test_what_waits_for_a_person_exits_3(door: OpenDoor, tmp_path: Path) -> None:
    door.node.is_in = NodeState.LOCKED
    assert ring(door, tmp_path).returncode == 3
    door.node.is_in = NodeState.READY
    done = ring(door, tmp_path, key=OTHER_HOST_KEY)
    assert (done.returncode, "409" in done.stderr) == (3, True)


def test_what_is_refused_exits_1(door: OpenDoor, tmp_path: Path) -> None:
    done = ring(door, tmp_path, "nobody")
    assert (done.returncode, "404" in done.stderr) == (1, True)
    door.node.known = door.settings
    assert "401" in ring(door, tmp_path).stderr


def test_no_other_certificate_is_believed(door: OpenDoor, tmp_path: Path) -> None:
    for file in door.places.tls.iterdir():
        file.unlink()
    make_certificate(door.places.tls, "lab-ansible")
    done = ring(door, tmp_path)
    assert (done.returncode, done.stdout, "certificate" in done.stderr) == (1, "", True)
    assert door.wait_for(door.node.ledger.hosts()) == []


def test_names_that_would_break_out_are_not_sent(door: OpenDoor, tmp_path: Path) -> None:
    assert ring(door, tmp_path, 'a","host":"b').returncode == 64


def test_what_is_given_wrongly_is_said_before_anybody_is_called(tmp_path: Path) -> None:
    rsa, ed25519, certificate = tmp_path / "rsa.pem", tmp_path / "ring.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "rsa", "-out", rsa], check=True)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", ed25519], check=True)
    certificate.write_text("none\n")
    for key, more, words in (
        ("", [], "cannot read RING_KEY="),
        (str(rsa), [], "is no private ed25519 key in PEM form"),
        (str(ed25519), [], f"no certificate in {certificate}"),
        (str(ed25519), [str(tmp_path / "missing.pub")], f"cannot read {tmp_path / 'missing.pub'}"),
    ):
        done = subprocess.run(
            ["sh", SCRIPT, "https://127.0.0.1:9", certificate, "lab-proxy", "1-a", *more],
            env={"PATH": os.environ["PATH"], "RING_KEY": key},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (64, ""), words
        assert done.stderr.startswith("ring: ")
        assert words in done.stderr


def test_nobody_there_is_said_once_however_often_it_was_tried(door: OpenDoor, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "sleep").chmod(0o755)
    done = subprocess.run(
        ["sh", SCRIPT, "https://127.0.0.1:9", door.places.tls / "certificate.pem", "lab-proxy", "1-a"],
        env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "RING_KEY": str(tmp_path / "ring.pem")},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("curl: ") == 1
    assert "the control node answered nothing" in done.stderr


def test_called_wrongly_it_says_how() -> None:
    done = subprocess.run(["sh", SCRIPT], check=False, capture_output=True, text=True, timeout=60)
    usage = "usage: contrib/ring.sh URL CERTIFICATE HOST INSTANCE [HOST_KEY_FILE]\n"
    assert (done.returncode, done.stderr) == (64, usage)


def test_it_stays_short() -> None:
    assert len(SCRIPT.read_text().splitlines()) <= 60
    page = (ROOT / "docs" / "how-to" / "ring-from-anything.md").read_text()
    assert all(line.strip() in page for line in PUBLIC.splitlines())
