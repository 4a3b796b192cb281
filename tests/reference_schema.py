"""The JSON Schemas under docs/reference, to hold output against."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def read_schema(command: str) -> str:
    return (REFERENCE / f"{command}.schema.json").read_text(encoding="utf-8")


def open_validator(command: str) -> Draft202012Validator:
    schema = json.loads(read_schema(command))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
