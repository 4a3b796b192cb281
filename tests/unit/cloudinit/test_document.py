"""What both of PyYAML's writers must give alike: an ISO's name promises its bytes, whoever builds it."""

from __future__ import annotations

import pytest
import yaml

from homeprod.cloudinit import document
from homeprod.cloudinit.document import write_document

DATA = {
    "hostname": "a",
    "on": False,
    "text": "one\ntwo: [3]\n",
    "odd": [
        "",
        " ",
        "yes",
        "1",
        "0x1",
        "a: b",
        "#c",
        "é ✓",
        "~",
        "2026-01-01",
        "x" * 300,
        "tab\there",
        "trailing \nx",
    ],
    "nested": {"list": [], "map": {}, "deep": [{"a": [1, 2.5, None]}]},
}


@pytest.mark.parametrize("width", [120, 1_000_000])
def test_writers_agree(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = write_document(DATA, width)

    class Slow(yaml.SafeDumper):
        """PyYAML's own."""

    Slow.add_representer(str, document._show_text)
    monkeypatch.setattr(document, "_Dumper", Slow)
    assert write_document(DATA, width) == quick
    assert yaml.safe_load(quick) == DATA
