"""Write docs/reference/roles.md from the argument specs of the collection's roles (`make docs`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "roles.md"
ROLES = ROOT / "src" / "homeprod" / "ansible" / "collections" / "ansible_collections" / "homeprod" / "site" / "roles"
HEADING = """\
# The roles of homeprod.site

Made by `make docs` from the roles' own argument specs (`meta/argument_specs.yml`), which Ansible checks what it is
given against. How they are used stands in [playbooks](../how-to/playbooks.md).
"""


def render_page() -> str:
    return "\n".join([HEADING, *(line for role in sorted(ROLES.iterdir()) for line in _list_role(role))])


def _list_role(role: Path) -> Iterator[str]:
    spec = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"][
        "main"
    ]
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text(encoding="utf-8"))
    yield f"## `homeprod.site.{role.name}`\n"
    yield f"{spec['short_description']}. {_join(spec['description'])}\n"
    yield "| variable | kind | default | meaning |"
    yield "|---|---|---|---|"
    for name, option in spec["options"].items():
        yield _render_row(name, option, defaults.get(name))
        for part, described in option.get("options", {}).items():
            yield _render_row(f"{name}[].{part}", described, described.get("default"))
    yield ""


def _render_row(name: str, option: dict[str, Any], default: object) -> str:
    kind = f"{option['type']} of {option['elements']}" if "elements" in option else option["type"]
    shown = "required" if option.get("required") else f"`{_show(default)}`"
    return f"| `{name}` | {kind} | {shown} | {_join(option['description'])} |"


def _show(value: object) -> str:
    """As YAML, and as a cell of a table."""
    if isinstance(value, str):
        return value.replace("|", "\\|") or '""'
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _join(text: str | list[str]) -> str:
    """Ansible's own marks of a value as Markdown has them."""
    return re.sub(r"V\(([^)]*)\)", r"`\1`", text if isinstance(text, str) else " ".join(text))


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
