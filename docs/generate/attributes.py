"""Write docs/reference/attributes.md from the planner's own table (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from homeprod.plan.attributes import ATTRIBUTES, TOLD, Attribute

PAGE = Path(__file__).parents[1] / "reference" / "attributes.md"
KINDS = {
    "vm": "A virtual machine",
    "data-vm": "A data VM",
    "image": "An image",
    "iso": "A cloud-init ISO",
}
HEADING = """\
# How each attribute changes

Made by `make docs` from the table that the planner decides with (`src/homeprod/plan/attributes.py`).

A plan compares these and nothing else: what the site does not name is left alone. `live` is at once, `after a cold
start` once the machine was shut down and started ([cold starts](../how-to/change-a-machine.md#cold-starts)), `on
re-creation` when it is next made anew, `by replacement` by making it anew now. *Needs hot-plug* says without which
feature of its `hotplug` (by default network, disk and usb) a running machine waits for a cold start as well.
"""


def render_page() -> str:
    return "\n".join([HEADING, *_list_parts(), *_list_told()])


def _list_parts() -> Iterator[str]:
    for kind, title in KINDS.items():
        yield f"## {title}\n"
        yield "| attribute | in a plan | running | stopped | written as | needs hot-plug | rule |"
        yield "|---|---|---|---|---|---|---|"
        yield from (_render_row(row) for row in ATTRIBUTES if row.resource == kind)
        yield ""


def _render_row(row: Attribute) -> str:
    shown = f"`{row.shown}`"
    cells = (row.name, shown, row.running.value, row.stopped.value, row.written, row.plugs or "–", row.source)
    return f"| {' | '.join(cells)} |"


def _list_told() -> Iterator[str]:
    yield "## Told, and never changed\n"
    yield "| what | the plan says | why |"
    yield "|---|---|---|"
    yield from (f"| {told.name} | {told.said} | {told.why} |" for told in TOLD)
    yield ""


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
