"""The LAN of a lab, for commands that want something of it."""

from __future__ import annotations

from homeprod.core.errors import LabError
from homeprod.lab.folder import require_up
from homeprod.lab.host import require_root
from homeprod.lab.lan import Lan


def require_lan(name: str, command: str) -> Lan:
    """Of a lab that is up, and boots machines. ``command`` is who wants it. Raises LabError."""
    require_root(name, command)
    lab = require_up(name)
    spec = lab.read_spec()
    if not spec.boot:
        hint = "make one that boots machines:\n\n  homeprod lab up NAME"
        raise LabError(f"lab {name} boots nothing (--no-boot), so it has no LAN", hint=hint)
    return Lan(spec, lab.path)
