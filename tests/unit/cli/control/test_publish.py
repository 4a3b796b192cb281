"""The public keys that are written into the site are those whose fingerprints a person is shown."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.control.repositories.origin import make_key

from homeprod.cli.control import publish
from homeprod.core.errors import ControlError
from homeprod.core.fingerprint import find_fingerprint


def make_record(folder: Path, **changes: Any) -> dict[str, Any]:
    keys = {name: make_key(folder, name).with_name(f"{name}.pub").read_text().strip() for name in ("lab", "vault")}
    record = {"environments": {"lab": keys["lab"]}, "deploy": {"vault": keys["vault"]}, "fingerprints": {}}
    return {**record, **changes}


def test_fingerprints_are_those_of_the_keys_and_not_what_stands_beside_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = make_record(tmp_path, fingerprints={"ansible-lab": "SHA256:what-bootstrap-printed"})
    public = publish._parse(json.dumps(record), "lab-ansible")
    fingerprints = {"ansible-lab": record["environments"]["lab"], "deploy-vault": record["deploy"]["vault"]}
    assert public["fingerprints"] == {name: find_fingerprint(key) for name, key in fingerprints.items()}
    site: Any = SimpleNamespace(root=tmp_path)
    publish._confirm(
        site, public, {"lab-ansible-lab.pub": record["environments"]["lab"]}, argparse.Namespace(yes=True)
    )
    shown = capsys.readouterr().out
    assert find_fingerprint(record["environments"]["lab"]) in shown
    assert "what-bootstrap-printed" not in shown


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"environments": {"lab": "key"}, "deploy": {}}', '{"environments": {"a": 1}, "deploy": 7}'],
)
def test_a_record_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(ControlError, match="its public keys cannot be read") as caught:
        publish._parse(text, "lab-ansible")
    assert "unlock" in caught.value.hint
