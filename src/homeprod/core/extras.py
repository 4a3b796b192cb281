"""What is installed only where it is asked for: how an extra comes to where homeprod is."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec


def advise_install(extra: str) -> str:
    """From the clone: homeprod is on no package index, and whoever takes its name on one is a stranger. With pip, or
    with uv where that made the environment, which has no pip then."""
    python = shlex.quote(sys.executable)
    how = f"{python} -m pip install" if find_spec("pip") is not None else f"uv pip install --python {python}"
    return f"install its extra, in the clone that homeprod was installed from:\n\n  {how} '.[{extra}]'"
