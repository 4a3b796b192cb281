"""``homeprod control restore``: a back-up in the keyring's place."""

from __future__ import annotations

import argparse
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client
from homeprod.core.errors import ControlError


def run(options: argparse.Namespace) -> int:
    answer = open_client(options).ask(
        "restore",
        {"content": _read(Path(options.file))},
        administrator=name_administrator(options),
        force=options.force,
    )
    render.print_line(f"the keyring is what it was at change {answer.fields['serial']}; the node is Locked")
    render.say(
        f"{', '.join(answer.fields['administrators'])} can unlock it, with the passphrases of then:\n\n  unlock"
    )
    return 0


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        message = f"cannot read the back-up: {error.strerror}"
        raise ControlError(message, where=str(file), hint="name a file that `control back-up` wrote") from error
