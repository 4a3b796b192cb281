"""Every file of the rendered site, by its path in the playbook repository."""

from __future__ import annotations

from homeprod.site.configured import find_control
from homeprod.site.rendered.inventory import render_inventory
from homeprod.site.rendered.settings import render_settings
from homeprod.site.site import Site

FOLDER = "site"


def render_site(site: Site) -> dict[str, str]:
    """``site/inventory.yml``, and ``site/NODE.json`` for each control node."""
    nodes = [name for name, declared in site.machines.items() if find_control(declared.machine)]
    files = {f"{FOLDER}/{name}.json": render_settings(site, name) for name in nodes}
    return {f"{FOLDER}/inventory.yml": render_inventory(site), **files}
