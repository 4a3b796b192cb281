"""Commands for a lab that a person is told to type: whole ones, with sudo where they need root."""

from __future__ import annotations

import os
from collections.abc import Mapping


def name_program(*, needs_root: bool, env: Mapping[str, str] = os.environ) -> str:
    """How homeprod is called by whoever reads it: with sudo where they called this so, since what root made is
    root's, and where it takes root that they have not. The shell finds the program, since sudo does not look where a
    person's own are."""
    is_root = os.geteuid() == 0
    has_sudo = is_root and bool(env.get("SUDO_USER"))
    return 'sudo "$(command -v homeprod)"' if has_sudo or (needs_root and not is_root) else "homeprod"


def name_up(name: str, *, boots: bool) -> str:
    """Brings the lab ``name`` up; ``boots`` is whether machines boot in it, which takes root."""
    return f"{name_program(needs_root=boots)} lab up {name}{'' if boots else ' --no-boot'}"
