"""A client who asks again and again: `asking.py URL SECONDS_BETWEEN`, until standard input ends.

Prints each answer's moment (this kernel's monotonic clock) and text, empty where there was none, as a line of JSON.
It runs where there is nothing but Python, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request

PATIENCE = 1.0


def ask(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 (the benchmark's own)
            return str(answer.read(100).decode().strip())
    except OSError:
        return ""


def wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def follow(url: str, pause: float) -> list[tuple[float, str]]:
    over = threading.Event()
    threading.Thread(target=wait_for_end, args=(over,), daemon=True).start()
    answers = []
    while not over.wait(pause):
        begun = time.monotonic()
        text = ask(url)
        answers.append((time.monotonic() if text else begun, text))
    return answers


if __name__ == "__main__":
    print(json.dumps(follow(sys.argv[1], float(sys.argv[2]))))
