"""One request as the driver sent it, read back from its own encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True)
class SentRequest:
    """``path`` is decoded and below ``/api2/json``; ``parameters`` from query, form or multipart fields."""

    method: str
    path: str
    parameters: Mapping[str, str]

    @classmethod
    def read(cls, method: str, path: str, body: Any) -> SentRequest:
        path, _, query = path.partition("?")
        fields = getattr(body, "fields", None)
        if fields is not None:
            parameters = {name: value if isinstance(value, str) else value[0] for name, value in fields.items()}
        else:
            text = query if body is None else str(body)
            parameters = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
        return cls(method, unquote(path), parameters)
