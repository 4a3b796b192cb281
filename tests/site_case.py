"""A site as a case file of tests/cases writes it: its modules, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
_SITES = CASES / "sites"


def write_case(case: Path, root: Path) -> dict[str, Any]:
    """Write the case's site to the folder and give what the file says; ``with_entry_machines`` are those that a way
    in can be of."""
    data: dict[str, Any] = yaml.safe_load(case.read_text(encoding="utf-8"))
    modules = root / "modules"
    modules.mkdir()
    texts = {"_config": (_SITES / "_config.py.txt").read_text(encoding="utf-8")}
    for file in (_SITES / "entry").glob("*.txt") if data.get("with_entry_machines") else ():
        texts[file.name.removesuffix(".py.txt")] = file.read_text(encoding="utf-8")
    for name, text in {**texts, **data["modules"]}.items():
        (modules / f"{name}.py").write_text(text, encoding="utf-8")
    for name, text in data.get("keys", {}).items():
        (root / "keys").mkdir(exist_ok=True)
        (root / "keys" / name).write_text(text, encoding="utf-8")
    return data
