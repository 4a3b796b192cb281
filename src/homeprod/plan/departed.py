"""Departed machines: with this site's mark, and no module that declares them. Which are deleted, which kept."""

from __future__ import annotations

from homeprod.core.ids import choose_mac
from homeprod.plan.actual import ActualMachine
from homeprod.plan.config import Nic
from homeprod.plan.drives import coming_value
from homeprod.plan.mark import ADOPTED, Mark


def explain_keeping(found: ActualMachine, mark: Mark) -> str:
    """Why a machine that left the site is kept, in a notice's words; empty for one that the site made itself.

    A note can be written by anybody, so it alone never costs a machine its disks: what homeprod made also has the
    card's address that follows from the site id and the VMID."""
    vmid = found.listed.vmid
    choice = f"`homeprod destroy {vmid}` or `homeprod forget {vmid}`"
    if ADOPTED in mark.forces:
        return f"VMID {vmid} is no longer in the site, and was adopted: it is kept until {choice}"
    card = coming_value(found.config, "net0")
    if not isinstance(card, Nic) or card.mac != choose_mac(mark.site, vmid):
        return (
            f"VMID {vmid} ({found.listed.name!r}) has this site's mark and no module, but not the network card that"
            f" homeprod gave it: it may be somebody else's, and is kept until {choice}"
        )
    return ""
