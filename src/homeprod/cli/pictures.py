"""The site's pictures among its rendered files: a control node shows them on its page."""

from __future__ import annotations

from homeprod.cli.diagram import draw
from homeprod.site.configured import find_control
from homeprod.site.rendered.files import FOLDER
from homeprod.site.rendered.heading import write_heading
from homeprod.site.site import Site

PICTURES_FOLDER = f"{FOLDER}/pictures"


def render_pictures(site: Site) -> dict[str, str]:
    """By their path in the playbook repository, each wide, and narrow for a phone. None of a site without a control
    node: nobody would show them."""
    if not any(find_control(declared.machine) for declared in site.machines.values()):
        return {}
    subjects = ["network"] * (site.entry is not None) + ["provisioning"]
    heading = f"<!-- {write_heading(site, 'modules/').strip().removeprefix('# ')} -->\n"
    return {
        f"{PICTURES_FOLDER}/{subject}{suffix}.svg": heading + draw(site, subject, "svg", columns)
        for subject in subjects
        for suffix, columns in (("", 2), ("-narrow", 1))
    }
