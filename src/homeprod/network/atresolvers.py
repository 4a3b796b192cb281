"""The first part of a way from the LAN: what its resolvers answer, by each kind of them."""

from __future__ import annotations

from dataclasses import dataclass

from homeprod.network.choice import Choice
from homeprod.network.rendered.clues import trace_dnsmasq, trace_unbound
from homeprod.network.resolvers import dnsmasq, unbound
from homeprod.network.resolvers.answers import Answer, Answers, Ip, describe_answers
from homeprod.network.splitdns import Record, choose_record, list_records
from homeprod.network.way import Hop, Other, Rule
from homeprod.site.declared import Declared
from homeprod.site.entry.entry import Entry, Proxy
from homeprod.site.entry.place import locate_number
from homeprod.site.entry.table import find_proxy
from homeprod.site.site import Site

_UNNAMED = "; the site names no resolvers=, so see that the LAN asks one that has the rendered file"


@dataclass(frozen=True, slots=True)
class Told:
    """Where the LAN is led: by dnsmasq, which answers just as the table says, and by unbound. None: to wherever the
    public DNS says."""

    hop: Hop
    proxy: Proxy | None
    by_unbound: Proxy | None


def ask_resolvers(site: Site, entry: Entry, name: str) -> Told:
    """``name`` is folded. Of a site that was checked."""
    values = describe_answers(site, entry)
    answer, other = dnsmasq.look_up(values, name), unbound.look_up(values, name)
    rules = [] if answer is None else [_tell_answer(entry, values, name, answer)]
    if _find_addresses(answer) != _find_addresses(other):
        rules.append(_tell_otherwise(entry, values, name, other))
    resolvers = site.config.addresses.network.resolvers
    place = locate_number(site, "", resolvers[0]) if resolvers else None
    does = _describe(values, name, answer) + ("" if resolvers or not rules else _UNNAMED)
    hop = Hop("dns", "split DNS", place, None, does, tuple(rules))
    return Told(hop, _find_proxy(entry, answer), _find_proxy(entry, other))


def list_addresses(site: Site, entry: Entry, name: str) -> list[tuple[Ip, ...]]:
    """What a resolver of either kind may answer; empty where it asks the public DNS. ``name`` is folded."""
    values = describe_answers(site, entry)
    return [_find_addresses(kind.look_up(values, name)) for kind in (dnsmasq, unbound)]


def _describe(values: Answers, name: str, answer: Answer | None) -> str:
    if answer is not None:
        return "answers with the proxy's own address"
    is_left = values.is_left(name)
    return "leaves proofs for certificates to the public DNS" if is_left else "has no record of the name"


def _tell_answer(entry: Entry, values: Answers, name: str, answer: Answer) -> Rule:
    choice = choose_record(entry, name)
    other = unbound.look_up(values, name)
    clues = trace_dnsmasq(answer)
    if _find_addresses(other) == answer.addresses and other is not None:
        clues = (*clues, *trace_unbound(values, other))
    words = f"{answer.name} is {answer.addresses[0]}, {answer.machine}"
    return Rule(words, _find_cause(entry, answer), "names", _list_others(choice), clues)


def _tell_otherwise(entry: Entry, values: Answers, name: str, other: Answer | None) -> Rule:
    """Its module says what comes of it that unbound knows no wildcards."""
    if other is not None:
        words = f"unbound and OPNsense answer with {other.addresses[0]}, {other.machine}: they cannot tell it from"
        return Rule(f"{words} {other.name}", _find_cause(entry, other), "names", clues=trace_unbound(values, other))
    near = unbound.find_zone(values, name)
    if near is None:
        raise ValueError(f"{name} has an answer that unbound has no zone for: the renderers disagree")
    words = f"unbound and OPNsense ask the public DNS: names below {near.name} are told from it by a wildcard alone"
    return Rule(words, _find_cause(entry, near), "names", clues=trace_unbound(values, near))


def _find_cause(entry: Entry, answer: Answer) -> Declared:
    """Each answer was made from the record of its name."""
    return next(record.cause for record in list_records(entry) if record.name == answer.name)


def _list_others(choice: Choice[Record]) -> tuple[Other, ...]:
    return tuple(
        Other(f"{miss.pattern} is {miss.owner.proxy.machine}", miss.why, miss.owner.cause, miss.is_near)
        for miss in choice.misses
    )


def _find_addresses(answer: Answer | None) -> tuple[Ip, ...]:
    return answer.addresses if answer is not None else ()


def _find_proxy(entry: Entry, answer: Answer | None) -> Proxy | None:
    return find_proxy(entry, answer.machine) if answer is not None else None
