"""Walking a way for real: every door of it is asked, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

from homeprod.core.hostname import fold
from homeprod.network.atresolvers import list_addresses
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.compare import choose_said, compare, compare_addresses
from homeprod.network.walk.door import Door, list_doors
from homeprod.network.walk.owner import Witnesses, find_owner, is_foreign_to
from homeprod.network.walk.seen import Resolved, Seen
from homeprod.network.walk.sight import Sight, Stop, Walk
from homeprod.network.way import Way
from homeprod.site.entry.entry import Entry, Origin
from homeprod.site.entry.place import locate_machine, locate_number
from homeprod.site.entry.target import Target
from homeprod.site.site import Site

_WAYS_AT_ONCE, _AT_ONCE = 4, 16
_NOBODY = "homeprod.invalid"
"""No service has it (RFC 6761, section 6.4), so a proxy shows its default certificate."""


class Asker(Protocol):
    """Who goes out and asks. ``outer`` are the router's addresses outside, as far as they are known."""

    @property
    def outer(self) -> tuple[Ip, ...]: ...

    def explain_unasked(self, from_: Origin) -> str:
        """Why that side of the router cannot be asked from; empty where it can."""

    def call(self, address: Ip, target: Target, from_: Origin) -> Seen:
        """One request, from that side of the router."""

    def show(self, address: Ip, name: str) -> bytes:
        """The certificate that is shown in the LAN for the name, as DER; empty where none is."""

    def look_up(self, name: str, server: Ip | None) -> Resolved:
        """In the LAN by that server; or by those that the system asks."""


def walk_all(site: Site, entry: Entry, ways: Sequence[Way], asker: Asker, now: datetime) -> list[Walk]:
    """In their order, a few at once; each as :func:`walk` does."""
    with ThreadPoolExecutor(_WAYS_AT_ONCE) as pool:
        return list(pool.map(lambda way: walk(site, entry, way, asker, now), ways))


def walk(site: Site, entry: Entry, way: Way, asker: Asker, now: datetime) -> Walk:
    """Of a site that was checked. Takes seconds where somebody is silent. What goes wrong out there is part of it;
    raises LabError where a lab's network cannot be entered."""
    doors = list(list_doors(site, entry, way, asker.outer))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        names = [*_look_up(site, entry, way, asker, pool)]
        calls = [_call(pool, door, way.target, asker) for door in doors]
        witnesses = _call_witnesses(site, entry, way, asker, pool)
        stops = [Stop("dns", name, address, None, (future.result(),)) for name, address, future in names]
        seen = [call.result() for call in calls]
        shown = {name: frozenset(one.result() for one in asked) - {b""} for name, asked in witnesses.items()}
    for door, one in zip(doors, seen, strict=True):
        stops.append(_make_stop(entry, way, door, one, shown, now))
    return Walk(way, tuple(stops))


def _call(pool: ThreadPoolExecutor, door: Door, target: Target, asker: Asker) -> Future[Seen]:
    why_not = door.why_not or asker.explain_unasked(door.from_)
    if why_not or door.address is None:
        return pool.submit(Seen, trouble=why_not, is_ours=True)
    return pool.submit(asker.call, door.address, target, door.from_)


def _make_stop(entry: Entry, way: Way, door: Door, seen: Seen, shown: Witnesses, now: datetime) -> Stop:
    is_foreign = bool(seen.certificate) and is_foreign_to(entry, seen.certificate)
    owner = find_owner(entry, seen.certificate, shown) if seen.certificate and not is_foreign else ""
    sights = tuple(compare(door, way.target, seen, owner, now, is_foreign=is_foreign))
    address = str(door.address) if door.address is not None else None
    return Stop(door.kind, door.name, address, door.port, sights, seen.status)


def _call_witnesses(
    site: Site, entry: Entry, way: Way, asker: Asker, pool: ThreadPoolExecutor
) -> dict[str, list[Future[bytes]]]:
    """Each proxy, at its own door, for the name and for one that nobody has: only by this is known who shows what."""
    if way.target.scheme != "https" or way.target.port != 443 or asker.explain_unasked("lan"):
        return {}
    places = {proxy.machine: locate_machine(site, proxy.machine) for proxy in entry.proxies}
    return {
        machine: [pool.submit(asker.show, place.address, name) for name in (way.target.host, _NOBODY)]
        for machine, place in places.items()
        if place is not None
    }


def _look_up(
    site: Site, entry: Entry, way: Way, asker: Asker, pool: ThreadPoolExecutor
) -> Iterator[tuple[str, str | None, Future[Sight]]]:
    """What the LAN's resolvers answer; from outside, what the public DNS does, of which the site knows nothing."""
    if way.target.address is not None:
        return
    name = fold(way.target.host)
    if way.from_ == "wan":
        yield "public DNS", None, pool.submit(_compare_answer, [()], asker, name, None)
        return
    said = list_addresses(site, entry, name)
    for number in site.config.addresses.network.resolvers:
        server = locate_number(site, "", number).address
        yield "split DNS", str(server), pool.submit(_compare_answer, said, asker, name, server)


def _compare_answer(said: Sequence[tuple[Ip, ...]], asker: Asker, name: str, server: Ip | None) -> Sight:
    """``said`` is what each kind of resolver may answer; empty where it asks the public DNS."""
    why_not = asker.explain_unasked("lan") if server is not None else ""
    resolved = Resolved(trouble=why_not, is_ours=True) if why_not else asker.look_up(name, server)
    return compare_addresses(choose_said(said, resolved), resolved, str(server))
