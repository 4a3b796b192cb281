"""One real nginx with many tables: each rendered map and set of server names has a socket, and says what it took."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from tests.nginx_process import LIMIT
from tests.tls_hello import make_hello, put_into_records

from homeprod.network.nginx.passthrough import Gate, Passthrough, render_passthrough

Door = Literal["tls", "plain", "service"]
"""The passthrough's port 443, its port 80, a proxy."""
REFUSED = "400"
DEFAULT = "other"
Table = dict[str, str]
"""What each pattern leads to."""


@dataclass
class Tables:
    folder: Path

    def ask_all(self, door: Door, number: int, names: Iterable[bytes]) -> list[str]:
        """What the table of that number answers each name with."""
        return asyncio.run(self._ask_all(door, number, list(names)))

    async def _ask_all(self, door: Door, number: int, names: list[bytes]) -> list[str]:
        turn = asyncio.Semaphore(32)

        async def ask(name: bytes) -> str:
            async with turn:
                return await asyncio.wait_for(self._ask(door, number, name), LIMIT)

        return list(await asyncio.gather(*map(ask, names)))

    async def _ask(self, door: Door, number: int, name: bytes) -> str:
        reader, writer = await asyncio.open_unix_connection(self.folder / f"{door}{number}")
        try:
            writer.write(put_into_records(make_hello(name)) if door == "tls" else _write_request(name))
            answer = await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if door == "tls":
            return answer.decode()
        head, _, body = answer.partition(b"\r\n\r\n")
        return REFUSED if head.split(b" ", 2)[1] == b"400" else body.decode()


def _write_request(host: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def open_tables(folder: Path, tables: list[Table]) -> Iterator[Tables]:
    (folder / "modules-enabled").symlink_to("/etc/nginx/modules-enabled")
    file = folder / "nginx.conf"
    file.write_text(_write_configuration(folder, tables))
    command = ("nginx", "-c", str(file), "-e", str(folder / "error.log"), "-g", "daemon off;")
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + LIMIT
        while not (folder / "nginx.pid").exists():  # written once it listens
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Tables(folder)
    finally:
        process.terminate()
        process.wait(LIMIT)


def _write_configuration(folder: Path, tables: list[Table]) -> str:
    stream = [_write_map(folder, "tls", number, table) for number, table in enumerate(tables)]
    plain = [_write_map(folder, "plain", number, table) for number, table in enumerate(tables)]
    served = [_write_servers(folder, number, table) for number, table in enumerate(tables)]
    sizes = "map_hash_bucket_size 128; map_hash_max_size 2048;"
    own = "server_names_hash_bucket_size 128; server_names_hash_max_size 2048; access_log off;"
    return "\n".join(
        [
            f"user {getpass.getuser()}; worker_processes 1; pid {folder}/nginx.pid;",
            f"include {folder}/modules-enabled/*.conf;",
            "events { worker_connections 1024; }",
            f"stream {{ {sizes} variables_hash_max_size 4096;",
            *stream,
            f"}}\nhttp {{ {sizes} {own} variables_hash_max_size 4096;",
            *plain,
            *served,
            "}\n",
        ]
    )


def _write_map(folder: Path, door: Door, number: int, table: Table) -> str:
    """As it is rendered, under a name of its own."""
    gates = tuple(Gate(name, ip_address("127.0.0.1"), 1) for name in {*table.values(), DEFAULT})
    text = render_passthrough(Passthrough(table, DEFAULT, gates))
    start = f"    map ${'ssl_preread_server_name' if door == 'tls' else 'host'} $gate {{\n"
    rules = text.partition(start)[2].partition("\n    }\n")[0]
    assert rules
    reading = f"ssl_preread on; return $gate{number};" if door == "tls" else f"return 200 $gate{number};"
    return (
        f"{start.replace('$gate', f'$gate{number}')}{rules}\n}}\n"
        f"server {{ listen unix:{folder}/{door}{number}; {reading} }}"
    )


def _write_servers(folder: Path, number: int, table: Table) -> str:
    listen = f"listen unix:{folder}/service{number}"
    servers = [f"server {{ {listen}; server_name {name}; return 200 {goal}; }}" for name, goal in table.items()]
    return "\n".join([f'server {{ {listen} default_server; server_name ""; return 200 {DEFAULT}; }}', *servers])
