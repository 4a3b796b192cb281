"""Write docs/pictures/page-*.png (`make docs`): the control node's page of examples/pegasus, with made-up facts.

Chromium draws them, so that another version or other fonts make other files; nothing compares them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from homeprod.cli.pictures import render_pictures
from homeprod.core.overview.apps import AppLine, AppsLine
from homeprod.core.overview.host import HostLine, NodeLine, RunLine, Version
from homeprod.core.overview.matters import list_matters
from homeprod.core.overview.snapshot import (
    AS_DECLARED,
    KeptSnapshot,
    SeenBackup,
    SeenCertificate,
    SeenMachine,
    Snapshot,
)
from homeprod.site.loader import load_site
from homeprod.site.machine import VirtualMachine
from homeprod.site.site import DeclaredMachine, Site
from homeprod.web.page.html import read_style, render_page
from homeprod.web.page.look import Look, MachineLine

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
NOW = 1_793_440_800.0
"""2026-10-31 10:00 UTC; every age is from here."""
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
SIZES = {"wide": (1280, 1270, 1.5), "phone": (390, 844, 2.0)}
REVISION, OLDER = "9f3c1d7e64a0b2c8d5e1f7a3940b6c2d8e5f1a70", "5b80e2a91c6d4f3072e8b5a1d9c4f6038b7a2e1c"


def make_look(site: Site) -> Look:
    """As on a day on which one host failed, one machine is in no backup job, and a certificate should be renewed."""
    machines = list(_describe_machines(site))
    hosts = tuple(line.host for line in machines if line.host is not None)
    certificates = tuple(one for line in machines for one in line.certificates)
    seen = tuple(line.seen for line in machines if line.seen is not None)
    snapshot = Snapshot(taken=round(NOW - 4 * MINUTE), machines=seen, certificates=certificates)
    node = NodeLine("lab-ansible", "Ready", NOW - 6 * DAY, 1, hosts=hosts)
    pictures = sorted(Path(name).name for name in render_pictures(site))
    return Look(
        site=site.config.name,
        node=node,
        kept=KeptSnapshot(by="sean", received=round(NOW - 4 * MINUTE), snapshot=snapshot),
        machines=tuple(machines),
        matters=tuple(list_matters([node], snapshot, NOW)),
        pictures=tuple(name for name in pictures if "narrow" not in name),
        narrow=tuple(name for name in pictures if "narrow" in name),
        person="sean",
        now=NOW,
    )


def _describe_machines(site: Site) -> Iterator[MachineLine]:
    addresses = {str(row["name"]): str(row["address"] or "") for row in site.addresses()}
    for number, declared in enumerate(site.machines[str(row["name"])] for row in site.addresses()):
        machine, name = declared.machine, declared.name
        is_vm = isinstance(machine, VirtualMachine)
        is_configured = is_vm and machine.control is None
        yield MachineLine(
            name,
            machine.environment.name,
            (machine.environment.control_node or "") if is_vm and machine.control is None else "",
            tuple(sorted(machine.kept_by)) if isinstance(machine, VirtualMachine) else (),
            _see(site, declared, addresses[name], number),
            _describe_host(name, site.vmid(machine), number) if is_configured else None,
            tuple(_describe_certificates(site, name)),
        )


def _see(site: Site, declared: DeclaredMachine, address: str, number: int) -> SeenMachine:
    is_vm = isinstance(declared.machine, VirtualMachine)
    is_left = declared.name == "lab-coder"
    last = None if is_left else round(NOW - 9 * HOUR - number * 4 * MINUTE)
    backup = SeenBackup(is_in_job=not is_left, last=last, has_none=is_left)
    return SeenMachine(
        name=declared.name,
        kind="vm" if is_vm else "data-vm",
        vmid=site.vmid(declared.machine),
        node=declared.machine.node or site.config.cluster.node,
        address=address if is_vm else "",
        state=("running" if declared.machine.started else "stopped") if is_vm else "holds disks",
        plan=AS_DECLARED,
        backup=backup if is_vm else SeenBackup(),
    )


def _describe_host(name: str, vmid: int, number: int) -> HostLine:
    instance = f"{vmid}-5d41402a"
    now, before = Version(REVISION, instance), Version(OLDER, instance)
    is_failed = name == "lab-coder"
    problem = "TASK apps : pull images: registry.example: no such manifest" if is_failed else ""
    run = RunLine(112 + number, "failed" if is_failed else "successful", NOW - 40 * MINUTE - number * MINUTE, problem)
    state = "failed" if is_failed else "idle"
    applied = before if is_failed else now
    apps = _describe_apps() if name == "lab-coder" else None
    return HostLine(
        name,
        name.partition("-")[0],
        state,
        is_failed,
        True,
        now,
        now,
        applied,
        (),
        "",
        problem,
        run,
        drift=0,
        apps=apps,
    )


def _describe_apps() -> AppsLine:
    """One of them was not well with its new revision, and the one before serves."""
    seen = NOW - 12 * MINUTE
    well = AppLine(
        name="wiki", state="current", wanted=REVISION, applied=REVISION, verified="zoe", since=NOW - 3 * DAY
    )
    names = [well.model_copy(update={"name": name}) for name in ("wiki", "feeds", "photos")]
    ill = well.model_copy(
        update={"name": "cloud", "state": "rolled back", "applied": OLDER, "since": NOW - 2 * HOUR}
        | {"problem": "web: exited (1)"}
    )
    return AppsLine(heard=seen, looked=seen - MINUTE / 2, apps=(*names, ill))


def _describe_certificates(site: Site, machine: str) -> Iterator[SeenCertificate]:
    """The first one of a proxy of `lab` should have been renewed."""
    for proxy in site.entry.proxies if site.entry is not None else ():
        for number, one in enumerate(proxy.certificates if proxy.machine == machine else ()):
            is_low = machine.startswith("lab") and number == 0
            trouble = "less than a third of its life is left: it should have been renewed" if is_low else ""
            ends = round(NOW + (24 if is_low else 61) * DAY)
            yield SeenCertificate(machine=machine, name=str(one.names[0]), ends=ends, trouble=trouble)


def write_page(folder: Path, look: Look, pictures: Mapping[str, str], *, is_dark: bool) -> Path:
    """To be opened as a file; by night whatever the browser prefers."""
    day = "(prefers-color-scheme: light)" if is_dark else "(prefers-color-scheme: dark)"
    hours = ("(prefers-color-scheme: dark)", "all") if is_dark else (day, "not all")
    text = render_page(look).replace('"/page.css"', '"page.css"').replace("/pictures/", "")
    files = {"page.html": text, "page.css": read_style(), **{Path(name).name: pictures[name] for name in pictures}}
    for name, content in files.items():
        (folder / name).write_text(content.replace(*hours), encoding="utf-8")
    return folder / "page.html"


def draw(page: Path, picture: Path, size: tuple[int, int, float]) -> None:
    width, height, scale = size
    command = (
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={page.parent / 'profile'}",
        f"--force-device-scale-factor={scale}", f"--window-size={width},{height}", f"--screenshot={picture}",
        page.as_uri(),
    )  # fmt: skip
    subprocess.run(command, check=True, timeout=120, capture_output=True)


def main() -> None:
    if shutil.which("chromium") is None:
        sys.stderr.write("pictures of the page are left as they are: there is no chromium\n")
        return
    site = load_site(ROOT / "examples" / "pegasus")
    look, pictures = make_look(site), render_pictures(site)
    for hour in ("day", "night"):
        for name, size in SIZES.items():
            with tempfile.TemporaryDirectory() as folder:
                page = write_page(Path(folder), look, pictures, is_dark=hour == "night")
                draw(page, PICTURES / f"page-{name}-{hour}.png", size)


if __name__ == "__main__":
    main()
