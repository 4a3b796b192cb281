"""Told by the real Apprise, to a server on loopback; its address is in no output, whatever goes wrong."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest
from tests.notice_target import TOKEN, Phone, open_phone

from homeprod.notices import sender
from homeprod.notices.sender import UNKNOWN, UNREACHED, Letter, send
from homeprod.notices.targets import Target

LETTER = Letter("home: 1 needs a person", "! <b>n</b> is *Locked* & 3 wait\n    ssh -t n unlock")


@pytest.fixture
def phone() -> Iterator[Phone]:
    with open_phone() as opened:
        yield opened


def tell(*urls: str) -> list[str]:
    targets = [Target(number, url) for number, url in enumerate(urls, 1)]
    return [trouble for _, trouble in send(dict.fromkeys(targets, LETTER))]


def find_unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_the_words_arrive_as_they_are(phone: Phone) -> None:
    assert tell(phone.url) == [""]
    [heard] = phone.heard
    assert (heard["title"], heard["message"]) == (LETTER.title, LETTER.body)


def test_one_that_fails_keeps_none_from_the_others(
    phone: Phone, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nowhere = f"json://user:{TOKEN}@127.0.0.1:{find_unused_port()}/{TOKEN}"
    with open_phone() as broken:
        broken.status = 500
        assert tell(nowhere, broken.url, phone.url) == [UNREACHED, UNREACHED, ""]
    assert len(phone.heard) == 1
    said = capfd.readouterr()
    assert TOKEN not in said.out + said.err + caplog.text


def test_one_that_hangs_is_given_up(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SECONDS", 1.0)
    phone.hangs = True
    with open_phone() as other:
        assert tell(phone.url, other.url) == [UNREACHED, ""]
    phone.go_on.set()


def test_an_exception_of_apprises_is_told_to_nobody(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError(phone.url)

    monkeypatch.setattr("apprise.Apprise.notify", fail)
    assert tell(phone.url) == [UNREACHED]
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.parametrize("url", [f"nowhere://{TOKEN}/", f"tgram://{TOKEN}/", "json://", f"https://{TOKEN}"])
def test_an_address_that_apprise_does_not_know_keeps_none_from_the_others(
    url: str, phone: Phone, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tell(url, phone.url) == [UNKNOWN, ""]
    assert TOKEN not in "".join(capfd.readouterr())
