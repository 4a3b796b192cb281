"""Delivering a configuration to a real nginx: what works is never replaced by what does not."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme
from tests.nginx_process import make_proxy, make_server, run_service, write_certificate
from tests.ports import find_port

import homeprod
from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils import delivery, server
from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils.delivery import (
    Delivered,
    Delivery,
    DeliveryError,
)
from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils.probe import (
    NOTHING,
    UNWELL,
    WELL,
    WRONG,
    Probe,
    ask,
)
from homeprod.ansible.collections.ansible_collections.homeprod.site.plugins.module_utils.server import (
    Server,
    ServerError,
    list_workers,
)
from homeprod.network.nginx.proxy import Proxy, render_proxy

pytestmark = pytest.mark.slow

COLLECTIONS = Path(homeprod.__file__).parent / "ansible" / "collections"
NAME = "demo.lab.example"


@dataclass
class Desk:
    """A proxy with one service, that was delivered and runs."""

    folder: Path
    proxy: Proxy
    server: Server

    @property
    def file(self) -> Path:
        return self.server.file

    @property
    def probe(self) -> Probe:
        chain = self.folder / "certificates" / "demo" / "chain.pem"
        return Probe(NAME, "127.0.0.1", self.proxy.https, certificate=str(chain))

    def render(self, **changes: object) -> str:
        return render_proxy(replace(self.proxy, **changes))  # type: ignore[arg-type]

    def render_header(self, value: str) -> str:
        """Another configuration that works."""
        return self.render(servers=(replace(self.proxy.servers[0], headers={"X-Version": value}),))

    def deliver(self, text: str, *probes: Probe) -> Delivered:
        return Delivery(self.server, probes or (self.probe,)).deliver(text)

    def read_workers(self) -> list[int]:
        master = self.server.find_master()
        assert master is not None
        return list_workers(master)

    def read_version(self) -> str:
        """What serves."""
        argv = ["curl", "-sk", "-o", "/dev/null", "-w", "%header{x-version}", "--resolve"]
        argv += [f"{NAME}:{self.proxy.https}:127.0.0.1", f"https://{NAME}:{self.proxy.https}/"]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout

    def end(self) -> None:
        master = self.server.find_master()
        if master is not None:
            os.kill(master, signal.SIGTERM)
            while Path(f"/proc/{master}").exists():
                time.sleep(0.02)


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    tmp_path = tmp_path_factory.mktemp("desk")
    (tmp_path / "modules-enabled").symlink_to("/etc/nginx/modules-enabled")
    (tmp_path / "mime.types").symlink_to("/etc/nginx/mime.types")
    authority = trustme.CA()
    write_certificate(authority, tmp_path / "certificates" / "demo", NAME)
    write_certificate(authority, tmp_path / "certificates" / "default", "other.example")
    with run_service("demo") as port:
        proxy = make_proxy(tmp_path, (make_server("demo", (NAME,), port),))
        file = tmp_path / "nginx.conf"
        start = ("nginx", "-c", str(file), "-e", str(tmp_path / "error.log"))
        desk = Desk(tmp_path, proxy, Server(file, start, limit=5))
        try:
            yield desk
        finally:
            desk.end()


@pytest.fixture
def desk(open_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(delivery, "_PAUSES", (0.05, 0.1))
    for file in open_desk.folder.glob("nginx.conf.*"):
        file.unlink()
    open_desk.deliver(open_desk.render_header("1"))
    return open_desk


def test_what_is_new_is_served_and_the_last_one_kept(desk: Desk) -> None:
    assert desk.read_version() == "1"
    assert desk.deliver(desk.render_header("2")) == Delivered(True)
    assert desk.read_version() == "2"
    assert (desk.folder / "nginx.conf.last").read_text() == desk.render_header("1")
    assert sorted(desk.folder.glob("nginx.conf*")) == [desk.file, desk.folder / "nginx.conf.last"]


def test_equal_bytes_reload_nothing(desk: Desk) -> None:
    workers = desk.read_workers()
    for _ in range(3):
        assert desk.deliver(desk.render_header("1")) == Delivered(False)
    assert desk.read_workers() == workers


def test_one_that_does_not_run_is_started(desk: Desk) -> None:
    desk.end()
    assert desk.deliver(desk.render_header("1")) == Delivered(True)
    assert desk.read_version() == "1"


BROKEN: dict[str, Callable[[Desk, str], str]] = {
    "empty": lambda _, text: text[:0],
    "cut short": lambda _, text: text[: len(text) // 2],
    "an unknown word": lambda _, text: f"{text}\nnonsense on;\n",
    "a brace too many": lambda _, text: f"{text}}}\n",
    "no semicolon": lambda _, text: text.replace("server_tokens off;", "server_tokens off"),
    "a word at the wrong place": lambda _, text: f"{text}\nlisten 80;\n",
    "said twice": lambda _, text: f"{text}\nhttp {{ }}\n",
    "no events": lambda _, text: text.replace("events {", "http {"),
    "no certificate": lambda _, text: text.replace("/default/chain.pem", "/lost/chain.pem"),
    "no key": lambda _, text: text.replace("/default/key.pem", "/lost/key.pem"),
    "a key of another certificate": lambda _, text: text.replace("/default/key.pem", "/demo/key.pem"),
    "no certificate in the file": lambda _, text: text.replace("/default/chain.pem", "/default/key.pem"),
    "an upstream that is nowhere": lambda _, text: text.replace("server 127.0.0.1:", "server nowhere.invalid:"),
    "an upstream without a server": lambda _, text: text.replace("server 127.0.0.1:", "#"),
    "an upstream that is not there": lambda _, text: text.replace("http://demo;", "http://other;"),
    "two defaults": lambda _, text: text.replace('server_name "";', 'server_name ""; listen 9 default_server;'),
    "a port that is none": lambda _, text: (
        text.replace("listen 127", "listen 127.0.0.1:99999; listen 127") + "\nstream { server { listen 99999; } }\n"
    ),
    "a variable that is none": lambda _, text: text.replace("return 308 https://$host", "return 308 https://$nobody"),
    "a regular expression that is none": lambda _, text: text.replace("location / {", "location ~ ( {", 1),
    "a cipher that is none": lambda _, text: text.replace("ssl_ciphers ", "ssl_ciphers NONSENSE; #"),
    "a curve that is none": lambda _, text: text.replace("ssl_ecdh_curve ", "ssl_ecdh_curve NONSENSE:"),
    "a user that is none": lambda _, text: text.replace("user ", "user nobody-here; #", 1),
    "a file of modules that is none": lambda _, text: text.replace("modules-enabled/*.conf", "lost.conf"),
    "a NUL": lambda _, text: text.replace("server_tokens", "server\0tokens"),
}


@pytest.mark.parametrize("way", BROKEN)
def test_what_nginx_does_not_take_changes_nothing(desk: Desk, way: str) -> None:
    workers, wrong = desk.read_workers(), BROKEN[way](desk, desk.render_header("2"))
    assert wrong != desk.render_header("2")
    with pytest.raises(ServerError) as caught:
        desk.deliver(wrong)
    assert "nginx" in str(caught.value)
    assert (desk.file.read_text(), desk.read_workers()) == (desk.render_header("1"), workers)
    assert not (desk.folder / "nginx.conf.new").exists()
    assert not (desk.folder / "nginx.conf.delivering").exists()


def test_what_serves_worse_is_taken_back(desk: Desk) -> None:
    """nginx takes each of these, and clients would not."""
    dead = (replace(desk.proxy.servers[0], upstreams=((desk.proxy.servers[0].upstreams[0][0], find_port()),)),)
    for wrong, words in (
        (desk.render(servers=dead), "status 502, before: status 200"),
        (desk.render(servers=()), "another certificate"),
        (desk.render_header("2").replace("/certificates/demo/", "/certificates/default/"), "another certificate"),
        (desk.render(https=find_port()), "no answer"),
    ):
        with pytest.raises(DeliveryError) as caught:
            desk.deliver(wrong)
        assert words in str(caught.value)
        assert f"https://{NAME}/ at 127.0.0.1" in str(caught.value)
        assert "the configuration before it is back, and serves" in str(caught.value)
        assert (desk.file.read_text(), desk.read_version()) == (desk.render_header("1"), "1")


@pytest.mark.slow
def test_a_port_that_somebody_else_has_is_no_end(desk: Desk) -> None:
    """`nginx -t` finds nothing wrong with it; the reload does."""
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 (for a second, and nothing is said to it)
        text = desk.render_header("2").replace("http {", f"http {{ server {{ listen {taken.getsockname()[1]}; }}", 1)
        with pytest.raises(DeliveryError, match="did not take the new configuration over"):
            desk.deliver(text)
    assert desk.read_version() == "1"
    assert desk.deliver(desk.render_header("3")).changed


def test_a_service_that_was_down_before_is_told_and_keeps_nothing_back(desk: Desk) -> None:
    lost = Probe("lost.example", "127.0.0.1", desk.proxy.https)
    off = Probe(NAME, "127.0.0.1", find_port())
    done = desk.deliver(desk.render_header("2"), desk.probe, lost, off)
    assert done.changed
    assert [line.split(": ", 1)[1][:9] for line in done.unwell] == ["status 42", "no answer"]


def test_a_full_disk_leaves_what_is_there(desk: Desk) -> None:
    (desk.folder / "nginx.conf.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        desk.deliver(desk.render_header("2"))
    assert (desk.file.read_text(), desk.read_version()) == (desk.render_header("1"), "1")
    assert desk.deliver(desk.render_header("2")).changed


def test_nginx_killed_while_it_reloads_comes_back_with_what_worked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill = os.kill

    def kill_all(master: int, _: int) -> None:
        monkeypatch.setattr(server.os, "kill", kill)
        for pid in (master, *list_workers(master)):
            kill(pid, signal.SIGKILL)

    monkeypatch.setattr(server.os, "kill", kill_all)
    with pytest.raises(DeliveryError, match=r"nginx ended while it reloaded(.|\n)*is back, and serves"):
        desk.deliver(desk.render_header("2"))
    assert desk.read_version() == "1"


class Killed(BaseException):
    """The delivery's process is gone."""


