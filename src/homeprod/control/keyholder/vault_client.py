"""Prints an environment's vault password for the run that may have it: Ansible calls it with ``--vault-id``.

Run as a file, isolated and by itself: it imports nothing of homeprod, to be quick (Ansible waits for it).
"""

from __future__ import annotations

import os
import socket
import sys

SECONDS = 10.0


def ask(path: str, nonce: str) -> bytes:
    """The password; empty where it was refused. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(path)
        password = b""
        try:
            connection.sendall(nonce.encode() + b"\n")
            while part := connection.recv(4096):
                password += part
        except ConnectionError:  # it hung up, which is how it refuses
            return b""
    return password


def run() -> int:
    try:
        password = ask(os.environ["HOMEPROD_VAULT_SOCKET"], os.environ["HOMEPROD_VAULT_NONCE"])
    except KeyError as error:
        sys.stderr.write(f"error: {error.args[0]} is not set; a run of the control node sets it\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: the vault socket does not answer: {error.strerror or error}\n")
        return 1
    if not password:
        sys.stderr.write("error: the keyholder gives this run no password: it is over, or it is another user's\n")
        return 1
    sys.stdout.buffer.write(password + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(run())
