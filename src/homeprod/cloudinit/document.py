"""Documents: cloud-init's files as YAML that a person can read."""

from __future__ import annotations

from typing import Any

import yaml

_NO_FOLDING = 1_000_000
"""A key stays on its line, and nothing that the secret check must see as one is taken apart."""
# libyaml's where Python has it: the same bytes, four times as fast, and a plan renders a file for each new machine.
_Fastest: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Fastest):  # type: ignore[misc]  # which of the two it is, is known when it runs
    """Writes texts of many lines as such."""


def _show_text(dumper: Any, text: str) -> yaml.ScalarNode:
    node: yaml.ScalarNode = dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )
    return node


_Dumper.add_representer(str, _show_text)


def write_document(data: dict[str, Any], width: int = _NO_FOLDING) -> str:
    """Keys stay in their order."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=width)
    return text
