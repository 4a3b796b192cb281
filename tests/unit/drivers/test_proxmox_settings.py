"""Where endpoint, token and trust come from, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeprod.core.errors import UsageError
from homeprod.drivers.proxmox import Endpoint, Login, Token, Trust, open_hypervisor, resolve_settings
from homeprod.drivers.proxmox.settings import is_credential_given
from homeprod.drivers.proxmox.transport.source import read_secret_file

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
    assert (
        "set HOMEPROD_TOKEN, or write it to the site's token file, /nowhere/token (mode 0600);" in caught.value.hint
    )
    assert caught.value.where == "/nowhere/token"
    with pytest.raises(UsageError, match="no API token") as caught:
        resolve_settings({}, endpoint="pve")
    assert caught.value.hint.startswith("set HOMEPROD_TOKEN; never on the command line.")
    assert caught.value.hint.endswith("prints the lines that make one:\n\n  homeprod doctor --role")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_token_file_that_others_may_read(mode: int, tmp_path: Path) -> None:
    file = token_file(tmp_path, mode=mode)
    with pytest.raises(UsageError, match=f"mode {mode:04o}") as caught:
        read_secret_file(file, "token")
    assert caught.value.hint == f"chmod 600 {file}"


def test_a_token_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the token file: Is a directory"):
        read_secret_file(tmp_path, "token")
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    file.chmod(0o600)
    with pytest.raises(UsageError, match="not text"):
        read_secret_file(file, "token")


def test_reprs_show_no_secret() -> None:
    assert "canary" not in repr(resolve_settings({"HOMEPROD_TOKEN": TOKEN}, endpoint="pve"))


def test_opening_sends_nothing() -> None:
    hypervisor = open_hypervisor(resolve_settings({"HOMEPROD_TOKEN": TOKEN}, endpoint="pve.invalid"))
    assert hypervisor.api_calls == 0
    hypervisor.close()


TWO = ("https://a:8006", "https://b:8006")
OTHER_PIN = "BB:" * 31 + "BB"


def test_several_endpoints_and_one_ca_file_for_all() -> None:
    settings = resolve_settings({"HOMEPROD_TOKEN": TOKEN}, endpoint=TWO, ca_file=Path("/ca.pem"))
    trust = Trust(Path("/ca.pem"))
    assert settings.ways == ((Endpoint("a"), trust), (Endpoint("b"), trust))


def test_several_endpoints_by_the_environment() -> None:
    env = {"HOMEPROD_ENDPOINT": "https://c:8006/, d:443", "HOMEPROD_TOKEN": TOKEN, "HOMEPROD_CA_FILE": "/x.pem"}
    assert [endpoint for endpoint, _ in resolve_settings(env, endpoint=TWO).ways] == [
        Endpoint("c"),
        Endpoint("d", 443),
    ]


def test_a_fingerprint_for_each_endpoint() -> None:
    env = {"HOMEPROD_TOKEN": TOKEN}
    ways = resolve_settings(env, endpoint=TWO, fingerprint=(PIN, OTHER_PIN)).ways
    assert [trust for _, trust in ways] == [Trust(fingerprint=PIN), Trust(fingerprint=OTHER_PIN)]
    only = resolve_settings({**env, "HOMEPROD_ENDPOINT": TWO[1]}, endpoint=TWO, fingerprint=(PIN, OTHER_PIN))
    assert only.ways == ((Endpoint("b"), Trust(fingerprint=OTHER_PIN)),)
    both = {**env, "HOMEPROD_FINGERPRINT": f"{OTHER_PIN},{PIN}"}
    assert resolve_settings(both, endpoint=TWO).trust == Trust(fingerprint=OTHER_PIN)
    with pytest.raises(UsageError, match="2 endpoints and 3 fingerprints") as caught:
        resolve_settings(env, endpoint=TWO, fingerprint=(PIN, PIN, PIN))
    assert "CA file" in caught.value.hint


def test_one_stranger_among_the_endpoints_makes_them_all_strangers(tmp_path: Path) -> None:
    """Or that one would be sent the site's token."""
    env = {"HOMEPROD_ENDPOINT": f"{TWO[0]},https://stranger"}
    with pytest.raises(UsageError, match="no API token"):
        resolve_settings(env, endpoint=TWO, token_file=token_file(tmp_path))
    kept = resolve_settings({"HOMEPROD_ENDPOINT": TWO[1]}, endpoint=TWO, token_file=token_file(tmp_path))
    assert str(kept.credential) == "homeprod@pve!cli"


def test_a_user_logs_in_with_the_password_of_a_file_or_a_person(tmp_path: Path) -> None:
    file = token_file(tmp_path, "pass word ")
    settings = resolve_settings({}, endpoint="pve", user="root@pam", password_file=file)
    assert isinstance(settings.credential, Login)
    assert settings.credential.password == "pass word "
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "typed"

    other = resolve_settings(
        {"HOMEPROD_USER": "you@pve"}, endpoint="pve", user="root@pam", password_file=file, ask=ask
    )
    assert isinstance(other.credential, Login)
    assert (other.credential.user, other.credential.password) == ("you@pve", "typed")
    assert asked == ["password of you@pve: "]
    assert "typed" not in repr(other)


def test_a_user_of_the_environment_goes_before_the_sites_token(tmp_path: Path) -> None:
    env = {"HOMEPROD_USER": "you@pve"}
    found = resolve_settings(env, endpoint="pve", token_file=token_file(tmp_path), ask=lambda _: "typed")
    assert isinstance(found.credential, Login)
    assert isinstance(resolve_settings({**env, "HOMEPROD_TOKEN": TOKEN}, endpoint="pve").credential, Token)


def test_a_password_that_is_nowhere_or_empty_and_a_user_of_no_form(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no password of root@pam is given") as caught:
        resolve_settings({}, endpoint="pve", user="root@pam", password_file=tmp_path / "none")
    assert "0600" in caught.value.hint
    with pytest.raises(UsageError, match="password of root@pam is empty"):
        resolve_settings({}, endpoint="pve", user="root@pam", ask=lambda _: "")
    with pytest.raises(UsageError, match="has no @REALM"):
        resolve_settings({"HOMEPROD_USER": "root"}, endpoint="pve", ask=lambda _: "x")
    with pytest.raises(UsageError, match="others may read the password file"):
        resolve_settings({}, endpoint="pve", user="root@pam", password_file=token_file(tmp_path, mode=0o644))


def test_another_endpoint_is_not_sent_the_sites_password(tmp_path: Path) -> None:
    env = {"HOMEPROD_ENDPOINT": "other"}
    with pytest.raises(UsageError, match="no API token"):
        resolve_settings(env, endpoint="pve", user="root@pam", password_file=token_file(tmp_path))
    assert not is_credential_given(env, endpoint="pve", user="root@pam")
    assert is_credential_given({}, endpoint="pve", user="root@pam")
    assert is_credential_given({"HOMEPROD_USER": "root@pam"})
    assert not is_credential_given({}, endpoint="pve", token_file=tmp_path / "none")
