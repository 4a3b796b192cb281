"""The real Harbormaster, given mirrors and a configuration that was believed, and kept from everything else."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .configuration import FILE, App
from .docker import Docker
from .git import Git, make_environment, remove_leftovers
from .problem import Problem
from .process import run
from .settings import Settings
from .wholefile import write_json, write_whole

PROGRAM = "harbormaster.pyz"
FLOOR = (0, 5, 0)
"""Earlier ones delete every image of the machine that no app of theirs uses."""
_VERSION = re.compile(r"docker_harbormaster-(\d+)\.(\d+)\.(\d+)\S*\.dist-info/METADATA")
_ERROR = re.compile(r"^(\S+): Error while processing: (.*?)(?=^\S+: |^$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """``failures`` by app, in its own words; ``problem`` where it ended altogether."""

    failures: dict[str, str]
    problem: str = ""


def check_version(settings: Settings) -> None:
    """Raises Problem."""
    program = settings.programs / PROGRAM
    hint = "run the playbook again: the role homeprod.site.app_host brings it"
    try:
        with zipfile.ZipFile(program) as archive:
            found = [match for name in archive.namelist() if (match := _VERSION.fullmatch(name))]
    except (OSError, zipfile.BadZipFile) as error:
        raise Problem(f"there is no Harbormaster at {program}", hint) from error
    version = tuple(int(part) for part in found[0].groups()) if found else (0,)
    if version < FLOOR:
        text = ".".join(map(str, version))
        raise Problem(
            f"Harbormaster {text} is too old: it deletes images of others; 0.5.0 is the first that may run", hint
        )


def compose_configuration(chosen: Mapping[str, tuple[App, str]], *, prune: bool) -> dict[str, str]:
    """Files by their names: each app as its own configuration says, but from its mirror's address. Files of variables
    have an app's name before theirs, for two apps may be at different commits."""
    entries: dict[str, Any] = {}
    files: dict[str, str] = {}
    for name, (app, address) in chosen.items():
        entry = {**app.entry, "url": address}
        for key in ("environment_file", "replacements_file"):
            if place := entry.get(key):
                entry[key] = f"{name}/{place}"
                files[entry[key]] = app.files[place]
        entries[name] = entry
    whole = {"config": {"prune": prune}, "apps": entries}
    return {FILE: yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), **files}


def digest_configuration(files: Mapping[str, str], shown: Iterable[str]) -> str:
    """Of all that it would see: the files, and the commits that the mirrors show."""
    return hashlib.sha256(json.dumps([sorted(files.items()), sorted(shown)]).encode()).hexdigest()[:16]


def lay_down(files: Mapping[str, str], folder: Path) -> Path:
    """The configuration's path. Raises OSError."""
    for old in folder.iterdir() if folder.is_dir() else ():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, text, 0o600)
    return folder / FILE


def prepare(work: Path, restarted: Iterable[str]) -> None:
    """Nothing of a killed run stands in its way, and the apps of ``restarted`` are started anew whatever it thinks of
    them. Raises OSError."""
    work.mkdir(parents=True, exist_ok=True)
    for clone in (work / "repos").glob("*"):
        _repair_clone(clone)
    cache = work / ".harbormaster.cache"
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        known = {}
    if isinstance(known, dict) and known.keys() & set(restarted):
        write_json(cache, {name: one for name, one in known.items() if name not in set(restarted)}, 0o644)


def _repair_clone(clone: Path) -> None:
    """A half one is put aside, not deleted: what an app has written beside its files may be in it."""
    git = Git(clone / ".git")
    if (clone / ".git" / "HEAD").is_file():
        remove_leftovers(clone / ".git")
        if git.find("HEAD"):
            return
    aside = clone.parents[1] / "broken" / f"{clone.name}-{int(time.time())}"
    aside.parent.mkdir(exist_ok=True)
    clone.rename(aside)


def run_harbormaster(configuration: Path, docker: Docker) -> Outcome:
    """Seconds to minutes; it is killed at the limit of the settings."""
    settings = docker.settings
    # Nothing but mirrors: a protocol other than `file` is refused by git itself, whatever the configuration says.
    env = {
        **docker.make_environment(),
        **{name: value for name, value in make_environment(("file",)).items() if name.startswith("GIT_")},
    }
    env["PATH"] = f"{settings.programs / 'bin'}:{env['PATH']}"
    argv = (
        "python3",
        "-I",
        str(settings.programs / PROGRAM),
        "run",
        "-c",
        str(configuration),
        "-d",
        str(settings.work),
    )
    done = run(argv, settings.run_seconds, env={**env, "PYTHONUNBUFFERED": "1"}, cwd=settings.work)
    failures = {name: _shorten(words) for name, words in _ERROR.findall(done.output)}
    if done.code == 0 or (done.code == 1 and failures):
        return Outcome(failures)
    return Outcome(failures, _shorten(done.said) or _shorten(done.output) or f"Harbormaster ended with {done.code}")


def _shorten(words: str) -> str:
    """Its last line says what was wrong; what docker said before stands in the journal of docker."""
    lines = [line.strip() for line in words.splitlines() if line.strip() and "level=warning" not in line]
    return " … ".join(dict.fromkeys([lines[0], lines[-1]]))[:400] if lines else ""
