"""The client of a person's command: one request on a connection, one answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeprod.control.keyholder.errors import AbsentKeyholderError, WireError
from homeprod.control.keyholder.sockets.refusal import raise_refusal
from homeprod.control.keyholder.sockets.wire import Message, encode, receive_from, wipe

RESTART = 10.0
"""Seconds that a keyholder may be away: after `lock` systemd starts it again."""
ANSWER = 300.0
"""Seconds to wait for an answer: one passphrase's scrypt, behind others' and a wait after wrong ones."""


RELUCTANCE = 1.0
"""Seconds that a socket may be nobody's: systemd makes it anew after `lock`, and gives it to its group just after."""


class KeyholderClient:
    def __init__(self, path: Path, *, patience: float = RESTART) -> None:
        self._path = path
        self._patience = patience

    def ask(self, verb: str, raw: Mapping[str, bytes | bytearray] | None = None, **fields: Any) -> Message:
        """What it answers; empty fields are left out. ``raw`` is left as it is: whoever made it zeroes it. Raises
        KeyholderError with what it refused, AbsentKeyholderError where nobody answers."""
        request = encode({"verb": verb, **{name: value for name, value in fields.items() if value != ""}}, raw)
        until = time.monotonic() + self._patience
        try:
            answer = self._exchange(request, until)
            while answer is None and verb == "status" and time.monotonic() < until:
                answer = self._exchange(request, until)
        except OSError as error:
            raise self._explain(error) from error
        finally:
            wipe(request)
        if answer is None:
            raise self._explain(ConnectionResetError(0, "it hung up"))
        raise_refusal(answer)
        return answer

    def _exchange(self, request: bytearray, until: float) -> Message | None:
        """None where it hung up: it was about to end, or has too many callers. Raises OSError."""
        with self._connect(until) as connection:
            try:
                connection.sendall(request)
                answer = receive_from(connection)
            except (ConnectionError, WireError):
                return None
            if answer.fields.get("is_ending"):
                connection.recv(1)  # the end comes with the process's, after its memory is gone
            return answer

    def _connect(self, until: float) -> socket.socket:
        until_refused = min(until, time.monotonic() + RELUCTANCE)
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(ANSWER)
            try:
                connection.connect(str(self._path))
                return connection
            except (FileNotFoundError, ConnectionRefusedError, PermissionError) as error:
                connection.close()
                if time.monotonic() > (until_refused if isinstance(error, PermissionError) else until):
                    raise
                time.sleep(0.05)
            except BaseException:
                connection.close()
                raise

    def _explain(self, error: OSError) -> AbsentKeyholderError:
        if isinstance(error, PermissionError):
            hint = (
                "only the control node's administrators may; the site names them, and `id` says whether you are one"
            )
            return AbsentKeyholderError("the keyholder's socket is not for you", where=str(self._path), hint=hint)
        reason = error.strerror or "it said nothing in time"
        hint = "run this on the control node; there, see why it does not run:\n\n"
        hint += "  systemctl status homeprod-keyholder"
        return AbsentKeyholderError(f"the keyholder does not answer: {reason}", where=str(self._path), hint=hint)
