"""Pinned images, downloaded from a web server on loopback that behaves as badly as servers do."""

from __future__ import annotations

import hashlib
import shutil
import socket
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.drivers.imageserver import IMAGE, ImageServer
from tests.lab_server import LabServer

from homeprod.core.errors import LabError
from homeprod.lab.image import download
from homeprod.lab.image.cache import cache_folder, ensure_download, find_download
from homeprod.lab.image.download import explain
from homeprod.lab.image.pin import Pin

HALF = len(IMAGE) // 2


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "_PAUSE", 0)
    monkeypatch.setattr(download, "_CHUNK", 8)
    return cache_folder()


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer() as images:
        yield images


def bring(pin: Pin, said: list[str] | None = None) -> bytes:
    file = ensure_download(pin, (said if said is not None else []).append)
    assert file == find_download(pin)
    return file.read_bytes()


def kept(pin: Pin) -> Path:
    return cache_folder() / f"{pin.file_name}.part"


def keep(pin: Pin, content: bytes) -> None:
    kept(pin).parent.mkdir(parents=True)
    kept(pin).write_bytes(content)


def refusal(pin: Pin) -> LabError:
    with pytest.raises(LabError) as caught:
        bring(pin)
    assert find_download(pin) is None
    return caught.value


def test_the_second_time_nobody_is_asked(server: ImageServer, cache: Path) -> None:
    said: list[str] = []
    pin = Pin(server.url, server.sha256)
    assert bring(pin, said) == bring(pin) == IMAGE
    assert server.asked == [None]
    assert said == [f"bringing {server.url}"]
    assert not kept(pin).exists()


def test_the_same_content_at_another_address_is_the_same_image(server: ImageServer) -> None:
    bring(Pin(server.url, server.sha256))
    assert bring(Pin("https://elsewhere.invalid/x.raw", server.sha256)) == IMAGE


def test_sha512(server: ImageServer) -> None:
    digest = hashlib.sha512(IMAGE).hexdigest()
    assert bring(Pin(server.url, digest, "sha512")) == IMAGE
    error = refusal(Pin(server.url, "0" * 128, "sha512"))
    assert error.message == f"wrong checksum: sha512 is {digest}, not {'0' * 128}"


def test_a_cut_connection_is_gone_on_from(server: ImageServer) -> None:
    server.cuts = [1000, HALF]
    said: list[str] = []
    assert bring(Pin(server.url, server.sha256), said) == IMAGE
    assert server.asked == [None, "bytes=1000-", f"bytes={HALF}-"]
    assert said[1:] == ["the connection was cut: trying again"] * 2


def test_a_server_without_ranges_begins_again(server: ImageServer) -> None:
    server.has_ranges, server.cuts = False, [HALF]
    assert bring(Pin(server.url, server.sha256)) == IMAGE
    assert server.asked == [None, f"bytes={HALF}-"]


def test_more_cuts_than_attempts_do_not_matter_while_something_comes(server: ImageServer) -> None:
    server.cuts = list(range(1000, 11000, 1000))
    assert bring(Pin(server.url, server.sha256)) == IMAGE


def test_what_came_is_kept_for_the_next_time(server: ImageServer) -> None:
    pin = Pin(server.url, server.sha256)
    server.cuts = [HALF] * 5
    error = refusal(pin)
    assert str(error) == f"{server.url}: download failed: the connection was cut"
    assert error.hint == "check the address and the network; what has come so far is kept"
    server.asked.clear()
    assert bring(pin) == IMAGE
    assert server.asked == [f"bytes={HALF}-"]


def test_what_was_whole_already_is_only_checked(server: ImageServer) -> None:
    pin = Pin(server.url, server.sha256)
    keep(pin, IMAGE)
    assert bring(pin) == IMAGE
    assert server.asked == [f"bytes={len(IMAGE)}-"]


@pytest.mark.parametrize("part", [b"something else", IMAGE + b"more"])
def test_what_was_kept_and_does_not_fit_is_thrown_away(server: ImageServer, part: bytes) -> None:
    pin = Pin(server.url, server.sha256)
    keep(pin, part)
    said: list[str] = []
    assert bring(pin, said) == IMAGE
    assert server.asked == [f"bytes={len(part)}-", None]
    assert "what was kept of it does not fit: beginning anew" in said


def test_a_wrong_checksum_leaves_nothing(server: ImageServer, cache: Path) -> None:
    pin = Pin(server.url, "0" * 64)
    error = refusal(pin)
    assert str(error) == f"{server.url}: wrong checksum: sha256 is {server.sha256}, not {'0' * 64}"
    assert "publisher" in error.hint
    assert not kept(pin).exists()
    assert server.asked == [None]


@pytest.mark.parametrize("status", [403, 404])
def test_what_is_not_there_is_asked_for_once(server: ImageServer, status: int) -> None:
    server.failures = [status] * 9
    error = refusal(Pin(server.url, server.sha256))
    assert error.message.startswith(f"the server said {status} ")
    assert "compare the image's address" in error.hint
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again(server: ImageServer) -> None:
    server.failures = [503, 429]
    assert bring(Pin(server.url, server.sha256)) == IMAGE


