"""Lay down a Python program as one file, made where Ansible runs: of a role's own package, or of what is installed
there, as a control node brings it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils.program import build_program, find_version


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no annotations
    """Of the task ``homeprod.site.program``."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "dest": {"type": "path", "required": True},
                "main": {"type": "str", "required": True},
                "packages": {"type": "dict", "default": {}},
                "distributions": {"type": "list", "elements": "str", "default": []},
                "floor": {"type": "str", "default": ""},
                # What is there already, as `OWNER MODE SHA256`.
                "known": {"type": "str", "default": ""},
            }
        )
        _check_floor(given["distributions"], given["floor"])
        program = _build(given)
        if given["known"] != f"root 755 {hashlib.sha256(program).hexdigest()}":
            result.update(self._copy(program, given["dest"], task_vars or {}))
        return result

    def _copy(self, program: bytes, dest: str, task_vars: dict[str, Any]) -> dict[str, Any]:
        """By Ansible's own task, which compares first, and keeps check mode."""
        descriptor, name = tempfile.mkstemp()
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(program)
            task = self._task.copy()
            task.args = {"src": name, "dest": dest, "owner": "root", "group": "root", "mode": "0755"}
            action = self._shared_loader_obj.action_loader.get(
                "ansible.builtin.copy", task=task, connection=self._connection, play_context=self._play_context,
                loader=self._loader, templar=self._templar, shared_loader_obj=self._shared_loader_obj,
            )  # fmt: skip
            done: dict[str, Any] = action.run(task_vars=task_vars)
        finally:
            Path(name).unlink()
        # A binary file's difference says nothing to anybody.
        done["diff"] = []
        return done


def _check_floor(distributions: list[str], floor: str) -> None:
    if not floor:
        return
    try:
        version = find_version(distributions[0])
    except LookupError as error:
        raise AnsibleActionFail(_explain(error)) from error
    if _split(version) < _split(floor):
        raise AnsibleActionFail(f"{distributions[0]} {version} is too old: {floor} is the first that may run")


def _build(given: dict[str, Any]) -> bytes:
    try:
        folders = {name: Path(path) for name, path in given["packages"].items()}
        return build_program(given["main"], folders, tuple(given["distributions"]))
    except LookupError as error:
        raise AnsibleActionFail(_explain(error)) from error


def _explain(error: LookupError) -> str:
    return f"{error} is not installed where Ansible runs: a control node has it, by homeprod[control]"


def _split(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
