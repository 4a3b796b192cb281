"""Units of a host that fail, as systemd there says: asked before and after a run that brings something new."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ansible_runner

from homeprod.control.runs.job import Job

_ASK = "systemctl list-units --all --plain --no-legend --no-pager --state=failed,auto-restart"
_NAME = re.compile(r"[A-Za-z0-9:_.@\\-]{1,200}\.[a-z]{1,20}")
_MOST, _NAMED = 500, 20
_FAILED = "units of the host failed with it: "
SETTLE = 3.0
"""Seconds that a unit has to fall over in, once the run is over."""


def list_failing(
    job: Job, folder: Path, when: str, variables: Mapping[str, str], arguments: str | None
) -> frozenset[str] | None:
    """Those that failed, and those that are started again and again; None where the host has no systemd, or does not
    say. ``when`` names the look; the rest is as the run's own is."""
    said: list[str] = []

    def hear(event: dict[str, Any]) -> bool:
        if event.get("event") == "runner_on_ok":
            result = (event.get("event_data") or {}).get("res")
            text = result.get("stdout") if isinstance(result, dict) else None
            said.append(text if isinstance(text, str) else "")
        return False

    ansible_runner.run(
        private_data_dir=str(folder),
        project_dir=job.playbooks,
        module="ansible.builtin.command",
        module_args=_ASK,
        host_pattern=job.host,
        inventory=list(job.inventories),
        envvars=dict(variables),
        cmdline=arguments,
        event_handler=hear,
        quiet=True,
        suppress_env_files=True,
        settings={"suppress_output_file": True, "pexpect_timeout": 1},
        ident=f"units-{when}",
    )
    return read_units(said[0]) if said else None


def settle() -> None:
    time.sleep(SETTLE)


def read_units(text: str) -> frozenset[str]:
    """The first word of each line that is a unit's name (systemctl(1), ``list-units --plain``)."""
    words = (line.split() for line in text.splitlines()[:_MOST])
    return frozenset(word[0] for word in words if word and _NAME.fullmatch(word[0]))


def tell_new(before: frozenset[str] | None, after: frozenset[str] | None) -> str:
    """What failed with the run; empty where nothing did, or nobody can tell."""
    if before is None or after is None:
        return ""
    new = sorted(after - before)
    more = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
    return f"{_FAILED}{', '.join(new[:_NAMED])}{more}" if new else ""


def read_blamed(problems: Iterable[str]) -> tuple[str, ...]:
    """Units that failed with runs whose problems these are: that one fails still is no excuse for the next run."""
    texts = (one.removeprefix(_FAILED) for one in problems if one.startswith(_FAILED))
    return tuple(sorted({name for text in texts for name in re.split(r",? ", text) if _NAME.fullmatch(name)}))
