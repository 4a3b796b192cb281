"""What goes wrong outside, met by `plan` and `doctor` as a person meets it: the program in a process of its own, one
clear error each with its next step, no traceback, and the token's secret nowhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.lab_server import LabServer
from tests.scripted_server import Answer, ScriptedServer

from homeprod.cli.main import main
from homeprod.drivers.proxmox import open_hypervisor, resolve_settings
from homeprod.lab.spec import LabSpec, StorageSpec

pytestmark = pytest.mark.slow
CANARY = "canary-5ecre7-0f-a-70ken"
TOKEN = f"root@pam!canary={CANARY}"
NOT_OURS = "homeprod@pve!cli=" + CANARY
LVM = StorageSpec("local-lvm", "lvmthin", ("images",))


@dataclass
class Person:
    """Somebody with a first site, made by ``init``, in a home of their own. ``env`` is theirs alone."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert main(["init", str(self.home / "site")]) == 0

    def edit(self, old: str, new: str) -> None:
        file = self.home / "site" / "modules" / "_config.py"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def reach(self, lab: LabServer, token: str = "") -> None:
        """By the environment, with a token whose secret is the canary."""
        if not token:
            lab.do(lambda hypervisor: hypervisor.access.add_token("root@pam!canary", CANARY, is_separated=False))
        self.env |= {"HOMEPROD_ENDPOINT": lab.url, "HOMEPROD_TOKEN": token or TOKEN}
        self.env["HOMEPROD_CA_FILE"] = str(lab.ca_file)

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """In a process without standard input. The secret shows nowhere, with ``--debug`` and its traceback neither,
        and no file holds it afterwards."""
        argv = [sys.executable, "-m", "homeprod", "--site", str(self.home / "site")]
        bare = {name: value for name, value in os.environ.items() if not name.startswith("HOMEPROD_")}
        env = {**bare, "HOME": str(self.home), "TMPDIR": str(self.home), **self.env}

        def start(*extra: str) -> subprocess.CompletedProcess[str]:
            everything = [*argv, *extra, command, *options]
            done = subprocess.run(
                everything, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
            )
            assert CANARY not in done.stdout + done.stderr
            return done

        start("--debug")
        done = start()
        assert "Traceback" not in done.stderr
        files = [file for file in self.home.rglob("*") if file.is_file() and file.name != "token"]
        assert not [file for file in files if CANARY.encode() in file.read_bytes()]
        return done


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def _expect(person: Person, command: str, *words: str, code: int = 1) -> None:
    """That the command ends so, saying all of these."""
    done = person.run(command)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    for word in words:
        assert word in said, said
    if command == "plan" and code != 64 and not done.stdout:
        assert done.stderr.count("error: ") == 1


both = pytest.mark.parametrize("command", ["plan", "doctor"])


@both
def test_an_endpoint_that_nobody_listens_at(command: str, person: Person) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take the port meanwhile
        port = bound.getsockname()[1]
        person.env |= {"HOMEPROD_ENDPOINT": f"https://127.0.0.1:{port}", "HOMEPROD_TOKEN": TOKEN}
        _expect(
            person, command, f"https://127.0.0.1:{port}: cannot connect: Connection refused", "check the endpoint"
        )


@both
def test_a_wrong_token(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server, NOT_OURS)
    words = ("the API token homeprod@pve!cli is not accepted", "pveum user token list homeprod@pve")
    _expect(person, command, *words)


@both
def test_an_expired_token(command: str, person: Person) -> None:
    with ScriptedServer(person.home, lambda _: Answer(401, b"", reason="token 'cli' access expired")) as server:
        person.env = {"HOMEPROD_ENDPOINT": server.url, "HOMEPROD_TOKEN": NOT_OURS}
        person.env["HOMEPROD_CA_FILE"] = str(server.ca_file)
        words = ("is not accepted (token 'cli' access expired)", "or it has expired", "pveum user token list")
        _expect(person, command, *words)


@both
def test_a_missing_privilege(command: str, person: Person, lab_server: LabServer) -> None:
    rights = {"/": {"Sys.Audit"}, "/storage": {"Datastore.Audit", "Datastore.AllocateSpace"}}
    person.reach(lab_server, lab_server.add_token("less", rights, secret=CANARY))
    _expect(person, command, "root@pam!less lacks", "VM.Audit", "pveum role modify HomeprodVM --append 1 --privs ")


@both
def test_an_unknown_node(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server)
    person.edit('node="pve"', 'node="nosuch"')
    _expect(person, command, "nosuch", "pve", "`node`")


