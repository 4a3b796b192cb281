"""The values of a ``_harbormaster.yml``, read as Harbormaster means them and not as Python would take them.

Harbormaster checks no type (0.5.0, App.__init__): ``enabled: "no"`` is true there, and a bare ``environment:`` ends
its whole run.
"""

from __future__ import annotations

from homeprod.apps.document import Listing, Scalar, Table, Value
from homeprod.apps.sheet import Sheet


def read_text(value: Value, key: str, sheet: Sheet) -> str:
    """Empty where it is none, which is then on the sheet."""
    if isinstance(value, Scalar) and isinstance(value.value, str) and value.value:
        return value.value
    hint = f'put it in quotes:\n\n  {key}: "{value.text}"' if isinstance(value, Scalar) and value.text else ""
    sheet.refuse(value.place, f"{key}: a text is expected, not {_name(value)}", hint)
    return ""


def read_flag(value: Value, key: str, sheet: Sheet, *, otherwise: bool) -> bool:
    if isinstance(value, Scalar) and isinstance(value.value, bool):
        return value.value
    hint = f"without quotes:\n\n  {key}: {str(not otherwise).lower()}"
    sheet.refuse(value.place, f"{key}: true or false is expected, not {_name(value)}", hint)
    return otherwise


def read_names(value: Value, key: str, sheet: Sheet) -> tuple[str, ...]:
    """A text, or a list of them."""
    if isinstance(value, Listing):
        if not value.items:
            sheet.refuse(value.place, f"{key}: the list is empty", "name a compose file, or leave the key out")
        return tuple(filter(None, (read_text(item, key, sheet) for item in value.items)))
    name = read_text(value, key, sheet)
    return (name,) if name else ()


def read_pairs(value: Value, key: str, sheet: Sheet) -> dict[str, str]:
    """Names and texts or whole numbers: anything else would arrive in Python's spelling (``True``, ``None``)."""
    if not isinstance(value, Table):
        hint = f"write:\n\n  {key}:\n    NAME: value\n\nor leave the key out"
        sheet.refuse(value.place, f"{key}: names with values are expected, not {_name(value)}", hint)
        return {}
    return {name: _read_value(name, one, key, sheet) for name, one in value}


def _read_value(name: str, value: Value, key: str, sheet: Sheet) -> str:
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return value.value
    if isinstance(value, Scalar) and type(value.value) is int and str(value.value) == value.text:
        return value.text
    shown = value.text if isinstance(value, Scalar) else ""
    meant = f" and would arrive as {str(value.value)!r}" if isinstance(value, Scalar) else ""
    hint = f'put it in quotes:\n\n  {name}: "{shown}"' if isinstance(value, Scalar) else "write a text"
    sheet.refuse(value.place, f"{key}: {name} is {_name(value)}{meant}", hint)
    return shown


def _name(value: Value) -> str:
    if isinstance(value, Scalar):
        kinds = {"NoneType": "nothing", "bool": "a switch", "int": "a number", "float": "a number", "str": "a text"}
        return kinds.get(type(value.value).__name__, "a date") if value.value != "" else "an empty text"
    return "a list" if isinstance(value, Listing) else "a table"
