"""The role app_host on a booted Debian 13: its units as systemd runs and confines them, and what a boot brings."""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.booted_guest import PATIENCE, open_booted_guest
from tests.kept_host import Files, Repository, make_key
from tests.played_host import Host

from homeprod.cloudinit.userdata import Guest

ROOT = Path(__file__).parents[2]
IMAGE_ROLE = ROOT / "examples" / "pegasus-playbooks" / "roles" / "demo_image"
IMAGE = "registry.lab.pegasuspad.com/busybox:1.37"
BARE = "/srv/apps.git"
SECRET = "hunter2-of-the-app"
STATUS = "/var/lib/homeprod-apps/status.json"
pytestmark = [
    pytest.mark.guest,
    pytest.mark.soak,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(os.geteuid() != 0, reason="a lab that boots machines makes network namespaces: run as root"),
]


@dataclass
class AppHost:
    host: Host
    repository: Repository

    def ssh(self, command: str) -> str:
        return self.host.guest.ssh(command)

    def publish(self, app: str, files: Files, **more: Any) -> str:
        """Into the bare repository of the outside, which the guest gets whole."""
        return self.repository.publish(f"deploy/lab-coder/{app}", files, **more)

    def send(self) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(self.repository.path, arcname=".", filter=_own_by_root)
        text = base64.encodebytes(packed.getvalue()).decode()
        self.ssh(f"mkdir -p {BARE}\nbase64 -d <<'END' | tar -C {BARE} -xz\n{text}END\n")

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The status, which its own timer brings about."""
        end = time.monotonic() + PATIENCE
        while True:
            text = self.ssh(f"test ! -e {STATUS} || cat {STATUS}")
            status: dict[str, Any] = json.loads(text) if text else {}
            if status and wanted(status):
                return status
            assert time.monotonic() < end, f"{status}\n{self.ssh('journalctl -u homeprod-apps -n 40 --no-pager')}"
            time.sleep(3)

    def fetch_page(self) -> str:
        return self.ssh("curl -sf --retry 5 --retry-connrefused http://127.0.0.1:8080/")


def _own_by_root(one: tarfile.TarInfo) -> tarfile.TarInfo:
    one.uid = one.gid = 0
    return one


def page(text: str, image: str = IMAGE) -> Files:
    web = {
        "image": image,
        "command": ["httpd", "-f", "-p", "8080", "-h", "/page"],
        "ports": ["8080:8080"],
        "volumes": ["./page:/page:ro"],
        "restart": "unless-stopped",
        "stop_signal": "SIGKILL",
        "secrets": ["word"],
    }
    model = {"services": {"web": web}, "secrets": {"word": {"file": "/etc/homeprod/apps/web/word"}}}
    return {"compose.yaml": yaml.safe_dump(model), "page/index.html": text}


def runs(app: str, commit: str) -> Callable[[dict[str, Any]], bool]:
    return lambda status: (status["apps"].get(app, {}).get("applied"), status["state"]) == (commit, "current")


@pytest.fixture(scope="module")
def app_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    folder = tmp_path_factory.mktemp("apps")
    key = make_key(folder / "zoe")
    with open_booted_guest(folder) as guest:
        guest.create(Guest("m1", "m1-1", "home.example", (guest.user,)), {})
        guest.boot()
        guest.ssh("true")
        roles = ["homeprod.site.app_host", str(IMAGE_ROLE)]
        playbook = folder / "play.yml"
        playbook.write_text(yaml.safe_dump([{"hosts": "all", "become": True, "gather_facts": False, "roles": roles}]))
        host = Host(guest, folder, playbook)
        host.variables |= {
            "app_host_repository": f"file://{BARE}",
            "app_host_protocols": ["file"],
            "app_host_signers": [{"name": "zoe", "keys": [Path(f"{key}.pub").read_text().strip()]}],
            "app_host_every": 10,
            "app_secrets": {"web": {"word": SECRET}},
        }
        yield AppHost(host, Repository(folder / "apps.git", key))


def test_a_booted_machine_runs_what_was_published_and_a_boot_brings_it_back(app_host: AppHost) -> None:
    """One story, for a boot is long."""
    entry = {"web": {"url": f"file://{BARE}", "branch": "deploy/lab-coder/web"}}
    app_host.publish("_config", {"_harbormaster.yml": yaml.safe_dump({"apps": entry})})
    first = app_host.publish("web", page("one"))
    app_host.send()
    play = app_host.host
    assert play.play(name="lab-coder")[0] == 0, play.said
    assert SECRET not in play.said
    status = app_host.wait(runs("web", first))
    assert status["apps"]["web"]["verified"] == "zoe"
    assert app_host.fetch_page() == "one"
    assert app_host.ssh("docker exec web-web-1 cat /run/secrets/word") == SECRET
    assert app_host.ssh("systemctl show -p Result --value homeprod-apps.service").strip() == "success"
    assert play.play(name="lab-coder") == (0, 0), play.said
    assert play.play("--check", name="lab-coder") == (0, 0), play.said

    second = app_host.publish("web", page("two"))
    app_host.send()
    app_host.wait(runs("web", second))
    assert app_host.fetch_page() == "two"

    lost = app_host.publish("web", page("three", image="registry.lab.pegasuspad.com/busybox:0"))
    app_host.send()
    status = app_host.wait(lambda status: status["apps"]["web"]["wanted"] == lost and status["state"] == "late")
    assert (status["apps"]["web"]["applied"], app_host.fetch_page()) == (second, "two")

    unsigned = app_host.publish("web", page("four"), key="")
    app_host.send()
    app_host.wait(lambda status: status["apps"]["web"]["wanted"] == unsigned and status["state"] == "refused")
    assert app_host.fetch_page() == "two"

    third = app_host.publish("web", page("five"))
    app_host.send()
    app_host.wait(runs("web", third))
    app_host.ssh("docker stop web-web-1 >/dev/null")
    app_host.wait(
        lambda status: status["state"] == "current" and app_host.ssh("docker ps -q --filter name=web") != ""
    )
    assert app_host.fetch_page() == "five"

    app_host.host.guest.shut_down()
    app_host.host.guest.boot()
    app_host.wait(runs("web", third))
    assert app_host.fetch_page() == "five"
    assert app_host.ssh("systemctl is-enabled docker.service homeprod-apps.timer").split() == ["enabled", "enabled"]
