"""Vault text, by the real ``ansible-vault``: it gets the password through a pipe and the text on standard input."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from homeprod.control.keyholder.held.program import run
from homeprod.core.errors import ControlError
from homeprod.core.extras import advise_install

LIMIT = 60.0
"""Seconds. It takes half a one, most of it Ansible's start."""


async def encrypt(environment: str, password: bytearray, text: bytearray, runtime: Path) -> bytes:
    """Format 1.2, labelled with the environment, as ``ansible-vault encrypt`` prints it. Raises KeyholderError."""
    return await _run_vault(environment, password, text, runtime, "encrypt")


async def decrypt(environment: str, password: bytearray, text: bytearray, runtime: Path) -> bytearray:
    """Raises KeyholderError where it is no vault text, or of another password."""
    return bytearray(await _run_vault(environment, password, text, runtime, "decrypt"))


async def _run_vault(environment: str, password: bytearray, text: bytearray, runtime: Path, verb: str) -> bytes:
    with _hand_over(password) as pipe, tempfile.TemporaryDirectory(dir=runtime, prefix="vault-text-") as home:
        argv = [*_find_program(), verb, "--vault-id", f"{environment}@/proc/self/fd/{pipe}", "--output", "-"]
        argv += ["--encrypt-vault-id", environment] if verb == "encrypt" else []
        # Ansible makes itself folders for settings and drafts, which must not be a person's
        folders = {"HOME": home, "ANSIBLE_HOME": home, "ANSIBLE_LOCAL_TEMP": home}
        return await run("ansible-vault", argv, text, LIMIT, environment=folders, pass_fds=[pipe])


@contextmanager
def _hand_over(password: bytearray) -> Iterator[int]:
    """The end of a pipe that the password can be read from, once. A pipe holds 64 KiB without a reader."""
    end, start = os.pipe()
    try:
        os.write(start, password)
        os.close(start)
        yield end
    finally:
        os.close(end)


def _find_program() -> list[str]:
    """Through our own Python: it came with us, and a node's bundle has no programs beside it. Raises ControlError."""
    if find_spec("ansible") is None:
        raise ControlError("ansible-core is not installed", hint=advise_install("control"))
    return [sys.executable, "-I", "-m", "ansible", "vault"]
