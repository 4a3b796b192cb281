"""Ways to one service: ours, one written by hand for it (twice, for the noise), and none at all."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme
from bench.setting.process import read_cpu
from tests.nginx_process import Nginx, open_way, write_certificate
from tests.ports import find_port

HERE = Path(__file__).parent / "entry"
NAME = "demo.lab.example"
SIZES = {"small": 1024, "large": 4 * 1024**2}
"""What the service has, and how many bytes it is."""


@dataclass(frozen=True)
class Way:
    """Where it begins, and the nginxes that it is made of."""

    name: str
    port: int
    nginxes: tuple[Nginx, ...]

    def read_cpu(self) -> float:
        """Seconds that its workers have spent so far."""
        return sum(read_cpu(pid) for nginx in self.nginxes for pid in nginx.list_workers())


@contextlib.contextmanager
def open_ways(folder: Path) -> Iterator[tuple[Way, ...]]:
    with contextlib.ExitStack() as stack:
        service, plain = _start_service(stack, folder / "service")
        ours = stack.enter_context(open_way(folder / "ours", dict.fromkeys(("demo", "files", "near"), plain)))
        tiers = (ours.nginxes["passthrough"], ours.nginxes["lab-proxy"])
        hands = (_start_hand(stack, folder / name, name, plain) for name in ("hand", "again"))
        yield Way("ours", ours.passthrough.https, tiers), *hands, service


def _start_service(stack: contextlib.ExitStack, folder: Path) -> tuple[Way, int]:
    https, plain = find_port(), find_port()
    (folder / "files").mkdir(parents=True)
    for name, size in SIZES.items():
        (folder / "files" / name).write_bytes(bytes(size))
    write_certificate(trustme.CA(), folder / "certificates" / "demo", NAME)
    return Way("direct", https, (_start(stack, folder, "service", HTTPS=https, PLAIN=plain),)), plain


def _start_hand(stack: contextlib.ExitStack, folder: Path, name: str, plain: int) -> Way:
    https, passed = find_port(), find_port()
    write_certificate(trustme.CA(), folder / "proxy" / "certificates" / "demo", NAME)
    proxy = _start(stack, folder / "proxy", "proxy", PASSED=passed, SERVICE=plain)
    passthrough = _start(stack, folder / "way", "passthrough", HTTPS=https, PASSED=passed, OTHER=passed)
    return Way(name, https, (passthrough, proxy))


def _start(stack: contextlib.ExitStack, folder: Path, name: str, **words: int) -> Nginx:
    """The configuration of that name, with its words put in; the first is a port that answers once it runs."""
    nginx = Nginx(folder)
    text = (HERE / f"{name}.conf").read_text()
    for word, value in {**words, "FOLDER": folder, "USER": getpass.getuser()}.items():
        text = text.replace(word, str(value))
    stack.callback(nginx.stop)
    nginx.start(text, next(iter(words.values())))
    return nginx
