"""The role `certificates` on this very machine: a real nginx, and what a real ACME server or the keyholder signed."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acme_server import Pebble, make_account_key, run_loopback_dns, run_pebble
from tests.keyholder_node import PASSPHRASE, Disk, KeyholderNode
from tests.nginx_process import Nginx, make_proxy, make_server
from tests.ports import find_port
from tests.unit.ansible.test_collection import COLLECTIONS
from tests.unit.control.keyholder.test_own_authority import open_run
from tests.unit.control.runs.node import Desk, Node, make_job, tell

from homeprod.control.hosts.host import RunStatus
from homeprod.network.certificates.chain import Chain
from homeprod.network.nginx.proxy import Proxy, render_proxy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a role that gives its files to root: run as root"),
]
NAME = "demo.lab.example"
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: homeprod.site.certificates, tasks_from: "{{ part }}"}
"""
BESIDE = """
    - ansible.builtin.copy: {{content: "as it should be", dest: {at}/beside, mode: "0644"}}
"""


@dataclass
class Host:
    """This machine, as a proxy with an nginx of the test's own."""

    folder: Path
    proxy: Proxy
    nginx: Nginx
    variables: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    said: str = ""

    @property
    def place(self) -> Path:
        return Path(self.proxy.certificates) / NAME

    def play(self, *options: str, part: str = "main") -> tuple[int, int]:
        """The status of ansible-playbook, and how many tasks changed something."""
        (self.folder / "play.yml").write_text(PLAY.replace("{{ part }}", part))
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"proxy": self.variables}}}))
        programs = Path(sys.executable).parent
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_PIPELINING": "1",
            "PYTHONPATH": ":".join(sys.path),
            "NO_COLOR": "1",
            **self.environment,
        }
        argv = [str(programs / "ansible-playbook"), "-i", "hosts.yml", "play.yml", *options]
        done = subprocess.run(
            argv, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=300, check=False
        )
        self.said = done.stdout + done.stderr
        found = re.search(r"^proxy\s+:.*changed=(\d+)", done.stdout, re.MULTILINE)
        return done.returncode, int(found[1]) if found else -1

    def read(self) -> Chain:
        return Chain.parse((self.place / "chain.pem").read_bytes())

    def serves(self) -> str:
        """The serial of what a client is shown."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.proxy.https), timeout=10)
        return Chain.parse(pem.encode()).serial


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    folder = tmp_path_factory.mktemp("acme")
    with run_loopback_dns(folder) as dns, run_pebble(folder, dns) as server:
        yield server


@pytest.fixture
def host(tmp_path: Path, pebble: Pebble) -> Iterator[Host]:
    folder = tmp_path / "nginx"
    proxy = make_proxy(folder, (make_server(NAME, (NAME,), find_port()),), default_certificate=NAME)
    proxy = replace(proxy, http=pebble.http)
    nginx = Nginx(folder)
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "certificates_wanted": [{"label": NAME, "names": [NAME], "by": "http-01", "served_as": NAME}],
        "certificates_folder": proxy.certificates,
        "certificates_challenges": proxy.challenges,
        "certificates_port": proxy.https,
        "certificates_reload": ["/bin/sh", "-c", f"[ ! -e {proxy.pid} ] || kill -HUP $(cat {proxy.pid})"],
        "homeprod_acme": {
            "directory": pebble.account().directory,
            "ca_file": str(pebble.ca_file),
            "key": make_account_key(),
            "agrees_to_terms": True,
        },
    }
    yield Host(tmp_path, proxy, nginx, variables)
    nginx.stop()


def start(host: Host) -> None:
    """As a machine's first run: nginx starts with what was prepared."""
    status, changed = host.play(part="prepare")
    assert status == 0, host.said
    assert changed == 2, host.said
    assert host.nginx.test(render_proxy(host.proxy)) == ""
    host.nginx.start(render_proxy(host.proxy), host.proxy.https)


def test_a_control_node_renews_what_is_due_and_touches_nothing_else(host: Host) -> None:
    """With the policy to report: nobody rings."""
    start(host)
    (host.folder / "site.yml").write_text(f"{PLAY.replace('{{ part }}', 'main')}{BESIDE.format(at=host.folder)}")
    (host.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"lab-proxy": host.variables}}}))

    async def story(node: Node) -> None:
        run = await node.wait_for((await node.ring("lab-proxy")).run_id)
        assert (run.status, run.problem) == (RunStatus.SUCCESSFUL, "")
        await node.check("lab-proxy")
        assert (await node.wait_for_check("lab-proxy")).drift == ()
        first = host.read()
        (host.folder / "beside").write_text("changed by hand")
        make_due(host)
        await node.check("lab-proxy")
        while not await node.ledger.runs(1, kind="renewal"):
            await asyncio.sleep(0.05)
        renewal = await node.wait_for((await node.ledger.runs(1, kind="renewal"))[0].id)
        assert (renewal.status, renewal.problem) == (RunStatus.SUCCESSFUL, "")
        await node.until_checks("lab-proxy", 3)
        found = (await node.ledger.checks.conditions())["lab-proxy"]
        assert [one.target for one in found.drift] == [str(host.folder / "beside")]
        assert (found.renewal_at, found.renewals) == (None, 0)
        assert host.serves() == host.read().serial != first.serial
        assert (host.folder / "beside").read_text() == "changed by hand"
        assert len(await node.ledger.runs(kind="configure")) == 1

    tell(host.folder, Desk(make_job(host.folder)), story)


