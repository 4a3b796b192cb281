"""The inventory of a revision, as stand-ins have it: one person more, and certificates that somebody signs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import yaml

from homeprod.core.errors import PromotionError
from homeprod.promotion.closure import INVENTORY
from homeprod.site.people import Person


def adapt_inventory(content: bytes, hosts: Collection[str], person: Person, where: str) -> bytes:
    """All else stays as it is, other hosts' lines too: plays may read them. Raises PromotionError for what no control
    node would read either."""
    try:
        data = yaml.safe_load(content)
        for name, variables in _list_hosts(data):
            if name in hosts:
                _adapt(variables, person)
        return yaml.safe_dump(data, sort_keys=True, allow_unicode=True, width=200).encode()
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        hint = "render the site into it, and rehearse what you commit then:\n\n  homeprod render --to DIR"
        raise PromotionError(f"{INVENTORY} is not as homeprod writes it: {reason}", where=where, hint=hint) from error


def list_zones(content: bytes, hosts: Collection[str]) -> list[str]:
    """The zones in which these hosts' certificates lie, each once, none below another. The inventory is one that was
    adapted."""
    names = {
        str(name).removeprefix("*.")
        for host, variables in _list_hosts(yaml.safe_load(content))
        if host in hosts
        for one in variables.get("homeprod_certificates", ())
        for name in one.get("names", ())
    }
    return sorted(name for name in names if not any(name.endswith(f".{other}") for other in names))


def _list_hosts(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A host's variables, wherever some are written."""
    for group in data.values():
        if not group:
            continue
        for name, variables in (group.get("hosts") or {}).items():
            yield str(name), variables or {}
        yield from _list_hosts(group.get("children") or {})


def _adapt(variables: dict[str, Any], person: Person) -> None:
    """No public authority is reached from a lab: the environment's own, which the control node makes, signs."""
    if "homeprod_people" in variables:
        told = {"name": person.name, "keys": list(person.keys), "sudo": True}
        variables["homeprod_people"] = [*variables["homeprod_people"], told]
    for certificate in variables.get("homeprod_certificates", ()):
        certificate["by"] = "site-ca"
