"""Takes known secrets out of what a run says.

Known are all values that the environment's vault holds, in the forms in which programs print them. What a playbook
makes of a secret beyond that (a hash, a part of it) is not known here; ``no_log`` is for that.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import urllib.parse
from collections.abc import Iterable
from typing import Any

import yaml

MASK = "********"
SHORTEST = 4
"""Characters of a value that is masked; shorter ones are in every other word."""
_SHORTEST_LINE = 8
"""Characters of a line of a longer value, such as a key's."""


class Redaction:
    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _list_forms(secret)}
        # The longest first: a secret that holds another one goes as a whole.
        words = sorted(forms, key=len, reverse=True)
        self._longest = len(words[0]) if words else 0
        self._pattern = re.compile("|".join(map(re.escape, words)) if words else r"(?!)")

    def redact(self, value: Any, most: int = sys.maxsize) -> Any:
        """The same shape, masked in every text, key and number; of a text that has more than ``most`` characters the
        rest is left out."""
        if isinstance(value, str):
            return self._mask(value) if len(value) <= most else self._mask_start(value, most)
        if isinstance(value, dict):
            return {self.redact(key, most): self.redact(item, most) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact(item, most) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if self.redact(str(value)) != str(value) else value
        return value

    def _mask(self, text: str) -> str:
        return self._pattern.sub(MASK, text)

    def _mask_start(self, text: str, most: int) -> str:
        """A secret that begins before the cut is masked as a whole, though it ends behind it."""
        parts, place = [], 0
        for match in self._pattern.finditer(text[: most + self._longest]):
            if match.start() >= most:
                break
            parts += [text[place : match.start()], MASK]
            place = match.end()
        return f"{''.join(parts)}{text[place:most]} … ({len(text)} characters)"


def list_secrets(plain: bytes, *, is_value: bool = False) -> set[str]:
    """Every value of a decrypted text: of a variables' file each scalar, else the text itself. ``is_value`` says that
    it stood in a file as a value, so that it is a secret as a whole, though it may look like a file of variables."""
    text = plain.decode(errors="replace")
    try:
        # Nodes, not what they would become: 0600 stays 0600, whatever tag stands before it.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        node = None
    values = set(_list_scalars(node)) if isinstance(node, yaml.CollectionNode) else {text}
    values |= {text} if is_value else set()
    return {value for value in values if len(value.strip()) >= SHORTEST}


def _list_scalars(root: yaml.Node) -> Iterable[str]:
    """Every value, as it was written; a node that is named again (``*name``) once."""
    waiting, seen = [root], {id(root)}
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield str(node.value)
        elif isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            below = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value
            waiting += [one for one in below if id(one) not in seen]
            seen |= {id(one) for one in below}


def _list_forms(secret: str) -> set[str]:
    whole = secret.strip()
    pieces = {secret, whole} | {line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    forms = set()
    for piece in pieces:
        forms |= {piece, json.dumps(piece)[1:-1], json.dumps(piece, ensure_ascii=False)[1:-1], repr(piece)[1:-1]}
        forms |= {json.dumps(json.dumps(piece)[1:-1])[1:-1], urllib.parse.quote(piece), urllib.parse.quote(piece, "")}
        forms |= {piece.encode().hex()}
    for piece in {secret, whole, f"{whole}\n"}:
        forms |= _list_base64_forms(piece.encode())
    return {form for form in forms if len(form) >= SHORTEST}


def _list_base64_forms(secret: bytes) -> set[str]:
    """Of the secret alone, and of it amid other text: there it begins at any of three places in a group of four."""
    forms = {base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode()}
    for before in range(3):
        after = (-len(secret) - before) % 3
        encoded = base64.b64encode(bytes(before) + secret + bytes(after)).decode()
        # Characters that also hold bits of the neighbours are not the secret's own.
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (0, 2, 3)[after]]
        if len(inner) >= 2 * SHORTEST:
            forms |= {inner, inner.replace("+", "-").replace("/", "_")}
    return forms
