"""What the table says of a door, held against what was seen through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from homeprod.network.certificates.chain import Chain
from homeprod.network.hostheader import read_host
from homeprod.network.resolvers.answers import Ip
from homeprod.network.walk.door import Door
from homeprod.network.walk.owner import read_certificate
from homeprod.network.walk.seen import Resolved, Seen
from homeprod.network.walk.sight import Sight
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.service import Service
from homeprod.site.entry.target import Target

_ROUTER = "look whether the router passes the port on. Was it asked from outside? Inside of the LAN it leads nowhere"
_UNREACHED = {502: "", 503: "", 504: ", or not in time"}
"""What nginx answers with in the place of a service (ngx_http_proxy_module)."""


def choose_said(said: Sequence[tuple[Ip, ...]], resolved: Resolved) -> tuple[Ip, ...]:
    """Of what the kinds of resolvers may answer, in the table's order, that which came; else nothing, where one of
    them asks the public DNS, so that anything may come."""
    same = next((one for one in said if one and {*one} == {*resolved.addresses}), None)
    return same or (() if () in said else said[0])


def compare_addresses(said: tuple[Ip, ...], resolved: Resolved, server: str) -> Sight:
    """``said`` is empty where the table has no record of the name: then what comes is only shown."""
    words = ", ".join(map(str, said))
    if resolved.is_ours:
        return Sight("dns", "not asked", words, resolved.trouble)
    seen = resolved.trouble or ", ".join(map(str, sorted(resolved.addresses, key=_sort))) or "no address"
    if not said:
        return Sight("dns", "shown", "", seen)
    if {*said} == {*resolved.addresses} and not resolved.trouble:
        return Sight("dns", "as said", words, seen)
    advice = f"look at the resolver at {server}: the site's names come from dnsmasq.conf or unbound.conf"
    return Sight("dns", "differs", words, seen, advice)


def compare(
    door: Door, target: Target, seen: Seen, owner: str, now: datetime, *, is_foreign: bool = False
) -> Iterator[Sight]:
    """``owner`` is the proxy whose certificate was shown, empty where nobody can tell. With ``is_foreign`` it is none
    of the site's."""
    if seen.is_ours or not seen.is_reached:
        yield _compare_connection(door, seen)
        return
    yield Sight("connection", "as said", "somebody answers", "somebody answers")
    if is_foreign:
        yield from _compare_stranger(door, seen)
        return
    is_other = door.proxy is not None and owner not in ("", door.proxy.machine)
    for sight in _compare_rest(door, target, seen, owner, now):
        # Another proxy's certificate and answer follow from its being another: there is nothing to look at besides.
        yield sight if sight.question == "proxy" or not is_other else replace(sight, advice="")


def _compare_rest(door: Door, target: Target, seen: Seen, owner: str, now: datetime) -> Iterator[Sight]:
    if door.kind != "proxy" and door.proxy is not None and seen.certificate:
        yield _compare_owner(door.proxy.machine, owner)
    if door.answer.certificate is not None:
        yield _compare_certificate(door, door.answer.certificate, seen, now)
    if seen.certificate or door.answer.certificate is None:
        yield _compare_answer(door, target, seen)


def _compare_stranger(door: Door, seen: Seen) -> Iterator[Sight]:
    """How old its certificate is and what it answers is its own affair."""
    who = "somebody else answers at this address: no name in the certificate is the site's"
    advice = (
        f"look at {door.name}: has nobody else the address {door.address}, and is its nginx.conf the rendered one?"
    )
    if door.kind == "router":
        advice = (
            f"look whether {door.address} is the router's outer address, and whether the router passes the port on"
        )
    yield Sight("proxy", "differs", door.proxy.machine if door.proxy is not None else door.name, who, advice)
    chain, declared = read_certificate(seen.certificate), door.answer.certificate
    if chain is not None and declared is not None:
        yield Sight("certificate", "differs", _name_declared(declared), _name_shown(chain))
    words = f"status {seen.status}" if seen.status is not None else f"no answer: {seen.trouble}"
    yield Sight("answer", "shown", "", f"{words}, of somebody else")


def _compare_connection(door: Door, seen: Seen) -> Sight:
    if seen.is_ours:
        return Sight("connection", "not asked", "somebody answers", seen.trouble)
    advice = _ROUTER if door.kind == "router" else f"look whether {door.name} runs, and its nginx"
    return Sight("connection", "differs", "somebody answers", seen.trouble, advice)


