"""For unbound, and with it OPNsense (unbound.conf(5), local-zone and local-data).

It knows no wildcards: a zone of the type ``redirect`` answers for itself and all below, one that is ``transparent``
for the names in it alone. So where only the names below a zone are meant, the zone itself is answered as well; and
names below one that has an answer of its own, other than those around it, are left to the public DNS.
"""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.network.resolvers.answers import Answer, Answers, Ip

PATIENCE = 300
"""Seconds that a client may keep an answer."""
_INTRODUCTION = """\
# Split DNS for unbound: the LAN asks the proxies themselves. It belongs into /etc/unbound/unbound.conf.d/, or on an
# OPNsense into /usr/local/etc/unbound.opnsense.d/. Where *.zone is meant, unbound answers for the zone itself too,
# and so hides what else that has in the public DNS (MX, TXT).
server:
"""


def render_unbound(values: Answers) -> str:
    """The whole file but for its heading."""
    parts = ["\n".join([*_write_zone(values, one), ""]) for one in values.answers if _has_zone(values, one)]
    left = [_write_type(name, "transparent") for name in values.left]
    proofs = "\n".join(["    # Proofs for certificates are the public DNS's", *left, ""]) if left else ""
    return (_INTRODUCTION + "\n".join([*parts, proofs])).rstrip() + "\n"


def look_up(values: Answers, name: str) -> Answer | None:
    """What it answers for a folded name; None: it asks the public DNS."""
    found = find_zone(values, name)
    is_answered = found is not None and (name == found.name.zone or not _is_split(values, found.name.zone))
    return found if is_answered else None


def find_zone(values: Answers, name: str) -> Answer | None:
    """The answer whose zone is the nearest around the folded name; None where that is left to the public DNS."""
    zones = {one.name.zone: one for one in values.answers if _has_zone(values, one)}
    around = [zone for zone in zones if name == zone or name.endswith(f".{zone}")]
    return zones[max(around, key=len)] if around and not values.is_left(name) else None


def write_data(values: Answers, name: str, address: Ip) -> str:
    """The line that gives the pattern its address."""
    zone = name.removeprefix("*.")
    if _is_split(values, zone) and name != zone:
        return ""
    kind = "AAAA" if address.version == 6 else "A"
    return f'    local-data: "{zone}. {PATIENCE} IN {kind} {address}"'


def _has_zone(values: Answers, one: Answer) -> bool:
    """A wildcard has none of its own where its zone has an answer, which is the same or goes before it."""
    return not one.name.is_wildcard or values.find(one.name.zone) is None


def _is_split(values: Answers, zone: str) -> bool:
    """Whether names below the zone are answered otherwise than it is itself."""
    own, below = values.find(zone), values.find_below(zone)
    return own is not None and (below is None or below.addresses != own.addresses)


def _write_zone(values: Answers, one: Answer) -> Iterator[str]:
    zone = one.name.zone
    is_wide = not _is_split(values, zone)
    also = f" and *.{zone}" if is_wide and not one.name.is_wildcard and values.find(f"*.{zone}") else ""
    yield f"    # {one.name}{also}: {one.machine}"
    yield _write_type(zone, "redirect" if is_wide else "transparent")
    yield from (write_data(values, one.name, address) for address in one.addresses)


def _write_type(zone: str, kind: str) -> str:
    return f'    local-zone: "{zone}." {kind}'
