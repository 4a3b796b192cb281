"""A host that Harbormaster keeps, inside a docker machine: an app repository, who may sign, and the program."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tests.docker_machine import LIMIT, REGISTRY, DockerMachine

PROGRAM = "/usr/local/lib/homeprod-apps/homeprod-apps"
HARBORMASTER = "/usr/local/lib/homeprod-apps/harbormaster.pyz"
IMAGE = f"{REGISTRY}/base:1"
Files = dict[str, str]


def compose(*services: str, image: str = IMAGE, note: str = "", **more: Any) -> Files:
    """An app's files: each service serves a page, and ends at once when told to."""
    one = {"image": image, "command": ["httpd", "-f", "-p", "8080", "-h", "/page"], "stop_signal": "SIGKILL"}
    model = {"services": {name: {**one, "restart": "always", **more} for name in services or ("web",)}}
    return {"compose.yaml": yaml.safe_dump(model), "note": note}


@dataclass
class Repository:
    """Bare, at ``path`` on the outside; what is signed is signed by ``key``, empty for nobody."""

    path: Path
    key: str = ""

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.ask("init", "--quiet", "--bare")

    def ask(self, *arguments: str, given: str = "", **variables: str) -> str:
        env = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
            **_PERSON, **variables,
        }  # fmt: skip
        argv = ("git", "--git-dir", str(self.path), *arguments)
        done = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=LIMIT, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def publish(
        self, branch: str, files: Files, *, word: str = "publish", key: str | None = None, parent: str | None = None
    ) -> str:
        """The commit, which is the branch's head from now on; after the one before, or ``parent``, empty for none."""
        if parent is None:
            parent = self.find(branch)
        index = {"GIT_INDEX_FILE": str(self.path / "test-index")}
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        for name, text in files.items():
            blob = self.ask("hash-object", "-w", "--stdin", given=text)
            self.ask("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", **index)
        key = self.key if key is None else key
        signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}") if key else ()
        above = ("-p", parent) if parent else ()
        tree = self.ask("write-tree", **index)
        commit = self.ask(*signing, "commit-tree", *(("-S",) if key else ()), *above, "-m", word, tree)
        self.ask("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def find(self, branch: str) -> str:
        listed = self.ask("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return listed.splitlines()[0] if listed else ""

    def drop(self, branch: str) -> None:
        self.ask("update-ref", "-d", f"refs/heads/{branch}")


_PERSON = {
    "GIT_AUTHOR_NAME": "zoe", "GIT_AUTHOR_EMAIL": "zoe@example.com",
    "GIT_COMMITTER_NAME": "zoe", "GIT_COMMITTER_EMAIL": "zoe@example.com",
}  # fmt: skip


def make_key(file: Path) -> str:
    """Its path; the public half is beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)), check=True, timeout=LIMIT)
    return str(file)


@dataclass
class KeptHost:
    """``folder`` is below the machine's ``/srv``; inside it is ``/srv/NAME``."""

    machine: DockerMachine
    name: str
    repository: Repository = field(init=False)
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.machine.srv / self.name
        self.inside = f"/srv/{self.name}"
        key = make_key(self.folder / "keys" / "zoe")
        self.stranger = make_key(self.folder / "keys" / "stranger")
        self.repository = Repository(self.folder / "apps.git", key)
        public = " ".join(Path(f"{key}.pub").read_text().split()[:2])
        (self.folder / "signers").write_text(f'zoe namespaces="git" {public}\n')
        # As confined as its unit, the program may write nothing where docker's own settings are.
        self.settings = {
            "host": "lab-coder", "repository": f"file://{self.inside}/apps.git", "protocols": ["file"],
            "policy": {"signers": f"{self.inside}/signers"}, "folder": f"{self.inside}/kept",
            "secrets": f"{self.inside}/secrets", "docker_config": "/sys/none", "settle_seconds": 0.3,
            "health_seconds": 20,
        }  # fmt: skip

    def configure(self, apps: dict[str, Any], *, files: Files | None = None, **more: Any) -> str:
        """What stands in ``_harbormaster.yml``; an app given as ``{}`` is one of the repository's own."""
        own = {name: {"url": self.settings["repository"], "branch": f"deploy/lab-coder/{name}"} for name in apps}
        entries = {name: {**own[name], **entry} for name, entry in apps.items()}
        text = yaml.safe_dump({"apps": entries})
        return self.repository.publish(
            "deploy/lab-coder/_config", {"_harbormaster.yml": text, **(files or {})}, **more
        )

    def publish(self, app: str, files: Files, **more: Any) -> str:
        return self.repository.publish(f"deploy/lab-coder/{app}", files, **more)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.machine.try_to(*self.make_command(*arguments))

    def make_command(self, *arguments: str) -> tuple[str, ...]:
        (self.folder / "apps.json").write_text(json.dumps(self.settings))
        return (PROGRAM, "--settings", f"{self.inside}/apps.json", *arguments)

    def run(self, code: int = 0) -> dict[str, Any]:
        """The status after a run that ended so."""
        done = self.call("run")
        assert done.returncode == code, done.stdout + done.stderr
        self.said = done.stderr
        return self.read_status()

    def read_status(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "kept" / "status.json").read_text()))

    def run_plainly(self) -> subprocess.CompletedProcess[str]:
        """Harbormaster as its users do: its configuration from a clone, and the app repository itself."""
        script = (
            'set -e; mkdir -p "$1/plain"; cd "$1"; '
            '[ -d config ] || git clone -q -b deploy/lab-coder/_config "$2" config; '
            "cd config; git fetch -q origin deploy/lab-coder/_config; git reset -q --hard FETCH_HEAD; cd ..; "
            'exec python3 "$3" run -c config/_harbormaster.yml -d "$1/plain"'
        )
        return self.machine.try_to("sh", "-c", script, "sh", self.inside, self.settings["repository"], HARBORMASTER)

    def list_running(self) -> dict[str, str]:
        return self.machine.list_containers()

    def close(self) -> None:
        if containers := self.machine.docker("ps", "--all", "--quiet").split():
            self.machine.docker("rm", "--force", "--volumes", *containers)
