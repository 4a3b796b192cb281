"""``homeprod control back-up``: the keyring as one file, sealed as it is."""

from __future__ import annotations

import argparse
import os

from homeprod.cli import render
from homeprod.cli.control.node import name_administrator, open_client
from homeprod.core.errors import ControlError


def run(options: argparse.Namespace) -> int:
    answer = open_client(options).ask("back-up", administrator=name_administrator(options))
    _write(options.file, answer.raw["content"])
    render.print_line(f"{options.file} is a back-up of the keyring, sealed as the keyring is")
    render.say("keep it apart from this node; it opens with the passphrases, and the recovery identity, of today")
    return 0


def _write(file: str, content: bytearray) -> None:
    """Raises ControlError where it is there already: an older back-up may be the one that is needed."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
    except OSError as error:
        message = f"cannot write the back-up: {error.strerror}"
        raise ControlError(message, where=file, hint="take a name that is not there, where there is room") from error
