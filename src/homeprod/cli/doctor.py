"""``homeprod doctor``: whether the site's cluster is fit for it. Only reads; exits 1 where something fails."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import closing

from homeprod.cli import render
from homeprod.engine.doctor import Finding, Verdict, examine
from homeprod.plan.needs import find_needs
from homeprod.site.loader import find_root, load_site
from homeprod.site.site import Site
from homeprod.wiring import has_credential, list_roles, open_patient

SAVE = """\
# then keep what the last line printed, where the site looks for it (`token_file` in modules/_config.py):
mkdir -p ~/.config/homeprod && (umask 077 && cat > ~/.config/homeprod/token)
# and type {user}!{token}=SECRET, Enter, Ctrl-D"""


def run(options: argparse.Namespace) -> int:
    site = load_site(find_root(options.site))
    roles = list_roles(site, options.user, options.token_id)
    if options.role:
        _show_roles(roles, options)
        return 0
    if not has_credential(site, lab=options.lab):
        return _tell_of_no_token(roles, options)
    return _examine(site, options)


def _show_roles(roles: Mapping[str, Sequence[str]], options: argparse.Namespace) -> None:
    if options.json:
        render.print_json(roles)
        return
    for release, lines in roles.items():
        render.print_line(f"# on a node of Proxmox VE {release}, as root:")
        render.print_line("\n".join(lines) + "\n")
    render.print_line(SAVE.format(user=options.user, token=options.token_id))


def _tell_of_no_token(roles: Mapping[str, Sequence[str]], options: argparse.Namespace) -> int:
    hint = "make one with the least rights that this site needs:\n\n  homeprod doctor --role"
    finding = Finding("token", Verdict.FAIL, "no API token is given", hint)
    if options.json:
        render.print_json([_as_json(finding)])
        return 1
    _show(finding)
    render.print_line()
    _show_roles(roles, options)
    return 1


def _examine(site: Site, options: argparse.Namespace) -> int:
    findings: list[Finding] = []
    with closing(open_patient(site, lab=options.lab)) as patient:
        render.say(f"examining {patient.endpoint} for {site.config.name}")
        for finding in examine(site.config.id, find_needs(site), patient):
            findings.append(finding)
            if not options.json:
                _show(finding)
    counts = {verdict: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    if options.json:
        render.print_json([_as_json(finding) for finding in findings])
    else:
        render.print_line("\n" + ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count))
    return 1 if counts[Verdict.FAIL] else 0


def _show(finding: Finding) -> None:
    render.print_finding(finding.verdict.value, f"{finding.check}: {finding.message}", finding.hint)


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "message": finding.message,
        "hint": finding.hint,
    }
