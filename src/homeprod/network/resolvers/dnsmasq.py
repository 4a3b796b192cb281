"""For dnsmasq from 2.86 on, and with it Pi-hole from 5.9 on (dnsmasq(8), --address, --local and --server).

There a name's own lines also count for all below it, unless a line for those says otherwise; ``*.zone`` counts for
names below a zone alone. ``local`` keeps other kinds of records (an IPv6 address, an HTTPS record) from being asked
elsewhere: they would lead out of the LAN.
"""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.core.hostname import pick
from homeprod.network.resolvers.answers import Answer, Answers, Ip

_INTRODUCTION = """\
# Split DNS for Pi-hole or dnsmasq (2.86 or later): the LAN asks the proxies themselves. It belongs into
# /etc/dnsmasq.d/; a Pi-hole from 6 on reads that folder where misc.etc_dnsmasq_d says so.
"""


def render_dnsmasq(values: Answers) -> str:
    """The whole file but for its heading."""
    parts = ["\n".join([f"# {one.name}: {one.machine}", *_list_lines(values, one), ""]) for one in values.answers]
    left = [f"server=/{name}/#" for name in values.left]
    proofs = "\n".join(["# Proofs for certificates are the public DNS's", *left, ""]) if left else ""
    return "\n".join([_INTRODUCTION, *parts, proofs]).rstrip() + "\n"


def look_up(values: Answers, name: str) -> Answer | None:
    """What it answers for a folded name; None: it asks the public DNS."""
    if values.is_left(name):
        return None
    found = pick((one.name for one in values.answers), name)
    return values.find(found) if found is not None else None


def write_address(name: str, address: Ip) -> str:
    """The line that gives the name its address."""
    return f"address=/{name}/{address}"


def _list_lines(values: Answers, one: Answer) -> Iterator[str]:
    yield from _write_answer(one.name, one)
    if one.name.is_wildcard or values.find(f"*.{one.name}") is not None:
        return
    below = values.find_below(one.name)
    if below is None:
        yield f"server=/*.{one.name}/#"
    elif below.addresses != one.addresses:
        yield from _write_answer(f"*.{one.name}", below)


def _write_answer(name: str, answer: Answer) -> Iterator[str]:
    yield f"local=/{name}/"
    yield from (write_address(name, address) for address in answer.addresses)
