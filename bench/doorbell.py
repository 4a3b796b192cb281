"""How many rings a control node takes in a second, each durable and signed, and how long one waits for its answer.

    bench/doorbell.py [--seconds 5] [--clients 64] [--rate 2000] [--json]

The real door and the real ledger on this disk, in a process of their own, behind TLS; 64 keep-alive clients in
another. Every ring has an id, a signature and a body of its own, and is one of 500 hosts; all are signed beforehand.
``accepts_per_s`` is what the clients get when each sends the next ring as soon as it has the answer to the last.
``p99_ms`` is measured apart, at ``rate`` rings a second that arrive evenly, from the moment each was to be sent.
``busy_p99_ms`` is the same figure under the full load of the first measurement. ``cpu_us`` is what the server's
process spends on one ring, all its threads together: what a core can do, where others use this machine too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

HOSTS = 500
SECONDS = 60
"""Until a child must be ready."""


def serve(folder: Path) -> None:
    """Until standard input ends."""
    from tests.door import FakePlace, OpenDoor, write_private

    from homeprod.web.access import Limits
    from homeprod.web.limit import Rate

    with OpenDoor(folder, limits=Limits(signer=Rate(1e9, 1e9))) as door:
        door.node.hosts |= {f"host-{number}": FakePlace("lab") for number in range(HOSTS)}
        print(json.dumps({"port": door.port, "key": write_private(door.sean).decode()}), flush=True)
        sys.stdin.readline()
        begun = time.process_time()
        sys.stdin.read()
        spent = time.process_time() - begun
        runs, hosts = door.wait_for(door.node.ledger.count_runs()), door.wait_for(door.node.ledger.hosts())
        rings = door.wait_for(
            door.node.ledger.read(lambda of: of.execute("SELECT count(*) FROM rings").fetchone()[0])
        )
        print(json.dumps({"rings": rings, "runs": sum(runs.values()), "hosts": len(hosts), "cpu": spent}), flush=True)


def sign_rings(key_text: str, number: int) -> list[bytes]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key
    from tests.door import make_wish, sign

    key = load_ssh_private_key(key_text.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    rings = []
    for count in range(number):
        body = json.dumps(make_wish(f"host-{count % HOSTS}", f"instance-{count}")).encode()
        headers = {"Host": "door", "Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **sign(key, body)}.items())
        rings.append(f"POST /hooks/provision HTTP/1.1\r\n{lines}\r\n".encode() + body)
    return rings


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def send(self, ring: bytes) -> None:
        self.writer.write(ring)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await self.reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 202 "), (head, body)


async def load(clients: list[Client], rings: Iterator[bytes], seconds: float) -> tuple[int, float, list[float]]:
    """How many were accepted in how many seconds, and how long each took."""
    end, waits = time.perf_counter() + seconds, list[float]()

    async def work(client: Client) -> None:
        while (begun := time.perf_counter()) < end and (ring := next(rings, None)) is not None:
            await client.send(ring)
            waits.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    return len(waits), time.perf_counter() - begun, waits


async def pace(clients: list[Client], rings: Iterator[bytes], seconds: float, rate: float) -> list[float]:
    """How long each took since it was to be sent, at so many a second."""
    due, waits = asyncio.Queue[tuple[float, bytes] | None](), list[float]()

    async def work(client: Client) -> None:
        while (next_one := await due.get()) is not None:
            await client.send(next_one[1])
            waits.append(time.perf_counter() - next_one[0])

    workers = [asyncio.create_task(work(client)) for client in clients]
    begun = time.perf_counter()
    for count in range(int(seconds * rate)):
        moment = begun + count / rate
        if (pause := moment - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        due.put_nowait((moment, next(rings)))
    for _ in clients:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    return waits


async def measure(
    port: int, rings: list[bytes], begin: Callable[[], None], options: argparse.Namespace
) -> dict[str, Any]:
    clients, left = [Client(port) for _ in range(options.clients)], iter(rings)
    await asyncio.gather(*(client.connect() for client in clients))
    warm, _, _ = await load(clients, left, 0.5)
    begin()
    paced = await pace(clients, left, options.seconds, options.rate)
    number, seconds, waits = await load(clients, left, options.seconds)
    for client in clients:
        client.writer.close()
    return {
        "accepts": number + len(paced),
        "warm": warm,
        "accepts_per_s": round(number / seconds),
        "p50_ms": find_quantile(paced, 0.5),
        "p99_ms": find_quantile(paced, 0.99),
        "busy_p99_ms": find_quantile(waits, 0.99),
        "rate": options.rate,
        "clients": options.clients,
    }


def find_quantile(seconds: list[float], part: float) -> float:
    return round(sorted(seconds)[int(len(seconds) * part)] * 1000, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # on a disk: /tmp may be memory
        command = [sys.executable, __file__, "--serve", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            most = int((options.seconds + 1) * (options.rate + 8000))

            def begin() -> None:
                assert server.stdin is not None
                server.stdin.write("\n")
                server.stdin.flush()

            figures = asyncio.run(measure(ready["port"], sign_rings(ready["key"], most), begin, options))
            rest, _ = server.communicate(timeout=SECONDS)
            kept = json.loads(rest)
    assert kept["hosts"] == HOSTS, kept
    assert kept["rings"] == figures["accepts"] + figures.pop("warm"), kept  # each is on the disk
    figures["cpu_us"] = round(kept["cpu"] / figures["accepts"] * 1e6)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:14} {value}")


if __name__ == "__main__":
    main()
