"""Waiting machines: what cannot be made yet, since the key that its control node logs in with is not published."""

from __future__ import annotations

from homeprod.plan.plan import Notice
from homeprod.site.configured import find_awaited_key
from homeprod.site.site import DeclaredMachine, Site


def notice_awaited_key(site: Site, declared: DeclaredMachine) -> Notice | None:
    """None where it waits for nothing. Whoever logs in to a machine is told at its first boot, so that it is not made
    before that is known."""
    file = find_awaited_key(site, declared.machine)
    if not file:
        return None
    node = declared.machine.environment.control_node
    words = (
        f"waits for the control node's key, {file}: make {node} (`homeprod apply --only {node}`), give it its keys"
        f" (`ssh -t {node} bootstrap`), then write them into the site (`homeprod control publish`)"
    )
    return Notice(declared.address, words, waits=True)
