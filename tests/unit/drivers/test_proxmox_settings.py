"""Where endpoint, token and trust come from, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox import Endpoint, Token, Trust, open_hypervisor, resolve_settings
from homeprod.drivers.proxmox.settings import read_token_file

TOKEN = "homeprod@pve!cli=canary-5ecre7"
PIN = "AA:" * 31 + "AA"


def token_file(folder: Path, text: str = TOKEN, mode: int = 0o600) -> Path:
    file = folder / "token"
    file.write_text(text + "\n")
    file.chmod(mode)
    return file


def test_the_site_says_all(tmp_path: Path) -> None:
    settings = resolve_settings({}, endpoint="pve", token_file=token_file(tmp_path), ca_file=Path("/ca.pem"))
    assert settings.endpoint == Endpoint("pve")
    assert isinstance(settings.credential, Token)
    assert settings.credential.secret == "canary-5ecre7"
    assert settings.trust == Trust(Path("/ca.pem"))


def test_the_environment_overrides_it(tmp_path: Path) -> None:
    env = {"HOMEPROD_ENDPOINT": "https://other:443", "HOMEPROD_TOKEN": "a@pam!bb=c", "HOMEPROD_CA_FILE": "/other.pem"}
    settings = resolve_settings(env, endpoint="pve", token_file=token_file(tmp_path), fingerprint=PIN)
    assert settings.endpoint == Endpoint("other", 443)
    assert str(settings.credential) == "a@pam!bb"
    assert settings.trust == Trust(Path("/other.pem"))


def test_another_endpoint_does_not_inherit_the_sites_trust() -> None:
    env = {"HOMEPROD_ENDPOINT": "other", "HOMEPROD_TOKEN": TOKEN}
    assert resolve_settings(env, endpoint="pve", ca_file=Path("/ca.pem"), fingerprint=PIN).trust == Trust()
    assert resolve_settings(env, endpoint="other", fingerprint=PIN).trust == Trust(fingerprint=PIN)


def test_another_endpoint_is_not_sent_the_sites_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no API token"):
        resolve_settings({"HOMEPROD_ENDPOINT": "other"}, endpoint="pve", token_file=token_file(tmp_path))


def test_a_pin_of_the_environment_replaces_the_sites_ca_file() -> None:
    env = {"HOMEPROD_TOKEN": TOKEN, "HOMEPROD_FINGERPRINT": PIN.lower()}
    assert resolve_settings(env, endpoint="pve", ca_file=Path("/ca.pem")).trust == Trust(fingerprint=PIN)


def test_the_token_is_asked_for_last(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return TOKEN

    resolve_settings({"HOMEPROD_TOKEN": TOKEN}, endpoint="pve", ask=ask)
    resolve_settings({}, endpoint="pve", token_file=token_file(tmp_path), ask=ask)
    assert asked == []
    assert (
        str(resolve_settings({}, endpoint="pve", token_file=tmp_path / "none", ask=ask).credential)
        == "homeprod@pve!cli"
    )
    assert len(asked) == 1


def test_nothing_is_said() -> None:
    with pytest.raises(UsageError, match="no endpoint") as caught:
        resolve_settings({"HOMEPROD_TOKEN": TOKEN})
    assert "HOMEPROD_ENDPOINT" in caught.value.hint
    with pytest.raises(UsageError, match="no API token") as caught:
        resolve_settings({}, endpoint="pve", token_file=Path("/nowhere/token"))
    assert "HOMEPROD_TOKEN" in caught.value.hint
    assert caught.value.where == "/nowhere/token"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_token_file_that_others_may_read(mode: int, tmp_path: Path) -> None:
    file = token_file(tmp_path, mode=mode)
    with pytest.raises(UsageError, match=f"mode {mode:04o}") as caught:
        read_token_file(file)
    assert caught.value.hint == f"chmod 600 {file}"


def test_a_token_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the token file: Is a directory"):
        read_token_file(tmp_path)
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    file.chmod(0o600)
    with pytest.raises(UsageError, match="not text"):
        read_token_file(file)


def test_reprs_show_no_secret() -> None:
    assert "canary" not in repr(resolve_settings({"HOMEPROD_TOKEN": TOKEN}, endpoint="pve"))


def test_opening_sends_nothing() -> None:
    hypervisor = open_hypervisor(resolve_settings({"HOMEPROD_TOKEN": TOKEN}, endpoint="pve.invalid"))
    assert hypervisor.api_calls == 0
    hypervisor.close()