def make_due(host: Host) -> None:
    """Another one than its authority's, which ends tomorrow."""
    draft = host.place / "due.pem"
    names, ends = ("-addext", f"subjectAltName=DNS:{NAME}"), ("-days", "1", "-out", str(draft))
    make = ("openssl", "req", "-x509", "-key", str(host.place / "key.pem"), "-subj", "/CN=ends soon", *names, *ends)
    subprocess.run(make, check=True, capture_output=True)
    draft.rename(host.place / "chain.pem")


def test_from_a_placeholder_to_what_an_authority_signed_and_then_nothing_more(host: Host) -> None:
    status, _ = host.play("--check", part="prepare")
    assert status == 0, host.said
    assert not host.place.exists()
    start(host)
    placeholder, key = host.read(), (host.place / "key.pem").read_bytes()
    assert placeholder.is_placeholder
    assert (host.place / "key.pem").stat().st_mode & 0o777 == 0o600
    assert host.play(part="prepare") == (0, 0), host.said
    assert host.play("--check")[0] == 0, host.said
    assert host.serves() == placeholder.serial

    status, changed = host.play("-vvvv")
    assert status == 0, host.said
    assert changed == 3, host.said  # signed, placed, reloaded
    signed = host.read()
    assert not signed.is_placeholder
    assert signed.names == {NAME}
    assert host.serves() == signed.serial
    assert (host.place / "key.pem").read_bytes() == key
    secrets = [host.variables["homeprod_acme"]["key"], key.decode()]
    assert [secret for secret in secrets if secret.splitlines()[1] in host.said] == []
    assert [*Path(host.proxy.challenges).rglob("*")][-1].is_dir()

    assert host.play() == (0, 0), host.said
    assert host.play("--check") == (0, 0), host.said
    assert host.serves() == signed.serial


def test_where_the_authority_is_down_the_old_one_goes_on_and_others_are_seen_to(host: Host, disk: Disk) -> None:
    start(host)
    assert host.play()[0] == 0, host.said
    before = host.serves()
    host.variables["homeprod_acme"]["directory"] = f"https://127.0.0.1:{find_port()}/dir"
    [wanted] = host.variables["certificates_wanted"]
    own = {"label": "nas.home.arpa", "names": ["nas.home.arpa"], "by": "site-ca"}
    host.variables["certificates_wanted"] = [{**wanted, "names": [NAME, "new.lab.example"]}, own]
    with KeyholderNode() as node:
        node.take(disk.folder).make_ready()
        node.ask("make-authority", environment="lab", zones=["home.arpa"], passphrase=PASSPHRASE)
        host.environment = {
            "HOMEPROD_AUTHORITY_SOCKET": str(node.places.authority_socket("lab")),
            "HOMEPROD_VAULT_NONCE": open_run(node),
        }
        status, _ = host.play()
    assert status == 2
    assert f"{NAME}: " in host.said
    assert "the authority cannot be reached: no connection (what is served stays as it is" in host.said
    assert host.serves() == before == host.read().serial
    home = Chain.parse((Path(host.proxy.certificates) / "nas.home.arpa" / "chain.pem").read_bytes())
    assert not home.is_placeholder
    assert home.names == {"nas.home.arpa"}
    assert home.life.first < datetime.now(UTC)


@pytest.mark.soak
def test_what_is_served_is_read_back(host: Host) -> None:
    """An nginx that did not take it over is found out."""
    start(host)
    host.variables["certificates_reload"] = ["/bin/true"]
    status, _ = host.play()
    assert status == 2
    assert "Read back what is served" in host.said
    assert host.serves() != host.read().serial


@pytest.mark.soak
def test_a_key_that_somebody_replaced_gets_a_certificate_of_its_own(host: Host) -> None:
    start(host)
    assert host.play()[0] == 0, host.said
    first = host.read()
    (host.place / "key.pem").unlink()
    assert host.play()[0] == 0, host.said
    assert host.read().serial != first.serial
    assert host.serves() == host.read().serial


def test_what_a_person_wrote_wrong_is_said_without_what_they_wrote(host: Host) -> None:
    host.variables["homeprod_acme"]["key"] = "canary-key"
    status, _ = host.play("-vvvv")
    assert status == 2
    assert "none that an authority takes" in host.said, host.said
    assert "canary-key" not in host.said


@pytest.mark.soak
def test_a_name_that_is_none_reaches_no_shell(host: Host, tmp_path: Path) -> None:
    host.variables["certificates_wanted"][0]["names"] = [f"x;touch {tmp_path}/made"]
    assert host.play()[0] == 2
    assert not (tmp_path / "made").exists()