@pytest.mark.slow
def test_a_delivery_that_is_killed_anywhere_is_taken_up_by_the_next(desk: Desk) -> None:
    """At each of its calls that change something, before and after the effect."""
    version = 1
    for after in (False, True):
        for step in range(1, 100):
            version += 1
            was_killed = _deliver_and_be_killed(desk, desk.render_header(str(version)), step, after)
            assert desk.read_version() in {str(version), str(version - 1)}
            desk.deliver(desk.render_header(str(version)))
            assert desk.read_version() == str(version)
            assert sorted(path.name for path in desk.folder.glob("nginx.conf*")) == ["nginx.conf", "nginx.conf.last"]
            assert (desk.folder / "nginx.conf.last").read_text() == desk.render_header(str(version - 1))
            if not was_killed:
                break
        assert step > 8


def _deliver_and_be_killed(desk: Desk, text: str, step: int, after: bool) -> bool:
    count = 0

    def guard(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count == step and not after:
                raise Killed
            done = real(*args, **options)
            if count == step:
                raise Killed
            return done

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (Path, "replace"), (Path, "touch"), (Path, "unlink"), (Path, "chmod"), (os, "link"),
            (os, "kill"), (os, "fsync"),
        ):  # fmt: skip
            patch.setattr(owner, name, guard(getattr(owner, name)))
        try:
            desk.deliver(text)
        except Killed:
            return True
    return False


