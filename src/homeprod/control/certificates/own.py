"""The site's own authority, as a run asks it: the keyholder signs."""

from __future__ import annotations

import socket

from homeprod.control.keyholder.errors import WireError
from homeprod.control.keyholder.sockets.refusal import raise_refusal
from homeprod.control.keyholder.sockets.wire import encode, receive_from
from homeprod.core.errors import CertificateError, ControlError

SECONDS = 30.0
"""For an answer: a child of the keyholder's loads what it needs, and signs."""


def have_signed(request: bytes, path: str, nonce: str) -> bytes:
    """The chain for it, as PEM. ``path`` is the socket of the run's environment. Raises CertificateError."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(SECONDS)
            connection.connect(path)
            connection.sendall(encode({"nonce": nonce, "request": request.decode()}))
            answer = receive_from(connection)
        raise_refusal(answer)
    except (OSError, WireError) as error:
        hint = "the control node may have been locked meanwhile; see\n\n  homeprod control status"
        reason = (error.strerror or type(error).__name__) if isinstance(error, OSError) else error.message
        raise CertificateError(f"the keyholder does not sign: {reason}", where=path, hint=hint) from error
    except ControlError as error:
        raise CertificateError(error.message, where=error.where, hint=error.hint) from error
    return str(answer.fields["chain"]).encode()
