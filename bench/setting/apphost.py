"""An app host, kept in two ways on one docker: by ours, and by plain Harbormaster as its users run it.

Both follow a git server over its own protocol, and both have a person with a clone who pushes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import yaml
from bench.setting.process import read_cpu
from bench.setting.traffic import RELAY, Relay
from tests.app_repository import AppRepository, clean_environment, make_repository
from tests.docker_machine import REGISTRY, DockerMachine, open_docker_machine
from tests.kept_host import IMAGE, KeptHost, compose

GIT_PORT = 9418
REST = 1.0
"""Seconds for a client to see how it is before, and after."""
ASKING = Path(__file__).with_name("asking.py")
Files = dict[str, str]


@dataclass(frozen=True)
class AppMachine:
    """``relay`` is the only way from the host to the git server."""

    machine: DockerMachine
    relay: Relay

    def make_image(self, name: str, text: str, megabytes: int) -> str:
        """In the registry alone, so that it has to be pulled: a page with ``text``, and so much that is none."""
        image = f"{REGISTRY}/{name}"
        script = (
            'set -e; cd "$(mktemp -d)"; mkdir -p bin page tmp; cp /bin/busybox bin/; cat >page/index.html; '
            'head -c "$2" /dev/urandom >ballast; for name in sh httpd; do ln -s busybox bin/$name; done; '
            'tar -c . | docker import - "$1"; docker push --quiet "$1"; docker rmi "$1"; rm -r "$PWD"'
        )
        self.machine.run("sh", "-c", script, "sh", image, str(megabytes * 1_000_000), given=text)
        return image

    def name_url(self, path: str) -> str:
        return f"git://127.0.0.1:{self.relay.port}/{path}"

    def ask_again_and_again(self, port: int, pause: float) -> subprocess.Popen[str]:
        """A client on the host itself; it ends, and tells, when its input does."""
        argv = self.machine.enter("python3", f"/srv/{ASKING.name}", f"http://127.0.0.1:{port}/", str(pause))
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read_docker_cpu(self) -> float:
        """Seconds that dockerd has spent so far; not containerd, which it starts."""
        [inside] = (
            Path(f"/proc/{self.machine.dockerd.pid}/task/{self.machine.dockerd.pid}/children").read_text().split()
        )
        return read_cpu(int(inside))


@contextlib.contextmanager
def open_app_machine(folder: Path) -> Iterator[AppMachine]:
    with open_docker_machine(folder) as machine:
        for program in (ASKING, RELAY):
            shutil.copy(program, machine.srv)
        machine.import_image(IMAGE, "base")
        listen = ("--listen=127.0.0.1", f"--port={GIT_PORT}", "--reuseaddr")
        machine.start("git", "daemon", *listen, "--export-all", "--base-path=/srv", "/srv")
        machine.wait_for("sh", "-c", f"echo >/dev/null | busybox nc 127.0.0.1 {GIT_PORT}")
        way = Relay(GIT_PORT, machine.enter("python3", f"/srv/{RELAY.name}"))
        try:
            yield AppMachine(machine, way)
        finally:
            way.close()


class Kept(Protocol):
    """``port`` is where its first app answers."""

    host: KeptHost
    port: int
    apps: Sequence[str]

    def push(self, app: str, files: Files) -> None:
        """What a person does until the host can see it."""
        ...

    def run(self) -> None:
        """What its timer does."""
        ...


def write_app(image: str, port: int = 0) -> Files:
    files = compose(image=image, ports=[f"127.0.0.1:{port}:8080"]) if port else compose(image=image)
    return {"compose.yaml": files["compose.yaml"]}


@dataclass
class Ours:
    at: AppMachine
    apps: Sequence[str]
    image: str
    port: int

    def __post_init__(self) -> None:
        name = f"ours-{len(self.apps)}"
        self.host = KeptHost(self.at.machine, name)
        del self.host.settings["settle_seconds"]
        url = self.at.name_url(f"{name}/site/apps.git")
        policy = {"signers": f"{self.host.inside}/site/key.signers"}
        self.host.settings |= {"repository": url, "policy": policy, "protocols": ["git"]}
        root = self.host.folder / "site"
        root.mkdir()
        entries = {app: {"url": url, "branch": f"deploy/lab-coder/{app}"} for app in self.apps}
        files = {"hosts/lab-coder/_harbormaster.yml": yaml.safe_dump({"apps": entries})}
        for number, app in enumerate(self.apps):
            files |= _place(app, write_app(self.image, self.port if number == 0 else 0))
        self.repository = make_repository(root, files)
        self._publish()

    def push(self, app: str, files: Files) -> None:
        self.repository.change(_place(app, files))
        self._publish()

    def _publish(self) -> None:
        argv = (sys.executable, "-m", "homeprod", "apps", "publish", str(self.repository.work), "--yes")
        env = {**clean_environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr

    def run(self) -> None:
        self.host.run()


def _place(app: str, files: Files) -> Files:
    return {f"apps/{app}/{name}": text for name, text in files.items()}


@dataclass
class Plain:
    """Each app has a repository of its own, which is kinder to it than one for all."""

    at: AppMachine
    apps: Sequence[str]
    image: str
    port: int
    repositories: dict[str, AppRepository] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = f"plain-{len(self.apps)}"
        self.host = KeptHost(self.at.machine, name)
        self.host.settings["repository"] = self.at.name_url(f"{name}/apps.git")
        entries = {app: {"url": self.at.name_url(f"{name}/{app}/apps.git"), "branch": "main"} for app in self.apps}
        for number, app in enumerate(self.apps):
            root = self.host.folder / app
            root.mkdir()
            self.repositories[app] = make_repository(root, write_app(self.image, self.port if number == 0 else 0))
        self.host.configure(entries)

    def push(self, app: str, files: Files) -> None:
        self.repositories[app].change(files)

    def run(self) -> None:
        done = self.host.run_plainly()
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Pushed:
    """Seconds since a person began to push: until the host could see it, the first answer of the new version, and the
    end of the run. ``downtime`` is between the last answer of the old one and that."""

    seen: float
    answered: float
    ended: float
    downtime: float


def push_new_version(at: AppMachine, kept: Kept, tag: str, megabytes: int) -> Pushed:
    """Of its first app, while a client asks every 20 ms."""
    app = kept.apps[0]
    image = at.make_image(f"{app}:{tag}", tag, megabytes)
    client = at.ask_again_and_again(kept.port, 0.02)
    time.sleep(REST)
    begun = time.monotonic()
    kept.push(app, write_app(image, kept.port))
    seen = time.monotonic()
    kept.run()
    ended = time.monotonic()
    time.sleep(REST)
    answers = read_answers(client)
    new = min(moment for moment, text in answers if text == tag)
    old = max(moment for moment, text in answers if text and text != tag)
    return Pushed(seen - begun, new - begun, ended - begun, new - old)


def read_answers(client: subprocess.Popen[str]) -> list[tuple[float, str]]:
    output, _ = client.communicate()
    return [(moment, text) for moment, text in json.loads(output)]
