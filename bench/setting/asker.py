"""wrk: it asks as fast as it is answered, for so many seconds, and counts."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.setting.way import HERE, NAME, Way

PROGRAM = "wrk"


@dataclass(frozen=True)
class Ask:
    """For what, over how many connections; one that is not kept is opened for each request anew."""

    path: str
    connections: int
    is_kept: bool = True


@dataclass(frozen=True)
class Count:
    """``rate`` is of requests, ``flow`` of bytes, a second; ``p50`` and ``p99`` are seconds until an answer was
    whole; ``cpu`` is the seconds that the way's own processes spent on a request."""

    rate: float
    flow: float
    p50: float
    p99: float
    cpu: float


def ask(way: Way, what: Ask, seconds: float, hosts: Path) -> Count:
    """``hosts`` is a file like /etc/hosts, written here: the name is nobody's, and must be in hello and Host. Raises
    AssertionError where a request failed."""
    hosts.write_text(f"127.0.0.1 {NAME}\n")
    env = {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(hosts)}
    command = [PROGRAM, "--threads", "1", "--connections", str(what.connections), "--duration", f"{seconds:.0f}s"]
    command += ["--latency", "--script", str(HERE / "report.lua")]
    command += [] if what.is_kept else ["--header", "Connection: close"]
    before = way.read_cpu()
    done = subprocess.run(
        [*command, f"https://{NAME}:{way.port}/{what.path}"],
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=True,
    )
    spent = way.read_cpu() - before
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["requests"], done.stdout
    assert not told["bad"], done.stdout
    whole = told["duration"] / 1e6
    return Count(
        rate=told["requests"] / whole,
        flow=told["bytes"] / whole,
        p50=told["p50"] / 1e6,
        p99=told["p99"] / 1e6,
        cpu=spent / told["requests"],
    )
