"""``homeprod lab status``: one lab, or all of them."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.core.sizes import MiB
from homeprod.lab.command import name_up
from homeprod.lab.folder import list_labs, require_lab
from homeprod.lab.image.outcome import ImageState
from homeprod.lab.image.pin import Pin
from homeprod.lab.image.source import Source
from homeprod.lab.status import LabStatus, read_status


def run(options: argparse.Namespace) -> int:
    if options.name:
        status = read_status(require_lab(options.name))
        if options.json:
            render.print_json(status.as_json())
        else:
            _show(status)
        return 0
    labs = [read_status(lab) for lab in list_labs()]
    if options.json:
        render.print_json([status.as_json() for status in labs])
    elif labs:
        render.print_table(("name", "state", "machines", "running", "url"), [_row(status) for status in labs])
    else:
        render.print_line(f"there is no lab; make one:\n\n  {name_up('NAME', boots=True)}")
    return 0


def _row(status: LabStatus) -> dict[str, object]:
    return {
        "name": status.lab.name,
        "state": "up" if status.is_up else "down",
        "machines": len(status.machines),
        "running": sum(machine.is_running for machine in status.machines),
        "url": status.url or None,
    }


def _show(status: LabStatus) -> None:
    render.print_line(f"lab {status.lab.name} is {f'up: {status.url}' if status.is_up else 'down'}")
    render.print_line(f"  folder    {status.lab.path}")
    render.print_line(f"  machines  {status.acceleration}")
    if status.spec.boot:
        wan = status.spec.wan
        ends = [", ".join(text.partition("/")[0] for text in texts) for texts in (wan.gateways, wan.clients)]
        render.print_line(f"  outside   the gateway is {ends[0]} ({wan.interface}); the client {ends[1]}")
    for image in status.images:
        render.print_line("\n            ".join([f"  image     {describe_image(image)}", *image.hint.splitlines()]))
    for source, volumes in status.sources.items():
        for volume in volumes:
            render.print_line(f"  {volume}  {_describe(source)}")
    if status.machines:
        render.print_line()
        rows = [
            {
                "vmid": machine.vmid,
                "name": machine.name,
                "state": "running" if machine.is_running else "stopped",
                "pid": machine.pid or None,
                "memory": f"{machine.memory // MiB} MiB" if machine.memory else None,
            }
            for machine in status.machines
        ]
        render.print_table(("vmid", "name", "state", "pid", "memory"), rows)


_DOWNLOAD = {"built": "downloaded", "building": "being downloaded", "absent": "not downloaded"}
_BUILD = {"absent": "not built"}


def describe_image(image: ImageState) -> str:
    """``stand-in: debian-13, built``."""
    words = (_DOWNLOAD if isinstance(image.source, Pin) else _BUILD).get(image.kind, image.kind)
    return f"{_describe(image.source)}, {words}" + (f": {image.line}" if image.line else "")


def _describe(source: Source) -> str:
    return f"{'pinned' if isinstance(source, Pin) else 'stand-in'}: {source.name}"
