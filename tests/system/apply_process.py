"""An apply as a process of its own, to be killed, interrupted or raced; and a lab whose tasks take their time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab_server import LabServer, LoggedCall
from tests.system.site_lab import SiteLab

PATIENCE = 60.0


def slow_down(lab: LabServer, kind: str, seconds: float) -> None:
    """Tasks of that kind take so long from now on."""
    lab.do(lambda hypervisor: hypervisor.tasks._seconds.update({kind: seconds}))  # type: ignore[attr-defined]


def begin_apply(site_lab: SiteLab, root: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "homeprod", "--site", str(root), "apply", "--yes", "--no-wait", *arguments]
    return subprocess.Popen(
        command,
        env={**os.environ, **site_lab.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end_apply(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code, and all that it said."""
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait(PATIENCE)
    return process.returncode, said


def await_truth(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def copy_site(site_lab: SiteLab, tmp_path: Path, number: int, person: str) -> Path:
    """Another person's copy of the site, in which two machines have one more tag."""
    root = tmp_path / f"{person}-{number}"
    shutil.copytree(site_lab.root, root)
    for module, tags in (("lab_coder_vm", '{"coder", "lab"'), ("lab_ansible_vm", '{"devsecops", "lab"')):
        file = root / "modules" / f"{module}.py"
        text = file.read_text()
        assert f"tags={tags}}}" in text
        file.write_text(text.replace(f"tags={tags}}}", f'tags={tags}, "{person}-{number}"}}'))
    return root


def list_writers(calls: list[LoggedCall], tags: tuple[str, str]) -> list[str]:
    """By whom each write to a machine is, in the order in which they came."""
    written = [str(call.params["tags"]).split(";") for call in calls if call.writes and "tags" in call.params]
    return [next(tag for tag in tags if tag in words) for words in written]
