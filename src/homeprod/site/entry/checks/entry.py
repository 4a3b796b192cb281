"""All checks of an Entry."""

from __future__ import annotations

from homeprod.site.controlchecks import Report
from homeprod.site.declared import is_broken
from homeprod.site.entry.checks.certificates import check_certificates
from homeprod.site.entry.checks.gateway import check_gateway
from homeprod.site.entry.checks.machines import check_machines
from homeprod.site.entry.checks.names import check_names
from homeprod.site.entry.checks.upstreams import check_upstreams
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.table import list_claims
from homeprod.site.site import Site


def check_entry(site: Site, report: Report) -> None:
    """Where the site has one. Things that are broken in themselves are left out."""
    entry = site.entry
    if entry is None or is_broken(entry):
        return
    check_machines(site, entry, report)
    check_gateway(site, entry, report)
    check_names(site, entry, report)
    check_upstreams(site, entry, report)
    check_certificates(site, entry, report)
    _check_expectations(entry, report)


def _check_expectations(entry: Entry, report: Report) -> None:
    known = {claim.service.name for claim in list_claims(entry)}
    for one in entry.expectations:
        if not is_broken(one) and one.reaches is not None and one.reaches not in known:
            report(one, "reaches", f"there is no service {one.reaches}", f"there are: {', '.join(sorted(known))}")
