"""What is known of a vault, and that it is taken out of what a run says."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.unit.control.runs.vaulted import PASSWORD, encrypt, indent

from homeprod.control.runs.redaction import MASK, Redaction, list_secrets
from homeprod.control.runs.vault import read_secrets
from homeprod.control.runs.vaulttext import VaultTextError, decrypt_vault_text, find_vault_texts
from homeprod.core.errors import ControlError

SECRETS = ("hunter2-canary", 'qu"ote\\d', "ümläut wörd", "two\nlines of text", "4711", "a%b/c+d?e")


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_every_form_in_which_programs_print_it(secret: str) -> None:
    redaction = Redaction([secret])
    raw = secret.encode()
    forms = [secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    forms += [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()]
    forms += [base64.b64encode(b"x" * before + raw + b" and more").decode() for before in range(6) if len(raw) > 8]
    for form in forms:
        told = redaction.redact(f"before {form} after")
        assert MASK in told, form
        assert secret not in told
    for before in range(6 if len(raw) > 8 else 0):
        around = base64.b64encode(b"x" * before + raw + b"y" * 5).decode()
        left = redaction.redact(around).replace(MASK, "")
        assert len(left) <= 4 * ((before + 5) // 3 + 2), "only what also holds bits of the neighbours stays"


def test_it_is_masked_in_keys_numbers_lists_and_json_in_json() -> None:
    redaction = Redaction(["4711", 'qu"ote'])
    nested = {"a": [4711, 1, True, None, {"4711": "x4711"}], "b": json.dumps({"c": json.dumps('qu"ote')})}
    told = redaction.redact(nested)
    assert told["a"] == [MASK, 1, True, None, {MASK: f"x{MASK}"}]
    assert "ote" not in told["b"]


def test_short_values_are_left_and_long_ones_go_line_by_line() -> None:
    assert list_secrets(b"a: yes\nb: abc\nc: [abcd, {d: 0600}]\n") == {"abcd", "0600"}
    key = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\nshort\n-----END KEY-----\n"
    redaction = Redaction(list_secrets(json.dumps({"key": key}).encode()))
    assert redaction.redact("MC4CAQAwBQYDK2VwBCIEIA") == MASK
    assert redaction.redact("short cut") == "short cut"
    assert list_secrets(b"no yaml: [") == {"no yaml: ["}
    assert list_secrets(b"just a text") == {"just a text"}
    tagged = b"a: !!int not-a-number\nb: !unsafe [one-canary, {c: !x two-canary}]\nd: &e {f: !!binary YWJj, g: *e}\n"
    assert list_secrets(tagged) == {"not-a-number", "one-canary", "two-canary", "YWJj"}
    assert list_secrets(b"[" * 100_000) == {"[" * 100_000}
    assert Redaction([]).redact({"a": 1}) == {"a": 1}


def test_nothing_of_random_secrets_is_left_in_random_talk() -> None:
    rng = random.Random(5)  # noqa: S311 (what is drawn is for the test alone)
    for _ in range(200):
        secrets = ["".join(rng.choices(string.printable, k=rng.randint(4, 40))).strip() for _ in range(5)]
        secrets = [secret for secret in secrets if len(secret) >= 4]
        talk = "".join(rng.choice([*secrets, " word ", "\n", "{", '"']) for _ in range(30))
        told = Redaction(secrets).redact({"msg": talk, "json": json.dumps(talk)})
        for secret in secrets:
            assert secret not in told["msg"]
            assert json.dumps(secret)[1:-1] not in told["json"]


def test_a_value_that_looks_like_variables_is_a_secret_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "all.yml").write_text(f"a: !vault |\n{indent(encrypt('x9: K2'))}")
    redaction = Redaction(read_secrets([tmp_path], PASSWORD.encode()))
    assert redaction.redact("it is x9: K2, say") == f"it is {MASK}, say"


def test_the_real_ansible_vaults_text_is_read(tmp_path: Path) -> None:
    whole, part = encrypt("password: whole-canary\nlist: [one-canary]\n"), encrypt("part-canary")
    variables = tmp_path / "lab" / "group_vars" / "all"
    variables.mkdir(parents=True)
    (variables / "whole.yml").write_text(whole)
    (variables / "part.yml").write_text(f"plain: visible\nsecret: !vault |\n{indent(part)}other: x\n")
    assert read_secrets([tmp_path], PASSWORD.encode()) == {"whole-canary", "one-canary", "part-canary"}
    with pytest.raises(ControlError, match="does not decrypt: it has another password, or was changed") as caught:
        read_secrets([tmp_path], b"another")
    assert caught.value.where.endswith("part.yml")
    (body,) = find_vault_texts(part.encode())
    # Every byte of it counts: none can be changed, and nothing of it be cut off.
    for place in (0, len(body) // 3, len(body) - 1):
        changed = bytearray(body)
        changed[place] = ord("0") if changed[place] != ord("0") else ord("1")
        with pytest.raises(VaultTextError):
            decrypt_vault_text(bytes(changed), PASSWORD.encode())
    for length in (0, 1, len(body) // 2, len(body) - 2):
        with pytest.raises(VaultTextError):
            decrypt_vault_text(body[:length], PASSWORD.encode())


def _quote(text: str) -> str:
    return json.dumps(text)


def _continue_lines(text: str) -> str:
    return '"' + "\\n\\\n    ".join(text.splitlines()) + '\\n"'


def _quote_singly(text: str) -> str:
    return "'" + "\n\n    ".join(text.splitlines()) + "\n\n    '"


def _put_in_block(text: str) -> str:
    return "|\n" + "".join(f"    {line}\n" for line in text.splitlines())


@pytest.mark.parametrize("write", [_quote, _continue_lines, _quote_singly, _put_in_block])
@pytest.mark.parametrize("breaks", ["\n", "\r\n"])
def test_a_value_is_found_however_yaml_writes_it(write: Callable[[str], str], breaks: str) -> None:
    """What follows is not taken for more of it, though its name is of hexadecimal digits alone."""
    text = encrypt("one-canary")
    file = f"word: !vault {write(text)}\nface: 1\nadded : 2\n"
    value = yaml.compose(file).value[0][1].value
    assert value == text, "it is that text to YAML"
    (body,) = find_vault_texts(file.replace("\n", breaks).encode())
    assert decrypt_vault_text(body, PASSWORD.encode()) == b"one-canary"


def test_a_value_is_found_in_json() -> None:
    file = json.dumps({"one": {"__ansible_vault": encrypt("one-canary")}, "two": encrypt("two-canary").strip()})
    found = [decrypt_vault_text(body, PASSWORD.encode()) for body in find_vault_texts(file.encode())]
    assert found == [b"one-canary", b"two-canary"]
