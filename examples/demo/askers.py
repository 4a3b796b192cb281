"""Ask for URLs again and again, each time by a new connection, until standard input ends; then say how it went.

`python3 askers.py ADDRESS ROOT NAME…` outside the lab; it takes nothing but Python.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import time

LIMIT = 20.0
"""Seconds for an answer."""
PAUSE = 0.1


def ask(address: str, context: ssl.SSLContext, name: str) -> str:
    """What went wrong; empty where the answer was good."""
    try:
        with (
            socket.create_connection((address, 443), LIMIT) as line,
            context.wrap_socket(line, server_hostname=name) as secure,
        ):
            secure.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            status = secure.makefile("rb").readline().decode()
            return "" if " 200 " in status else status.strip() or "closed without a word"
    except OSError as error:
        return f"{type(error).__name__}: {error}"


def main(address: str, root: str, *names: str) -> None:
    context, over = ssl.create_default_context(cafile=root), threading.Event()
    counts, failed = dict.fromkeys(names, 0), list[str]()

    def keep_asking(name: str) -> None:
        while not over.is_set():
            if words := ask(address, context, name):
                failed.append(f"{name}: {words}")
            counts[name] += 1
            time.sleep(PAUSE)

    threads = [threading.Thread(target=keep_asking, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps({"asked": counts, "failed": failed}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
