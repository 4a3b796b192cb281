"""``homeprod diagram``: pictures, from the site itself and from the program's own tables; asks nobody."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.cli.route import require_entry
from homeprod.diagram import graph, mermaid, states, svg
from homeprod.diagram.network import describe_network
from homeprod.diagram.networklayout import lay_network
from homeprod.diagram.provisioning import describe_provisioning
from homeprod.diagram.provisioninglayout import lay_provisioning
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site


def run(options: argparse.Namespace) -> int:
    if options.subject == "states":
        picture = draw_states(options.format, options.columns)
    else:
        picture = draw(load_site(find_root(options.site)), options.subject, options.format, options.columns)
    render.print_line(picture.rstrip("\n"))
    return 0


def draw(site: Site, subject: str, form: str, columns: int) -> str:
    """Raises HomeprodError where the site has no such thing."""
    if subject == "network":
        found, lay = describe_network(site, require_entry(site)), lay_network
    else:
        found, lay = describe_provisioning(site), lay_provisioning
    if form == "svg":
        return svg.draw_svg(lay(found, columns))
    return mermaid.draw_mermaid(found) if form == "mermaid" else graph.draw_text(found)


def draw_states(form: str, columns: int) -> str:
    if form == "svg":
        return svg.draw_svg(states.lay_states(columns))
    return states.draw_mermaid() if form == "mermaid" else states.draw_text()
