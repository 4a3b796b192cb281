"""Passage: a further way to a server on this machine, which can be shut and opened: an endpoint that dies."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field


@dataclass
class Passage:
    """Hands bytes on to ``target``, a loopback port, whose certificate is good for this port as well."""

    target: int
    port: int = 0
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)

    def __enter__(self) -> Passage:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def open(self) -> None:
        """At the port of the last time, if there was one."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Nobody listens any more, and what was under way breaks off."""
        if self._listener is not None:
            with contextlib.suppress(OSError):  # wakes who waits in accept
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = listener.accept()
                threading.Thread(target=self._carry, args=(here,), daemon=True).start()

    def _carry(self, here: socket.socket) -> None:
        with here, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as there:
            self._open |= {here, there}
            others = {here: there, there: here}
            try:
                while True:
                    for ready in select.select([here, there], [], [])[0]:
                        data = ready.recv(65536)
                        if not data:
                            return
                        others[ready].sendall(data)
            finally:
                self._open -= {here, there}
