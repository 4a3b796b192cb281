"""Have a certificate signed, where that is due: runs where Ansible does, and says nothing secret.

The account's key and the token for DNS are taken from the role's variables, never from the task's arguments, so that
they are in no result. All that decides anything is homeprod's own (homeprod.control.certificates.task).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no annotations
    """Of the task ``homeprod.site.certificate``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            from homeprod.control.certificates.task import Proxy, Wanted, renew
        except ImportError as error:
            raise AnsibleActionFail(f"homeprod[control] is not installed where Ansible runs: {error}") from error
        task_vars = task_vars or {}
        _, given = self.validate_argument_spec(
            {
                "label": {"type": "str", "required": True},
                "names": {"type": "list", "elements": "str", "required": True},
                "by": {"type": "str", "required": True},
                "prepared": {"type": "str", "required": True},
            }
        )
        settings = {
            name: self._templar.template(task_vars.get(f"certificates_{name}", {})) for name in ("acme", "dns")
        }
        wanted = Wanted(given["label"], tuple(given["names"]), given["by"], given["prepared"])
        proxy = Proxy(str(self._templar.template(task_vars["certificates_challenges"])), self._call)
        result.update(renew(wanted, settings, proxy, only_looks=self._task.check_mode), label=given["label"])
        return result

    def _call(self, words: Sequence[str], given: str = "") -> tuple[int, str]:
        """A command on the machine itself; its exit code, and what it complained of."""
        done = self._low_level_execute_command(shlex.join(words), in_data=given.encode() or None, sudoable=True)
        return int(done["rc"]), str(done["stderr"])
