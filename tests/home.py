"""The command line of a person whose labs lie in a folder of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeprod.drivers.proxmox import ProxmoxHypervisor, open_hypervisor, resolve_settings
from homeprod.lab.folder import LabFolder
from homeprod.lab.life import take_down
from homeprod.lab.process import ProcessMark

PEGASUS = Path(__file__).parents[1] / "examples" / "pegasus"


@dataclass(frozen=True)
class Home:
    """Runs the program as a process of its own."""

    folder: Path

    def run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "homeprod", *arguments],
            capture_output=True,
            text=True,
            input=given,
            timeout=240,
            check=False,
            cwd=self.folder,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "HOMEPROD_TOKEN": "canary"},
        )

    def do(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def plan(self, lab: str) -> dict[str, Any]:
        done = self.run("--site", str(PEGASUS), "--lab", lab, "plan", "--json")
        assert done.returncode in (0, 2), done.stderr
        return dict(json.loads(done.stdout))

    def status(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self.do("lab", "status", name, "--json")))

    def machine(self, name: str, machine: str) -> dict[str, Any]:
        return next(dict(found) for found in self.status(name)["machines"] if found["name"] == machine)

    def lab(self, name: str) -> Path:
        return self.folder / "state" / "homeprod" / "labs" / name

    def daemon(self, name: str) -> ProcessMark:
        mark = ProcessMark.read(self.lab(name) / "daemon.mark")
        assert mark is not None
        return mark

    @contextmanager
    def hypervisor(self, name: str) -> Iterator[ProxmoxHypervisor]:
        """The driver for a lab that is up."""
        lab = LabFolder(name, self.lab(name))
        settings = resolve_settings({}, endpoint=lab.read_url(), token_file=lab.token_file, ca_file=lab.ca_file)
        with closing(open_hypervisor(settings)) as hypervisor:
            yield hypervisor

    def clear(self) -> None:
        """Take down whatever a failed test left."""
        for folder in (self.folder / "state" / "homeprod" / "labs").glob("*"):
            take_down(LabFolder(folder.name, folder), lambda _: None, removes_disks=True, limit=1)
