"""The last part of a way: from a proxy's door on."""

from __future__ import annotations

from collections.abc import Iterator

from homeprod.network.challenge import CHALLENGES, is_challenge
from homeprod.network.choice import Choice
from homeprod.network.hostheader import read_host
from homeprod.network.rendered.clues import trace_certificate, trace_challenge, trace_service, trace_upstream
from homeprod.network.routing import choose_certificate, choose_service, is_good_for, is_refused
from homeprod.network.way import Answer, Hop, Other, Rule
from homeprod.site.entry.certificate import Certificate
from homeprod.site.entry.entry import Origin, Proxy
from homeprod.site.entry.place import locate_machine, locate_proxied, locate_upstream
from homeprod.site.entry.service import Service
from homeprod.site.entry.target import Target
from homeprod.site.site import Site


def follow_into(site: Site, proxy: Proxy, target: Target, from_: Origin) -> tuple[list[Hop], Answer]:
    """``from_`` is by which of its doors: the LAN's own, or that of the passthrough."""
    host = read_host(f"[{target.host}]" if ":" in target.host else target.host)
    choice = choose_service(proxy, host or "", from_=from_)
    certificate = choose_certificate(proxy, choice) if target.scheme == "https" else None
    door = _describe_door(site, proxy, target, from_)
    if (target.scheme == "https") != (target.port == 443):
        words = "plain HTTP on port 443" if target.port == 443 else "TLS on port 80"
        return [door], Answer("refused", f"{words}: answered with 400", 400)
    if certificate is not None and target.address is None and is_refused(target.host):
        words = "OpenSSL breaks off the handshake: the name is longer than 255 characters, or holds a NUL"
        return [door], Answer("refused", words)
    rules = tuple(_list_rules(proxy, choice, certificate, target))
    hop = Hop("proxy", door.name, door.place, door.port, door.does, rules)
    more, answer = _finish(site, proxy, target, choice, host)
    is_trusted = is_good_for(certificate, choice.name) if certificate is not None else None
    shown = Answer(answer.end, answer.words, answer.status, answer.service, certificate, is_trusted)
    return [hop, *more], shown


def _finish(
    site: Site, proxy: Proxy, target: Target, choice: Choice[Service], host: str | None
) -> tuple[list[Hop], Answer]:
    if host is None:
        return [], Answer("refused", "no valid Host: answered with 400", 400)
    service = choice.owner
    if service is None:
        return [], Answer("refused", f"{_tell_unserved(proxy, choice, host)}: answered with 421", 421)
    if target.scheme == "http" and is_challenge(target.path):
        words = (
            f"{proxy.machine} answers it itself: with the proof for a certificate where one lies there, else with 404"
        )
        return [], Answer("refused", words, 404, service)
    if target.scheme == "http" and service.http == "redirect":
        return [], Answer("redirect", f"sent on to https://{host}{target.path} with 308", 308, service)
    return list(_list_upstreams(site, proxy, service)), Answer("service", f"reaches {service.name}", None, service)


def _tell_unserved(proxy: Proxy, choice: Choice[Service], host: str) -> str:
    """A name that is there for the LAN alone is told apart here; to whom it is refused it looks like any other."""
    is_hidden = any(one.owner.access == "lan" and one.pattern.matches(choice.name) for one in choice.misses)
    return (
        f"{proxy.machine} serves {host} to the LAN alone" if is_hidden else f"{proxy.machine} does not serve {host}"
    )


def _describe_door(site: Site, proxy: Proxy, target: Target, from_: Origin) -> Hop:
    ends = "TLS ends here" if target.port == 443 else "takes HTTP here"
    if from_ == "lan":
        return Hop("proxy", proxy.machine, locate_machine(site, proxy.machine), target.port, ends)
    port = proxy.proxied_port if target.port == 443 else proxy.proxied_http_port
    told = "PROXY protocol" if target.port == 443 else "X-Forwarded-For"
    does = f"{ends}; the passthrough says who the client is ({told})"
    return Hop("proxy", proxy.machine, locate_proxied(site, proxy), port, does)


def _list_rules(
    proxy: Proxy, choice: Choice[Service], certificate: Certificate | None, target: Target
) -> Iterator[Rule]:
    if certificate is not None:
        names = ", ".join(certificate.names)
        words = f"certificate {names} ({certificate.by}){_tell_doubt(certificate, choice, target)}"
        clues = trace_certificate(proxy, certificate, choice.owner, choice.pattern)
        yield Rule(words, certificate, clues=clues)
    others = tuple(
        Other(f"service {miss.owner.name} ({miss.pattern})", miss.why, miss.owner, miss.is_near)
        for miss in choice.misses
    )
    clues = trace_service(proxy, choice.owner, choice.pattern, is_secure=target.port == 443)
    if choice.owner is None:
        yield Rule("no service has the name", proxy, "services", others, clues)
        return
    word = "its exact name" if choice.by == "exact" else f"by {choice.pattern}, the longest wildcard with it"
    yield Rule(f"service {choice.owner.name}: {word}", choice.owner, "names", others, clues)
    if target.scheme == "http" and is_challenge(target.path):
        words = f"{CHALLENGES} comes before what the service says"
        yield Rule(words, choice.owner, clues=trace_challenge(proxy, choice.owner))


def _tell_doubt(certificate: Certificate, choice: Choice[Service], target: Target) -> str:
    if is_good_for(certificate, choice.name):
        return ""
    first = "the default one, " if choice.owner is None else ""
    is_deep = any(own.is_wildcard and own.matches(choice.name) for own in certificate.names)
    star = ": its star stands for one label" if is_deep else ""
    return f", {first}not good for {choice.name or target.host}{star}"


def _list_upstreams(site: Site, proxy: Proxy, service: Service) -> Iterator[Hop]:
    count = len(service.upstreams)
    several = f", one of {count} in turn" if count > 1 else ""
    for upstream in service.upstreams:
        place = locate_upstream(site, upstream)
        name = (place.name if place is not None else "") or str(upstream.host)
        clues = trace_upstream(proxy, service, place, upstream.port)
        rule = Rule(str(upstream), service, "upstreams", clues=clues)
        spoken = "HTTP" if upstream.scheme == "http" else "HTTPS"
        yield Hop("service", name, place, upstream.port, f"{spoken}{several}", (rule,))