def test_answers_have_their_worth(desk: Desk) -> None:
    https, here = desk.proxy.https, "127.0.0.1"
    assert ask(desk.probe).worth == WELL
    assert ask(Probe(NAME, here, desk.proxy.http, secure=False)).words == "status 308"
    assert ask(Probe("other.example", here, https)).worth == WRONG
    assert ask(replace(desk.probe, port=find_port())).worth == NOTHING
    assert ask(replace(desk.probe, port=desk.proxy.http)).worth == NOTHING
    lost = str(desk.folder / "certificates" / "default" / "chain.pem")
    assert ask(replace(desk.probe, certificate=lost)).worth == WRONG
    assert UNWELL < WELL


@pytest.mark.slow
def test_as_ansible_calls_it(desk: Desk) -> None:
    def call(text: str, *options: str) -> dict[str, object]:
        given = {"content": text, "dest": str(desk.file), "start": ["false"], "probes": [vars(desk.probe)]}
        argv = [str(Path(sys.executable).with_name("ansible")), "localhost", "-c", "local"]
        argv += ["-m", "homeprod.site.nginx_configuration", "-a", json.dumps(given), *options]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_HOME": str(desk.folder / "home"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.oneline",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
        found = done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1]
        with contextlib.suppress(json.JSONDecodeError):
            return dict(json.loads(found))
        raise AssertionError(done.stdout + done.stderr)

    two = desk.render_header("2")
    assert call(two, "--check")["changed"] is True
    assert desk.read_version() == "1"
    assert call(two)["changed"] is True
    assert desk.read_version() == "2"
    assert call(two)["changed"] is False
    told = call(f"{two}\nnonsense;\n")
    assert "does not take this configuration; the one in place keeps serving" in str(told["msg"])
    assert "nonsense" in str(call(f"{two}\nnonsense;\n", "--check")["msg"])
