"""A real name server on loopback (Debian's knot) that takes dynamic updates of a key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
from tests.acme_server import run_program
from tests.ports import find_port

ZONE = "lab.example"
KEY_NAME, KEY = "homeprod", "c2VjcmV0IGtleSBmb3IgdGhlIHRlc3RzIG9mIGhvbWVwcm8="
_SETTINGS = """\
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}"
log:
  - target: stderr
    any: info
key:
  - id: {key_name}
    algorithm: hmac-sha256
    secret: {key}
acl:
  - id: challenges
    key: {key_name}
    action: update
    update-type: TXT
template:
  - id: default
    storage: "{folder}"
zone:
  - domain: {zone}
    file: zone
    acl: challenges
  - domain: unloaded.example
    file: nothing
    acl: challenges
"""
_RECORDS = """\
$ORIGIN {zone}.
@ 60 SOA ns admin 1 3600 600 86400 60
@ 60 NS ns
ns 60 A 127.0.0.1
@ 60 A 127.0.0.1
* 60 A 127.0.0.1
"""


@dataclass(frozen=True)
class Knot:
    port: int

    def read(self, name: str) -> list[str]:
        """The TXT records there."""
        asked = dns.message.make_query(name, dns.rdatatype.TXT)
        answer = dns.query.tcp(asked, "127.0.0.1", port=self.port, timeout=5)
        return sorted(
            record.strings[0].decode()
            for found in answer.answer
            for record in found
            if record.rdtype == dns.rdatatype.TXT
        )


@contextlib.contextmanager
def run_knot(folder: Path) -> Iterator[Knot]:
    folder.mkdir(exist_ok=True)
    port = find_port()
    words = {"folder": folder, "port": port, "key_name": KEY_NAME, "key": KEY, "zone": ZONE}
    (folder / "knot.conf").write_text(_SETTINGS.format(**words))
    (folder / "zone").write_text(_RECORDS.format(zone=ZONE))
    with run_program(["knotd", "-c", str(folder / "knot.conf")], folder / "knot.log", port):
        yield Knot(port)