def test_a_server_that_stays_in_trouble(server: ImageServer) -> None:
    server.failures = [503] * 9
    error = refusal(Pin(server.url, server.sha256))
    assert error.message == "download failed: the server said 503 Service Unavailable"
    assert len(server.asked) == 4


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x.raw"
    error = refusal(Pin(url, "0" * 64))
    assert str(error) == f"{url}: download failed: connection refused"
    assert error.hint == "check the address and the network"


def test_a_server_that_says_nothing(server: ImageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_TIMEOUT", (1, 0.05))
    server.stop_at = HALF
    error = refusal(Pin(server.url, server.sha256))
    assert "the server does not answer" in error.message or "the connection was cut" in error.message


def test_a_login_in_the_address_is_never_shown(server: ImageServer) -> None:
    said: list[str] = []
    url = server.url.replace("http://", "http://me:canary@")
    server.failures = [404]
    with pytest.raises(LabError) as caught:
        bring(Pin(f"{url}", "0" * 64), said)
    assert "canary" not in f"{caught.value}{caught.value.hint}{said}"
    assert bring(Pin(url, server.sha256), said) == IMAGE
    assert "canary" not in str(said)


def test_progress_is_said_for_each_percent_once(server: ImageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_SAY_EVERY", 0)
    monkeypatch.setattr(download, "_CHUNK", 100)
    said: list[str] = []
    bring(Pin(server.url, server.sha256), said)
    assert said[1] == "0 of 0 MiB downloaded (0 %)"
    assert said[-1] == "0 of 0 MiB downloaded (100 %)"
    assert len(said) == 102


def test_a_full_disk(server: ImageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 99, 1))
    error = refusal(Pin(server.url, server.sha256))
    assert error.message == "0 MiB free, the image needs 0 MiB"
    assert "XDG_CACHE_HOME" in error.hint


def test_a_place_that_cannot_be_written(server: ImageServer) -> None:
    pin = Pin(server.url, server.sha256)
    kept(pin).mkdir(parents=True)
    error = refusal(pin)
    assert error.message.startswith("cannot keep the image: ")


def test_a_file_of_this_machine_is_copied(tmp_path: Path) -> None:
    file = tmp_path / "my image.raw"
    file.write_bytes(IMAGE)
    pin = Pin(f"file://{tmp_path}/my%20image.raw", hashlib.sha256(IMAGE).hexdigest())
    assert bring(pin) == IMAGE
    file.write_bytes(b"changed by its owner")
    assert bring(pin) == IMAGE


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    error = refusal(Pin(f"file://{tmp_path}/x.raw", "0" * 64))
    assert str(error) == f"{tmp_path}/x.raw: cannot read the image: No such file or directory"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.qcow2", IMAGE, "by its name a qcow2 image, by its content raw"),
        ("x.img", IMAGE, "by its name a qcow2 image, by its content raw"),
        ("x.raw", b"QFI\xfb....", "by its name a raw image, by its content qcow2"),
        ("x.vmdk", b"QFI\xfb....", "by its name a vmdk image, by its content qcow2"),
    ],
)
def test_another_format_than_the_name_says(name: str, content: bytes, words: str) -> None:
    with ImageServer(content, name) as server:
        error = refusal(Pin(server.url, server.sha256))
    assert words in error.message
    assert error.hint


@pytest.mark.parametrize("name", ["x.qcow2", "x.img"])
def test_an_img_is_qcow2(name: str) -> None:
    content = b"QFI\xfb and so on"
    with ImageServer(content, name) as server:
        pin = Pin(server.url, server.sha256)
        assert bring(pin) == content
        assert pin.file_name.endswith(".qcow2")


@pytest.mark.parametrize(
    ("url", "checksum", "algorithm"),
    [
        ("ftp://x.invalid/x.raw", "0" * 64, "sha256"),
        ("https://x.invalid/x.tar", "0" * 64, "sha256"),
        ("https://[::1/x.raw", "0" * 64, "sha256"),
        ("https://x.invalid/x.raw", "0" * 64, "sha512"),
        ("https://x.invalid/x.raw", "../../../etc/passwd", "sha256"),
        ("https://x.invalid/x.raw", "0" * 32, "md5"),
    ],
)
def test_what_cannot_be_downloaded_is_refused(url: str, checksum: str, algorithm: str) -> None:
    with pytest.raises(LabError) as caught:
        Pin(url, checksum, algorithm)
    assert caught.value.hint


def test_a_certificate_that_is_not_trusted_is_refused_at_once(lab_server: LabServer) -> None:
    said: list[str] = []
    with pytest.raises(LabError) as caught:
        bring(Pin(f"{lab_server.url}/x.raw", "0" * 64), said)
    assert caught.value.message.startswith("download failed: its certificate is not trusted (")
    assert len(said) == 1


def test_an_unknown_name_is_said_in_words() -> None:
    wrapped = requests.ConnectionError("a long story")
    wrapped.__context__ = socket.gaierror(-2, "Name or service not known")
    assert explain(wrapped) == "nobody knows the server's name"