@both
def test_an_unknown_storage(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server)
    person.edit('Datastore(name="local")', 'Datastore(name="nosuch")')
    _expect(person, command, "no", "storage nosuch", "local, local-lvm")


@contextmanager
def _lab(person: Person, local: StorageSpec, version: str = "9.2.3") -> Iterator[LabServer]:
    with LabServer(LabSpec("test", boot=False, version=version, storages=(local, LVM))) as lab:
        person.reach(lab)
        yield lab


@both
def test_a_storage_without_the_content_type(command: str, person: Person) -> None:
    with _lab(person, StorageSpec("local", content=("images", "iso"))):
        _expect(person, command, "does not take", "import", "pvesm set local --content ")


def test_a_full_storage_for_doctor(person: Person) -> None:
    with _lab(person, StorageSpec("local", size=32 * 1024**2)):
        _expect(person, "doctor", "fail  storage local on pve: is full", "free some space")


@both
def test_an_authority_that_did_not_sign_it(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server)
    with ScriptedServer(person.home) as other:
        person.env["HOMEPROD_CA_FILE"] = str(other.ca_file)
        _expect(person, command, "cannot verify the certificate against the CA file", "pve-root-ca.pem")


@both
def test_a_certificate_that_no_system_authority_signed(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server)
    del person.env["HOMEPROD_CA_FILE"]
    fingerprint = lab_server.hypervisor.fingerprint
    _expect(person, command, "the system's certificate authorities", fingerprint, "pvenode cert info")


@both
def test_a_certificate_that_is_not_the_pinned_one(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server)
    person.env["HOMEPROD_FINGERPRINT"] = "aa" * 32
    _expect(person, command, "not the pinned one", lab_server.hypervisor.fingerprint, "pvenode cert info")


@both
@pytest.mark.parametrize(("version", "words"), [("7.4-3", "is too old"), ("10.0.1", "is newer than homeprod knows")])
def test_a_version_that_is_not_supported(version: str, words: str, command: str, person: Person) -> None:
    with _lab(person, StorageSpec("local"), version):
        _expect(person, command, f"Proxmox VE {version} {words}", "upgrade")


@both
def test_a_vmid_that_a_stranger_holds(command: str, person: Person, lab_server: LabServer) -> None:
    person.reach(lab_server)
    with closing(open_hypervisor(resolve_settings(person.env))) as cluster:
        cluster.wait(cluster.create_machine("pve", 4001021, {"name": "stranger"}))
    _expect(person, command, "VMID 4001021", "'stranger'", "choose another number or vmid")


@both
def test_something_else_that_answers(command: str, person: Person) -> None:
    with ScriptedServer(person.home, lambda _: Answer(200, b"<html>")) as server:
        person.env = {"HOMEPROD_ENDPOINT": server.url, "HOMEPROD_TOKEN": NOT_OURS}
        person.env["HOMEPROD_CA_FILE"] = str(server.ca_file)
        _expect(person, command, "what answers there is not Proxmox VE", "8006")


def test_no_token_at_all(person: Person) -> None:
    _expect(person, "plan", "no API token is given", "HOMEPROD_TOKEN", ".config/homeprod/token", code=64)
    _expect(person, "doctor", "no API token is given", "doctor --role", "pveum user token add", code=1)


def _spoil_token(person: Person) -> None:
    person.env["HOMEPROD_TOKEN"] = f"root@pam {CANARY}"


def _expose_token(person: Person) -> None:
    file = person.home / ".config" / "homeprod" / "token"
    file.parent.mkdir(parents=True)
    file.write_text(TOKEN)
    file.chmod(0o644)


def _lose_authority(person: Person) -> None:
    person.env |= {"HOMEPROD_TOKEN": TOKEN, "HOMEPROD_CA_FILE": str(person.home / "nosuch.pem")}


def _shorten_pin(person: Person) -> None:
    person.env |= {"HOMEPROD_TOKEN": TOKEN, "HOMEPROD_FINGERPRINT": "aa" * 20}


@both
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_spoil_token, ("the API token is not of the right form", "USER@REALM!ID=SECRET")),
        (_expose_token, ("others may read the token file (mode 0644)", "chmod 600")),
        (_lose_authority, ("cannot use the CA file: No such file", "/etc/pve/pve-root-ca.pem")),
        (_shorten_pin, ("not a sha256 fingerprint (this is a sha1)", "pvenode cert info")),
    ],
    ids=["token of a wrong form", "token file for all", "no CA file", "sha1 pin"],
)
def test_wrong_settings(
    spoil: Callable[[Person], None], words: tuple[str, ...], command: str, person: Person
) -> None:
    spoil(person)
    _expect(person, command, *words, code=64)
