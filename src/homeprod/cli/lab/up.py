"""``homeprod lab up``: a lab that answers, and how to go on with it."""

from __future__ import annotations

import argparse
from pathlib import Path

from homeprod.cli import render
from homeprod.cli.lab.status import describe_image
from homeprod.core.errors import UsageError
from homeprod.lab.command import name_program
from homeprod.lab.folder import LabFolder, find_folder
from homeprod.lab.host import read_host
from homeprod.lab.life import bring_up, choose_spec, wait_for_images
from homeprod.lab.spec import PINNED, LabSpec
from homeprod.lab.status import LabStatus, read_status
from homeprod.site.loader import find_root, load_site
from homeprod.wiring.rehearsal import describe_lab


def run(options: argparse.Namespace) -> int:
    lab = find_folder(options.name)
    fresh = _read_site(options.site, lab.name)
    spec = choose_spec(lab, fresh, boots=options.boot, port=options.port, images=options.images)
    render.say(f"this machine has {read_host(lab.path).describe()}")
    if spec.boot and spec.images == PINNED:
        render.say(
            "a lab's network has no way out: machines must find what they need in their images, their agent too"
        )
    is_changed = bring_up(lab, spec, render.say)
    if options.wait:
        _wait(lab, spec)
    _show(read_status(lab), options.site, is_changed=is_changed)
    return 0


def _wait(lab: LabFolder, spec: LabSpec) -> None:
    try:
        with render.show_progress() as show:
            wait_for_images(lab, spec, show)
    except KeyboardInterrupt:
        render.say(f"lab {lab.name} is up, and its images go on being made:\n\n  homeprod lab status {lab.name}")
        raise


def _read_site(folder: Path, name: str) -> LabSpec | None:
    """The site in reach; none is needed unless one was named."""
    try:
        root = find_root(folder)
    except UsageError:
        if folder != Path():
            raise
        return None
    return describe_lab(load_site(root), name)


def _show(status: LabStatus, site: Path, *, is_changed: bool) -> None:
    name = status.lab.name
    render.print_line(f"lab {name} is up{'' if is_changed else ' already'}: {status.url}")
    render.print_line(f"  folder    {status.lab.path}")
    render.print_line(f"  machines  {status.acceleration}")
    for image in status.images:
        render.print_line(f"  image     {describe_image(image)}")
    ours = name_program(needs_root=False)
    program = ours + (f" --site {site}" if site != Path() else "")
    lines = [f"{program} --lab {name} plan"]
    if not status.spec.boot:
        lines.append(f"{program} --lab {name} apply --no-wait      # no guest boots, so none can be waited for")
    lines += [f"{ours} lab status {name}", f"{ours} lab down {name}"]
    render.print_line("\nwhat next:\n\n" + "\n".join(f"  {line}" for line in lines))
