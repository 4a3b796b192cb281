"""What starting costs: whole processes, from their start to their end.

    bench/start.py [--rounds 15] [--json]

`--help` and `--version` against an interpreter that does nothing (`python -c pass`; the promise is a ratio of 4), and
`check` of examples/pegasus against its promise of 0.7 s. The rounds are interleaved and the medians compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PEGASUS = ROOT / "examples" / "pegasus"
CHECK_SECONDS = 0.7
PROGRAM = [sys.executable, "-m", "homeprod"]
COMMANDS = {
    "pass": [sys.executable, "-c", "pass"],
    "start --help": [*PROGRAM, "--help"],
    "start --version": [*PROGRAM, "--version"],
    "start check": [*PROGRAM, "--site", str(PEGASUS), "check"],
}


def measure(rounds: int) -> dict[str, float]:
    """Median seconds by name; the round before the first warms the disk's cache."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="an object a line")
    arguments = parser.parse_args()
    seconds = measure(arguments.rounds)
    nothing = seconds.pop("pass")
    machines = len([*(PEGASUS / "modules").glob("*_vm.py")])
    for name, mine in seconds.items():
        is_check = name == "start check"
        theirs, against = (CHECK_SECONDS, "limit") if is_check else (nothing, "python -c pass")
        line = {
            "name": name,
            "size": machines if is_check else 0,
            "against": against,
            "ours_s": round(mine, 4),
            "theirs_s": round(theirs, 4),
            "ratio": round(mine / theirs, 2),
        }
        words = f"{name}: {mine * 1000:.0f} ms, {against} {theirs * 1000:.0f} ms ({line['ratio']})"
        print(json.dumps(line) if arguments.json else words, flush=True)


if __name__ == "__main__":
    main()
