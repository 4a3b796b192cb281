"""What the way in costs: our passthrough and proxy against a way written by hand, and against no way at all.

    bench/entry.py [--rounds 15] [--seconds 1] [--json]

``hand`` is a passthrough and a proxy of the same topology, tuned, for this one service, with the same log, headers
and websockets (bench/setting/entry). ``again`` is the same once more: its ratio is what the machine's noise makes.
``direct`` is the service itself, which has TLS too. All are real nginx on loopback, and wrk asks on the same cores.
``requests`` are small ones over 32 kept connections, ``connections`` new TLS connections with one request each,
``throughput`` files of 4 MiB over 4; ``p50`` and ``p99`` are a small request's time while 2 connections ask, and
``cpu`` what the way's own processes spend on one, whoever else uses the machine. Rounds are interleaved and the
medians compared. ``ratio`` says how good ours is: more is better, so for times it is theirs through ours.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.setting.asker import PROGRAM, Ask, Count, ask
from bench.setting.figure import show_rate
from bench.setting.way import Way, open_ways

ASKS = {
    "requests": Ask("small", 32),
    "connections": Ask("small", 16, is_kept=False),
    "throughput": Ask("large", 4),
    "wait": Ask("small", 2),
}
FIGURES = {
    "requests a second": ("requests", "rate"),
    "connections a second": ("connections", "rate"),
    "bytes a second": ("throughput", "flow"),
    "p50 s": ("wait", "p50"),
    "p99 s": ("wait", "p99"),
    "cpu s": ("requests", "cpu"),
}
Counts = dict[tuple[str, str], list[Count]]
"""By way and ask, one a round."""


def measure(ways: tuple[Way, ...], rounds: int, seconds: float, hosts: Path) -> Counts:
    """A round before the first warms up. Whoever began a round is last in the next."""
    counts: Counts = {(way.name, name): [] for way in ways for name in ASKS}
    for number in range(rounds + 1):
        turn = number % len(ways)
        for name, what in ASKS.items():
            for way in (*ways[turn:], *ways[:turn]):
                count = ask(way, what, seconds, hosts)
                if number:
                    counts[way.name, name].append(count)
    return counts


def find_median(counts: Counts, way: str, figure: str) -> float:
    name, field = FIGURES[figure]
    return statistics.median(float(getattr(count, field)) for count in counts[way, name])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement")
    parser.add_argument("--json", action="store_true", help="an object a line")
    options = parser.parse_args()
    if shutil.which(PROGRAM) is None:
        print(f"bench: {PROGRAM} is not installed; make bench installs it", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, open_ways(Path(folder)) as ways:
        counts = measure(ways, options.rounds, options.seconds, Path(folder) / "hosts")
    for figure in FIGURES:
        for way, against in (("ours", "hand"), ("again", "hand"), ("ours", "direct")):
            ours, theirs = (find_median(counts, name, figure) for name in (way, against))
            name = f"entry {figure}" + (" (noise)" if way == "again" else "")
            show_rate(name, against, ours, theirs, is_time=figure.endswith(" s"), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
