"""``homeprod drill …``: the site, or a part of it, destroyed on purpose and made again. One file a noun."""

from __future__ import annotations

import argparse

from homeprod.core.errors import UsageError


def run(options: argparse.Namespace) -> int:
    if not options.verb:
        raise UsageError("which drill? there is rebuild", hint="see:\n\n  homeprod drill --help")
    from homeprod.cli.drill.rebuild import rebuild

    return rebuild(options)