def _compare_certificate(door: Door, declared: Certificate, seen: Seen, now: datetime) -> Sight:
    said = _name_declared(declared)
    if not seen.certificate:
        words = f"no TLS: {seen.trouble}"
        return Sight("certificate", "differs", said, words, _advise_proxy(door))
    chain = read_certificate(seen.certificate)
    if chain is None:
        return Sight("certificate", "differs", said, "no certificate that can be read", _advise_proxy(door))
    words = _describe(chain, now)
    if chain.is_placeholder or not chain.life.first <= now <= chain.life.last:
        name = door.proxy.machine if door.proxy is not None else door.name
        advice = f"see what became of the certificates of {name}:\n\n  homeprod runs --host {name}"
        return Sight("certificate", "differs", said, words, advice)
    if chain.names == {*declared.names}:
        return Sight("certificate", "as said", said, words)
    return Sight("certificate", "differs", said, words, _advise_proxy(door))


def _describe(chain: Chain, now: datetime) -> str:
    """Whose it is, who signed it, and how long it lasts."""
    if chain.is_placeholder:
        return f"{_list_names(chain)}: a placeholder, signed by itself"
    if now < chain.life.first:
        return f"{_name_shown(chain)}, good only from {chain.life.first:%Y-%m-%d} on"
    if now > chain.life.last:
        return f"{_name_shown(chain)}, expired on {chain.life.last:%Y-%m-%d}"
    days = chain.life.find_rest(now).days
    low = ", which is less than a third: it should have been renewed" if chain.life.is_low(now) else ""
    return f"{_name_shown(chain)}, {days} day{'s' * (days != 1)} left{low}"


def _name_declared(declared: Certificate) -> str:
    return f"{', '.join(sorted(declared.names))} ({declared.by})"


def _name_shown(chain: Chain) -> str:
    return f"{_list_names(chain)}, by {chain.leaf.issuer.rfc4514_string() or 'nobody that has a name'}"


def _list_names(chain: Chain) -> str:
    return ", ".join(sorted(chain.names)) or "of no name"


def _compare_owner(said: str, owner: str) -> Sight:
    if not owner:
        why = "nobody can tell: no proxy shows this certificate at its own door, or more than one does"
        return Sight("proxy", "not asked", said, why)
    if owner == said:
        return Sight("proxy", "as said", said, owner)
    advice = f"look at the route on the passthrough: it leads to {owner}. Is its nginx.conf the one that is rendered?"
    return Sight("proxy", "differs", said, owner, advice)


def _compare_answer(door: Door, target: Target, seen: Seen) -> Sight:
    answer, words = door.answer, f"status {seen.status}"
    if seen.status is None:
        words = f"no answer: {seen.trouble}"
        if answer.end == "refused" and answer.status is None:
            return Sight("answer", "as said", answer.words, words)
        advice = _advise_service(answer.service) if answer.end == "service" else _advise_proxy(door)
        return Sight("answer", "differs", answer.words, words, advice)
    if answer.status is not None:
        return _compare_status(door, target, seen, answer.status)
    if answer.service is None:
        return Sight("answer", "differs", answer.words, words, _advise_proxy(door))
    service, proxy = answer.service.name, door.proxy.machine if door.proxy is not None else "the proxy"
    if seen.status in _UNREACHED:
        doubt = ", or it says so itself" if seen.status == 503 else ""  # a service under load does
        words += f": {proxy} cannot reach {service}{_UNREACHED[seen.status]}{doubt}"
        return Sight("answer", "differs", answer.words, words, _advise_service(answer.service))
    if seen.status == 421:
        return Sight("answer", "differs", answer.words, f"{words}: the name is not served there", _advise_proxy(door))
    return Sight("answer", "as said", answer.words, words)


def _compare_status(door: Door, target: Target, seen: Seen, wanted: int) -> Sight:
    said, words, advice = door.answer.words, f"status {seen.status}", ""
    # What is looked for and not there is a proof for a certificate; for a moment one may lie there.
    is_said = seen.status == wanted or (wanted, seen.status) == (404, 200)
    if seen.location and (door.answer.end == "redirect" or not is_said):
        words += f", on to {seen.location}"
    if is_said and door.answer.end == "redirect":
        host = read_host(f"[{target.host}]" if ":" in target.host else target.host)
        is_said = seen.location == f"https://{host}{target.path}"
    if not is_said:
        advice = _advise_proxy(door)
    return Sight("answer", "as said" if is_said else "differs", said, words, advice)


def _advise_proxy(door: Door) -> str:
    name = door.proxy.machine if door.proxy is not None else door.name
    return f"look at {name}: is its nginx.conf the one that is rendered, and was it delivered?"


def _advise_service(service: Service | None) -> str:
    if service is None:
        return ""
    return f"look whether {service.name} runs, and answers at {', '.join(map(str, service.upstreams))}"


def _sort(address: Ip) -> tuple[int, int]:
    return address.version, int(address)
