"""The control node, booted: `make demo` whole; then every secret of it searched for, while Ready and while Locked.

The longest of the proofs, for `make soak`. ``HOMEPROD_DEMO_STATE`` names the state folder of a demo that is up, so
that the search alone can be tried again.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.system.canary import Canary, Finding, Search

from homeprod.control.keyring.keyring import Keyring

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples"))

from demo.person import Person  # noqa: E402  (the demo is no package of ours)
from demo.stage import LAB, PROGRAM, Stage  # noqa: E402

pytestmark = [pytest.mark.guest, pytest.mark.soak, pytest.mark.timeout(3500)]
NODE, USER = "lab-ansible", "ops"
LEAST = 20
VALUES = 14
"""Further values for the vault repository, so that there are enough."""


@dataclass
class Demo:
    """A demo that came to its end. ``home`` is its XDG_STATE_HOME."""

    home: Path
    canaries: dict[str, bytes] = field(default_factory=dict)

    @property
    def lab(self) -> Path:
        return self.home / "homeprod" / "labs" / LAB

    @property
    def site(self) -> Path:
        return self.home / "homeprod" / "demo" / "pegasus"

    def run(self, *words: str, given: bytes = b"", allowed: tuple[int, ...] = (0,)) -> bytes:
        env = {**os.environ, "XDG_STATE_HOME": str(self.home)}
        command = [str(PROGRAM), "--site", str(self.site), "--lab", LAB, *words]
        done = subprocess.run(command, input=given, capture_output=True, timeout=900, check=False, env=env)
        assert done.returncode in allowed, done.stderr.decode()
        return done.stdout

    def in_guest(self, name: str, command: str, *, user: str = USER, given: bytes = b"") -> bytes:
        return self.run("lab", "ssh", "--user", user, LAB, name, command, given=given)

    def search_guest(self, what: str) -> set[Finding]:
        lines = [json.dumps({"name": name, "value": value.hex()}) for name, value in self.canaries.items()]
        command = f"sudo python3 -B /run/search/guest_search.py {what}"
        told = self.in_guest(NODE, command, given="\n".join(lines).encode() + b"\n").decode()
        return {Finding(**json.loads(line)) for line in told.splitlines()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    if given := os.environ.get("HOMEPROD_DEMO_STATE"):
        yield Demo(Path(given))
        return
    home = tmp_path_factory.mktemp("demo")
    env: Mapping[str, str] = {**os.environ, "XDG_STATE_HOME": str(home)}
    env = {name: value for name, value in env.items() if name != "HOMEPROD_BUNDLE"}
    try:
        subprocess.run((sys.executable, str(ROOT / "examples" / "demo")), check=True, timeout=2400, env=env)
        yield Demo(home)
    finally:
        subprocess.run((str(PROGRAM), "lab", "down", LAB, "--disks"), check=False, timeout=600, env=env)


def test_no_secret_is_anywhere_but_where_it_must_be(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(demo.home))
    _use_more_values(demo)
    demo.canaries |= _read_keyring(demo, tmp_path)
    assert len(demo.canaries) >= LEAST
    _send_search(demo)

    ready = demo.search_guest("processes")
    places = {_name_place(one.place) for one in ready}
    assert places, "the search finds nothing where something is, so it would find nothing elsewhere either"
    assert places <= {"homeprod.control.keyholder", "ssh-agent"}, sorted(places)

    Person(Stage(0.0, boots=True), demo.lab / "keys").lock()
    assert demo.search_guest("processes") == set()
    assert demo.search_guest("files") == set()

    demo.in_guest(NODE, "sudo systemd-run --on-active=1 systemctl poweroff")
    _await_off(demo)
    found = _search_host(demo)
    assert found == set(), sorted(found)
    figure(f"{len(demo.canaries)} canaries: {len(ready)} traces while Ready in {sorted(places)}, none while Locked")


def _await_off(demo: Demo) -> None:
    deadline = time.monotonic() + 300
    while any(
        row["name"] == NODE and row["state"] == "running"
        for row in json.loads(demo.run("status", "--json"))["machines"]
    ):
        assert time.monotonic() < deadline
        time.sleep(2)


def _use_more_values(demo: Demo) -> None:
    """Into the vault repository, and through a run, so that they were in the clear where they ever are."""
    texts = []
    for number in range(VALUES):
        value = secrets.token_urlsafe(24).encode()
        demo.canaries[f"vault value {number}"] = value
        command = f"homeprod control secret encrypt lab --name canary_{number}"
        texts.append(demo.in_guest(NODE, command, given=value).decode())
    vault = demo.site.parent / "pegasus-vault"
    file = vault / "lab" / "group_vars" / "all" / "vault.yml"
    file.write_text(file.read_text() + "\n" + "\n".join(texts))
    for words in (("commit", "-q", "-S", "-am", "canaries"), ("branch", "-f", "lab", "main")):
        subprocess.run(("git", "-C", str(vault), *words), check=True, timeout=60)
    demo.run("lab", "repository", "push", LAB, "pegasus-vault", "--from", str(vault))
    demo.run("configure", "lab-proxy")
    runs = json.loads(demo.run("runs", "--json", "--limit", "1"))["runs"]
    demo.run("runs", "show", str(runs[0]["id"]), "--follow")
    demo.canaries["the demo's secret"] = demo.in_guest("lab-proxy", "sudo cat /etc/demo-secret", user="sean").strip()


def _read_keyring(demo: Demo, folder: Path) -> dict[str, bytes]:
    """What is sealed in it, opened here; of a key in PEM a line of its middle. The certificates that an authority's
    key has behind it are for everybody."""
    packed = demo.in_guest(NODE, "sudo tar -C /var/lib/ansible -c keyring")
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            if file := tar.extractfile(member):
                (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / member.name).write_bytes(file.read())
    passphrase = (demo.lab / "keys" / "ops.passphrase").read_bytes()
    opened = Keyring(folder / "keyring").open(USER, passphrase)
    found = {"the passphrase": passphrase}
    for name in opened.names():
        value = bytes(opened.reveal(name))
        lines = value.partition(b"-----END")[0].split(b"\n")
        found[name] = lines[len(lines) // 2] if value.startswith(b"-----BEGIN") else value
    return found


def _send_search(demo: Demo) -> None:
    """Into memory: what searches leaves nothing on the disk."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name in ("canary.py", "guest_search.py"):
            tar.add(Path(__file__).with_name(name), name)
    demo.in_guest(NODE, "sudo mkdir -p /run/search && sudo tar -C /run/search -x", given=target.getvalue())


def _name_place(place: str) -> str:
    """Of ``memory of ssh-agent (12)``: the program."""
    return place.rpartition(" (")[0].rpartition(" ")[2]


def _search_host(demo: Demo) -> set[Finding]:
    """The lab's folder: disks as a machine sees them, CDs, notes, logs; but what the operator keeps for the demo."""
    search = Search(Canary(name, value) for name, value in demo.canaries.items())
    operators = (demo.lab / "keys", demo.lab / "volumes")
    found = search.find_in_tree(demo.lab, but=operators) | search.find_in_tree(demo.site.parent)
    for image in sorted((demo.lab / "volumes").rglob("*")):
        if image.is_file() and "4001022" in image.name:
            found |= search.find_in_image(image)
        elif image.is_file() and image.suffix == ".iso":
            found |= search.find_in_file(image)
    return found
