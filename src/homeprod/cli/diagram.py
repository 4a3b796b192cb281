"""``homeprod diagram``: pictures that are drawn from the program's own tables."""

from __future__ import annotations

import argparse

from homeprod.cli import render
from homeprod.control import drawing


def run(options: argparse.Namespace) -> int:
    draw = {"svg": drawing.draw_svg, "mermaid": drawing.draw_mermaid, "text": drawing.draw_text}[options.format]
    render.print_line(draw().rstrip("\n"))
    return 0
