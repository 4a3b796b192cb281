"""One HTTPS connection to a control node, which shows the very certificate that is pinned, or nothing is sent."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from homeprod.core.errors import ControlError, UnreachableError, UsageError

Connect = Callable[[str, int], socket.socket]
"""Opens a TCP connection to a host and port; raises OSError."""
SECONDS = 20
"""For an answer. The node gives up on slow ones sooner."""


class PinnedLine(http.client.HTTPConnection):
    """``certificate_pem`` was read through the guest agent, from the machine itself: neither its chain nor its name
    nor its dates say more than that it is the same one."""

    def __init__(self, url: str, certificate_pem: str, connect: Connect, seconds: float = SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise UsageError("not a control node's URL", where=url, hint="it is https://ADDRESS:PORT")
        super().__init__(parts.hostname, parts.port or 443, timeout=seconds)
        self._where, self._open, self._seconds = url, connect, seconds
        try:
            self._pinned = ssl.PEM_cert_to_DER_cert(certificate_pem.strip())
        except ValueError as error:
            raise ControlError("the pinned certificate is none", where=url, hint=_PIN_AGAIN) from error

    def connect(self) -> None:
        """Raises UnreachableError, or ControlError for another certificate."""
        try:
            bare = self._open(self.host, self.port)
        except OSError as error:
            raise explain(error, self._where) from error
        bare.settimeout(self._seconds)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the whole certificate is compared below
        try:
            line = context.wrap_socket(bare, server_hostname=self.host)
        except OSError as error:
            bare.close()
            raise explain(error, self._where) from error
        if line.getpeercert(binary_form=True) != self._pinned:
            line.close()
            message = "the control node shows another certificate than the pinned one; nothing was sent to it"
            raise ControlError(message, where=self._where, hint=_PIN_AGAIN)
        self.sock = line


_PIN_AGAIN = (
    "its certificate is read from the machine itself, through its guest agent; where the machine was made again, or"
    " its address is another machine's now, see\n\n  homeprod status"
)


def explain(error: Exception, where: str) -> UnreachableError:
    """Nobody answers, in words."""
    if isinstance(error, TimeoutError):
        reason = "no answer in time"
    elif isinstance(error, http.client.HTTPException):
        reason = f"no HTTP answer ({type(error).__name__})"
    else:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    hint = "see whether the machine runs, and its service in it\n\n  systemctl status homeprod-control"
    return UnreachableError(f"the control node does not answer: {reason}", where=where, hint=hint)
