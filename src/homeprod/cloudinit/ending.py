"""The end of cloud-init, read from the two files it keeps: still running, done, done with warnings, or failed.

Formats: cloud-init's ``cmd/main.py`` (``status_wrapper``), as Debian 12 (22.4), Debian 13 (25.1) and 26.x write them.
``status.json`` grows from the first stage on, ``result.json`` is written once at the end; both go at the next boot.
22.4 has a stage ``modules-init`` more and no ``recoverable_errors``.

Whatever stands in these files comes from the guest, so it is made fit for a terminal here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

STATUS_FILE = "/run/cloud-init/status.json"
RESULT_FILE = "/run/cloud-init/result.json"

_STAGES = {
    "init-local": "before the network",
    "init": "network, data disks, users",
    "modules-init": "data disks, users",
    "modules-config": "configuration",
    "modules-final": "packages and scripts",
}
_MODULE_ERROR = re.compile(r"""\('(\w+)', \w+\((["'])(.*)\2\)\)\Z""", re.DOTALL)
"""``('runcmd', RuntimeError('…'))``: the module and its exception, as Python shows a pair."""
_DISK_MODULE = "bootcmd: "
_NO_DATA_SOURCE = "DataSourceNone"
_LONGEST = 600
"""Characters of one error that are shown."""


class EndingState(Enum):
    """``DEGRADED`` is done, with warnings; cloud-init calls it "degraded done"."""

    RUNNING = "running"
    DONE = "done"
    DEGRADED = "degraded done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ending:
    """``stage`` says what is running now, in words; empty between stages and at the end. ``errors`` may be there
    before the end: a failed stage does not stop the next one."""

    state: EndingState
    stage: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.state is not EndingState.RUNNING


def read_ending(status: str | None, result: str | None, disk_errors: str | None = None) -> Ending:
    """The ending by the texts of ``STATUS_FILE`` and ``RESULT_FILE``, and of ``datadisk.ERRORS_FILE``, where the
    data-disk script puts in its own words what cloud-init calls an exit status.

    None stands for a file that is not there, or not yet. Read the result before the status, or the status may be
    older than the end that the result tells of. Raises nothing: a text that is not cloud-init's is a failure.
    """
    try:
        stages, ends = _parse(status), _parse(result)
    except ValueError as error:
        return Ending(EndingState.FAILED, errors=(f"cloud-init's own report cannot be read: {error}",))
    has_ended = result is not None or _has_finished(stages)
    errors = _find_errors(stages, ends, disk_errors, has_ended=has_ended)
    warnings = _unique(_find_warnings(stages))
    if not has_ended:
        return Ending(EndingState.RUNNING, _name_stage(stages), errors, warnings)
    return Ending(_judge(errors, warnings), "", errors, warnings)


def _parse(text: str | None) -> Mapping[str, Any]:
    """What stands under ``v1``. Raises ValueError."""
    if text is None:
        return {}
    report = json.loads(text)
    version = report.get("v1") if isinstance(report, dict) else None
    if not isinstance(version, dict):
        raise ValueError("there is no v1 in it")
    return version


def _has_finished(stages: Mapping[str, Any]) -> bool:
    """The last stage's end is written a moment before the result."""
    last = stages.get("modules-final")
    return isinstance(last, dict) and bool(last.get("finished"))


def _find_errors(
    stages: Mapping[str, Any], ends: Mapping[str, Any], disk_errors: str | None, *, has_ended: bool
) -> tuple[str, ...]:
    said = [text for text in (disk_errors or "").splitlines() if text]
    found = _texts(ends.get("errors"))
    for _, stage in _each_stage(stages):
        found += _texts(stage.get("errors"))
    found = [_MODULE_ERROR.sub(r"\1: \3", text) for text in found]
    if said:  # the data-disk script is the only bootcmd: this is the same failure, in fewer words
        found = [*said, *(text for text in found if not text.startswith(_DISK_MODULE))]
    source = ends.get("datasource") or stages.get("datasource")
    if has_ended and str(source).startswith(_NO_DATA_SOURCE):
        found.append("cloud-init found no CD labelled cidata, so the machine was told nothing")
    return _unique(found)


def _find_warnings(stages: Mapping[str, Any]) -> Iterator[str]:
    """``recoverable_errors``: by level, ``{"WARNING": ["…"], "DEPRECATED": ["…"]}``."""
    for _, stage in _each_stage(stages):
        levels = stage.get("recoverable_errors")
        for level, texts in levels.items() if isinstance(levels, dict) else ():
            yield from (f"{str(level).lower()}: {text}" for text in _texts(texts))


def _each_stage(stages: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, stage) for name, stage in stages.items() if isinstance(stage, dict))


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _name_stage(stages: Mapping[str, Any]) -> str:
    stage = stages.get("stage")
    return _STAGES.get(str(stage), _clean(str(stage))) if stage else ""


def _judge(errors: tuple[str, ...], warnings: tuple[str, ...]) -> EndingState:
    if errors:
        return EndingState.FAILED
    return EndingState.DEGRADED if warnings else EndingState.DONE


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Each once: the first stage's lists are copied into every other's by cloud-init itself (25.1)."""
    return tuple(dict.fromkeys(cleaned for text in texts if (cleaned := _clean(text))))


def _clean(text: str) -> str:
    """One line, no character that a terminal would obey, no endless one."""
    line = " ".join(text.replace("\\n", " ").split())
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} …"
