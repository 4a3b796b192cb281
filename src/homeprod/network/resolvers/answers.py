"""What the LAN's resolvers are told: addresses for names, and names that are left to the public DNS."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from homeprod.core.hostname import NamePattern, pick
from homeprod.network.splitdns import list_records
from homeprod.site.entry.entry import Entry
from homeprod.site.entry.place import locate_machine
from homeprod.site.site import Site

Ip = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """Addresses of ``machine`` for one name, or for all below a zone."""

    name: NamePattern
    machine: str
    addresses: tuple[Ip, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """``left`` are names below those that are asked of the public DNS all the same: proofs for certificates."""

    answers: tuple[Answer, ...]
    left: tuple[str, ...] = ()

    def find(self, name: str) -> Answer | None:
        """The one whose pattern that is."""
        return next((answer for answer in self.answers if answer.name == name), None)

    def find_below(self, zone: str) -> Answer | None:
        """What all other names below the zone get: its own wildcard's answer, or that of the nearest above."""
        wildcards = [answer.name for answer in self.answers if answer.name.is_wildcard]
        found = pick(wildcards, f".{zone}")
        return self.find(found) if found is not None else None

    def is_left(self, name: str) -> bool:
        """Whether the folded name, or one that it is below, is left to the public DNS."""
        return any(name == one or name.endswith(f".{one}") for one in self.left)


def describe_answers(site: Site, entry: Entry) -> Answers:
    """Of a site that was checked."""
    answers = []
    for record in list_records(entry):
        place = locate_machine(site, record.proxy.machine)
        if place is None:
            raise ValueError(f"{record.proxy.machine} has no address: the site was not checked")
        addresses = (place.address, *([place.address6] if place.address6 is not None else []))
        answers.append(Answer(record.name, record.proxy.machine, addresses))
    return Answers(tuple(answers), _list_proofs(entry))


def _list_proofs(entry: Entry) -> tuple[str, ...]:
    """RFC 8555, section 8.4: where the public DNS shows that a name is ours. A resolver that said there is none would
    keep whoever proves it from seeing that it is there."""
    certificates = [one for proxy in entry.proxies for one in proxy.certificates if one.by == "dns-01"]
    return tuple(sorted({f"_acme-challenge.{name.zone}" for one in certificates for name in one.names}))
