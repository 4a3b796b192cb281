"""The LAN of a lab, for commands that want something of it."""

from __future__ import annotations

from homeprod.core.errors import LabError
from homeprod.lab.command import name_up
from homeprod.lab.folder import require_up
from homeprod.lab.host import require_root
from homeprod.lab.lan import Lan


def require_lan(name: str, command: str) -> Lan:
    """Of a lab that is up, and boots machines. ``command`` is who wants it. Raises LabError."""
    lab = require_up(name)
    spec = lab.read_spec()
    if not spec.boot:
        hint = f"make one that boots machines:\n\n  {name_up('NAME', boots=True)}"
        raise LabError(f"lab {name} boots nothing (--no-boot), so it has no LAN", hint=hint)
    require_root(name, command)
    return Lan(spec, lab.path)
