"""What `homeprod status` says of certificates: of a server on loopback that shows them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.home import PEGASUS
from tests.made_certificates import make_chain, make_key

from homeprod.cli import certificates
from homeprod.drivers.served import read_served
from homeprod.network.certificates.standing import judge
from homeprod.site.loader import load_site

KEY = make_key()
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAME = "nas.home.arpa"


def _encode(at: datetime, *names: str) -> bytes:
    return make_chain(KEY, *names, at=at).leaf.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("names", "name", "day", "days", "trouble"),
    [
        ((NAME,), NAME, 1, 89, ""),
        (("*.home.arpa",), NAME, 1, 89, ""),
        ((NAME,), "homeprod.invalid", 1, 89, ""),
        ((NAME,), NAME, 61, 29, "less than a third of its life is left: it should have been renewed"),
        ((NAME,), NAME, 92, -2, "it has expired on 2026-08-30"),
        (("tv.home.arpa",), NAME, 1, 89, f"one for tv.home.arpa is shown for {NAME}"),
    ],
)
def test_days_left_and_what_to_look_into(
    names: tuple[str, ...], name: str, day: int, days: int, trouble: str
) -> None:
    standing = judge(_encode(NOW, *names), name, NOW + day * DAY)
    assert (standing.days, standing.trouble) == (days, trouble)


@contextlib.contextmanager
def _serve(folder: Path, *names: str) -> Iterator[int]:
    chain = make_chain(KEY, *names, at=datetime.now(UTC))
    (folder / "chain.pem").write_bytes(chain.render())
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(line, server_side=True) as secure:
                    secure.recv(1)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield port
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_each_certificate_of_a_proxy_that_runs_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pegasus' own addresses are never spoken to: all lead to loopback."""
    site, asked = load_site(PEGASUS), []
    with _serve(tmp_path, "*.lab.home.arpa") as port:

        def connect(host: str, _port: int) -> socket.socket:
            asked.append(host)
            if host != "10.111.1.212":
                raise ConnectionRefusedError(111, "Connection refused")
            return socket.create_connection(("127.0.0.1", port), 5)

        monkeypatch.setattr(certificates, "choose_connection", lambda _lab, _patience: connect)
        assert certificates.look(site, set()) == []
        [lab, *prod] = certificates.look(site, {"lab-proxy", "prod-proxy", "lab-coder"})
    assert set(asked) == {"10.111.1.212", "10.111.1.5"}
    assert "one for *.lab.home.arpa is shown for demo.lab.pegasuspad.com" in str(lab)
    assert lab.describe()["days"] in (89, 90)
    assert str(prod[0]) == "prod-proxy: certificate pegasuspad.com: not known: Connection refused"
    assert prod[0].describe()["unknown"] == "Connection refused"


def test_what_a_server_shows_is_read_and_where_nobody_listens_is_an_error(tmp_path: Path) -> None:
    with _serve(tmp_path, NAME) as port:
        der = read_served(lambda host, at: socket.create_connection((host, at), 5), "127.0.0.1", NAME, port)
    assert judge(der, NAME, datetime.now(UTC)).trouble == ""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.close()
        with pytest.raises(OSError):
            read_served(lambda host, at: socket.create_connection((host, at), 1), "127.0.0.1", NAME, port)
