"""Every file of the way in, by its path in the playbook repository."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.network.nat.nftables import render_nftables
from homeprod.network.nat.opnsense import render_opnsense
from homeprod.network.nat.values import describe_nat
from homeprod.network.nginx.entry import describe_passthrough, describe_proxy
from homeprod.network.nginx.passthrough import render_passthrough
from homeprod.network.nginx.proxy import render_proxy
from homeprod.network.rendered.probes import probe_passthrough, probe_proxy, render_probes
from homeprod.network.resolvers.answers import describe_answers
from homeprod.network.resolvers.dnsmasq import render_dnsmasq
from homeprod.network.resolvers.unbound import render_unbound
from homeprod.site.entry.entry import Entry
from homeprod.site.rendered.files import FOLDER
from homeprod.site.rendered.heading import write_heading
from homeprod.site.site import Site

ENTRY_FOLDER = f"{FOLDER}/entry"
ENTRY_MODULE = "modules/_entry.py"
NFTABLES, OPNSENSE, DNSMASQ, UNBOUND = (
    f"{ENTRY_FOLDER}/{name}" for name in ("nftables.conf", "opnsense.txt", "dnsmasq.conf", "unbound.conf")
)


def render_entry(site: Site) -> dict[str, str]:
    """None, where the site has no Entry. Of a site that was checked."""
    if site.entry is None:
        return {}
    heading = write_heading(site, ENTRY_MODULE)
    return {name: heading + text for name, text in _list_texts(site, site.entry)}


def name_nginx(machine: str) -> str:
    """The file with that machine's ``nginx.conf``."""
    return f"{ENTRY_FOLDER}/{machine}/nginx.conf"


def name_probes(machine: str) -> str:
    """The file with what is asked of that machine's nginx when it is delivered."""
    return f"{ENTRY_FOLDER}/{machine}/probes.yml"


def name_router(entry: Entry) -> str:
    return OPNSENSE if entry.gateway is None else NFTABLES


def _list_texts(site: Site, entry: Entry) -> Iterator[tuple[str, str]]:
    answers = describe_answers(site, entry)
    yield DNSMASQ, render_dnsmasq(answers)
    yield UNBOUND, render_unbound(answers)
    yield name_router(entry), _render_router(site, entry)
    yield name_nginx(entry.passthrough), render_passthrough(describe_passthrough(site, entry))
    yield name_probes(entry.passthrough), render_probes(probe_passthrough(site, entry))
    for proxy in entry.proxies:
        yield name_nginx(proxy.machine), render_proxy(describe_proxy(site, entry, proxy))
        yield name_probes(proxy.machine), render_probes(probe_proxy(site, entry, proxy))


def _render_router(site: Site, entry: Entry) -> str:
    values = describe_nat(site, entry)
    return render_opnsense(values) if entry.gateway is None else render_nftables(values, entry.gateway)
