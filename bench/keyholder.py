"""How long a person waits for a control node's lock, and what the keyholder costs while it is open.

    bench/keyholder.py [--rounds 5] [--json]

The real keyholder, its ssh-agents and a keyring as ``bootstrap`` seals it on this machine. ``unlock`` is from the
passphrase to the answer that the node is Ready, against the one step of it that has to be slow: scrypt with the work
that the keyring's own file names. ``lock`` is from the wish to the end of the process that held the secrets. ``open``
is the proportional set size of the keyholder and its agents while Ready.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.setting.figure import compare, show
from bench.setting.process import read_memory
from tests.keyholder_node import ME, PASSPHRASE, KeyholderNode, make_disk

from homeprod.control.keyring.sealing import ScryptWrapping


def bootstrap(persistent: Path) -> Path:
    """A data disk as it leaves it; the administrator's own sealed file."""
    disk = make_disk(persistent, ScryptWrapping())
    return next(disk.folder.glob(f"keyring/*/administrators/{ME}.age"))


def read_work(sealed: Path) -> int:
    """log2 of scrypt's N (C2SP, age-encryption.org/v1: "scrypt recipient stanza")."""
    return int(sealed.read_bytes().splitlines()[1].split()[3])


def measure_round(persistent: Path, work: int) -> tuple[float, float, float, float]:
    """Seconds of an unlock, of scrypt alone and of a lock; MB while it was open."""
    with KeyholderNode() as node:
        node.take(persistent).start()
        begun = time.perf_counter()
        node.ask("unlock", passphrase=PASSPHRASE)
        opened = time.perf_counter()
        assert node.state() == "Ready"
        assert node.process is not None
        megabytes = sum(read_memory(pid) for pid in (node.process.pid, *node.list_agents()))
        stretched = time.perf_counter()
        room = (1 << work) * 1024 + (1 << 20)
        hashlib.scrypt(PASSPHRASE, salt=bytes(16), n=1 << work, r=8, p=1, maxmem=room, dklen=32)
        locking = time.perf_counter()
        node.ask("lock")
        node.wait()
        ended = time.perf_counter()
        return opened - begun, locking - stretched, ended - locking, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="an object a line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = read_work(bootstrap(Path(folder)))
        rounds = [measure_round(Path(folder), work) for _ in range(options.rounds)]
    unlock, stretch, lock, megabytes = (statistics.median(values) for values in zip(*rounds, strict=True))
    show(compare("unlock", 1, f"scrypt of work {work}", unlock, stretch, limit_s=2), as_json=options.json)
    load = round(os.getloadavg()[0], 2)
    show({"name": "lock", "ms": round(lock * 1000), "limit_ms": 100, "load": load}, as_json=options.json)
    show({"name": "open", "pss_mb": round(megabytes, 1)}, as_json=options.json)


if __name__ == "__main__":
    main()
