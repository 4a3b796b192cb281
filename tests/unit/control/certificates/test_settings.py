"""What a person writes about their authority and their DNS; and that mistakes do not repeat what they wrote."""

from __future__ import annotations

from typing import Any

import pytest

from homeprod.control.certificates.dnsupdate import DnsUpdate
from homeprod.control.certificates.hook import DnsHook
from homeprod.control.certificates.settings import LETS_ENCRYPT, read_account, read_dns
from homeprod.core.errors import CertificateError

UPDATE = {"server": "192.0.2.1", "zone": "lab.example", "key_name": "homeprod", "key": "canary"}


def test_little_is_to_be_said() -> None:
    account = read_account({"key": "canary", "agrees_to_terms": True})
    assert (account.directory, account.agrees_to_terms) == (LETS_ENCRYPT, True)
    assert read_account({"key": "canary"}).agrees_to_terms is False
    assert read_dns({"update": UPDATE}) == DnsUpdate("192.0.2.1", "lab.example", "homeprod", "canary")
    assert read_dns({"hook": {"command": ["/bin/true"], "secret": "canary"}}) == DnsHook(("/bin/true",), "canary")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({}, "homeprod_acme is wrong: Field required"),
        ("canary", "homeprod_acme is wrong"),
        ({"key": ["canary"]}, "homeprod_acme is wrong"),
        ({"key": "canary", "agrees_to_terms": "canary"}, "valid boolean"),
        ({"key": "canary", "directory": "http://canary.example"}, "should match pattern"),
        ({"key": "x", "token": "canary"}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_about_the_authority(written: Any, words: str) -> None:
    with pytest.raises(CertificateError, match=words) as caught:
        read_account(written)
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.where.startswith("homeprod_acme")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({}, "says either update or hook"),
        ({"update": UPDATE, "hook": {"command": ["x"]}}, "says either update or hook"),
        ({"update": {**UPDATE, "port": 0, "key": "canary"}}, "greater than or equal to 1"),
        ({"update": {**UPDATE, "algorithm": "canary"}}, "homeprod_dns is wrong: Input should be 'hmac-sha256'"),
        ({"hook": {"command": [], "secret": "canary"}}, "at least 1 item"),
    ],
)
def test_what_is_wrong_about_dns(written: Any, words: str) -> None:
    with pytest.raises(CertificateError, match=words) as caught:
        read_dns(written)
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.where.startswith("homeprod_dns")
