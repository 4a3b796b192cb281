"""The real compose's word on a compose file, where there is one on this machine: ``docker compose config``.

It asks no daemon and starts nothing. What Ansible lays down on the host (below /etc/homeprod/apps) stands there as an
empty file, and Harbormaster's folders as the app's own.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from homeprod.apps.sheet import Place
from homeprod.apps.stack import Stack
from homeprod.apps.variables import FOLDERS, SECRETS
from homeprod.core.diagnostic import Diagnostic

_SECONDS = 30.0


Program = tuple[str, ...]


def find_compose() -> Program | None:
    """How compose is called here, in its second edition or later; None where there is none."""
    for program in (("docker", "compose"), ("docker-compose",)):
        said = _run(Path("/"), ["version", "--short"], {}, program)
        if said is not None and said.returncode == 0 and not said.stdout.lstrip("v").startswith("1."):
            return program
    return None


def check_stacks(program: Program, stacks: Iterable[Stack]) -> list[Diagnostic]:
    """What compose refuses; where it does not end in time it has no word."""
    return [found for stack in stacks for found in _check(program, stack)]


def _check(program: Program, stack: Stack) -> list[Diagnostic]:
    with tempfile.TemporaryDirectory(prefix="homeprod-") as place:
        root = Path(place).resolve()
        folder = root / "repository"
        _lay_out(stack, folder, root / "secrets")
        named = [argument for part in stack.parts if part.is_named for argument in ("-f", part.path)]
        variables = {**stack.variables.loose, **stack.variables.fixed, **dict.fromkeys(FOLDERS, str(folder))}
        said = _run(folder, [*named, "config", "--quiet"], variables, program)
        if said is None or said.returncode == 0:
            return []
        words = _clean(said.stderr, folder, root / "secrets")
        at = _locate(stack, words)
        return [Diagnostic(at.file, at.line, f"compose refuses it: {words}", _HINT)]


_HINT = "it is as compose sees it, after Harbormaster has put its values in"


def _locate(stack: Stack, words: str) -> Place:
    """Compose tells no line, but often the service."""
    for name, service in stack.services:
        if re.search(rf"""services?[. ]["']?{re.escape(name)}\b""", words):
            return service.place
    return Place(f"{stack.folder}/{stack.parts[0].path}")


def _lay_out(stack: Stack, folder: Path, secrets: Path) -> None:
    """The app's files, rendered as Harbormaster would."""
    rendered = {part.path: part.text for part in stack.parts}
    folder.mkdir()
    for path, file in stack.content:
        if not file.is_regular or ".." in path.split("/"):
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in rendered:
            target.write_text(_stand_in(rendered[path], secrets), encoding="utf-8")
        else:
            target.write_bytes(file.content or b"")


def _stand_in(text: str, secrets: Path) -> str:
    """The text with every path of the host's secrets leading to an empty file."""
    for name in {*re.findall(rf"{SECRETS}/([\w./-]+)", text)}:
        target = secrets / name.lstrip("/")
        if target.resolve().is_relative_to(secrets) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    return text.replace(f"{SECRETS}/", f"{secrets}/")


def _clean(said: str, folder: Path, secrets: Path) -> str:
    """The last line, which tells what is wrong, as a person knows the paths."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and "level=warning" not in line]
    words = lines[-1] if lines else "it does not say why"
    return words.replace(f"{folder}/", "").replace(str(secrets), SECRETS)[:300]


def _run(
    folder: Path, arguments: list[str], variables: dict[str, str], program: Sequence[str]
) -> subprocess.CompletedProcess[str] | None:
    """None where there is none, or it does not end."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
    env = {**variables, **kept}
    try:
        return subprocess.run(
            [*program, *arguments], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, env=env
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
