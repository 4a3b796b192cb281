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
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 1.0
"""Seconds; who gets no answer meanwhile keeps nobody else from asking."""


def ask(url: str) -> tuple[float, str]:
    """When it was over, and what was said."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 (the benchmark's own)
            text = answer.read(100).decode().strip()
    except OSError:
        text = ""
    return time.monotonic(), text


def wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def follow(url: str, pause: float) -> list[tuple[float, str]]:
    over = threading.Event()
    threading.Thread(target=wait_for_end, args=(over,), daemon=True).start()
    with ThreadPoolExecutor(round(PATIENCE / pause) + 1) as pool:
        asked = []
        while not over.wait(pause):
            asked.append(pool.submit(ask, url))
    return [one.result() for one in asked]


if __name__ == "__main__":
    print(json.dumps(follow(sys.argv[1], float(sys.argv[2]))))
