"""Runs inside a machine, as root: searches its processes, or files that outlive a boot, for canaries from standard
input (a line of JSON each: name, value in hex). Prints a line of JSON each finding.

Sent there together with canary.py; it needs nothing else.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from canary import Canary, Search, list_processes  # type: ignore[import-not-found]

TREES = ("/etc", "/home", "/opt/homeprod", "/root", "/run", "/tmp", "/usr/local", "/var")


def main() -> None:
    lines = [json.loads(line) for line in sys.stdin if line.strip()]
    search = Search(Canary(one["name"], bytes.fromhex(one["value"])) for one in lines)
    if "processes" in sys.argv[1:]:
        # What searches has the canaries in its own memory, and so have those who handed them on to it.
        own = _list_ancestors(os.getpid())
        found = search.find_in_processes(pid for pid in list_processes() if pid not in own)
    else:
        found = {one for tree in TREES for one in search.find_in_tree(Path(tree))}
    for one in sorted(found):
        sys.stdout.write(json.dumps({"place": one.place, "canary": one.canary, "form": one.form}) + "\n")


def _list_ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        found.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


if __name__ == "__main__":
    main()
