"""Whether the nodes, bridges and clocks that a site needs are there and right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from homeprod.core.errors import DeniedError, HomeprodError
from homeprod.engine.doctor.finding import Finding, Verdict, find_failed, find_ill, find_well
from homeprod.engine.doctor.patient import Lack, Patient
from homeprod.plan.actual import Resources

CLOCK_SECONDS = 30
"""How far apart clocks may be before certificates, signatures and logs begin to disagree."""


def examine_node(node: str, resources: Resources) -> Finding:
    check, listed = f"node {node}", {found.name: found for found in resources.nodes}
    if node not in listed:
        names = ", ".join(sorted(listed)) or "none that this token may see"
        return find_ill(check, f"there is no such node; there are: {names}", "correct `node` in the site")
    if not listed[node].is_online:
        return find_ill(check, "is offline", "start it, or see on another node why it is not seen:\n\n  pvecm status")
    return find_well(check, "is online")


def examine_clock(node: str, patient: Patient, now: Callable[[], float]) -> Finding:
    """The answer's way back and forth is taken as equally long; Proxmox gives whole seconds."""
    check, asked = f"clock of {node}", now()
    try:
        clock = patient.read_clock(node)
    except DeniedError:  # what the token lacks is told among the rights
        return Finding(check, Verdict.SKIP, "cannot be seen with this token")
    except HomeprodError as error:
        return find_failed(check, error)
    ahead = round(clock - (asked + now()) / 2)
    if abs(ahead) <= CLOCK_SECONDS:
        return find_well(check, "agrees with this machine's")
    words = f"is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    return Finding(check, Verdict.WARN, words, "see which of the two is wrong, on both:\n\n  timedatectl")


def examine_bridges(node: str, bridges: Iterable[str], patient: Patient, lacks: Sequence[Lack]) -> Iterator[Finding]:
    try:
        there = patient.read_bridges(node)
    except HomeprodError as error:
        yield find_failed(f"bridges of {node}", error)
        return
    for bridge in bridges:
        check = f"bridge {bridge} on {node}"
        hidden = any(lack.path.endswith(f"/{bridge}") for lack in lacks)
        if there is None or (bridge not in there and hidden):
            yield Finding(check, Verdict.SKIP, "cannot be seen")
        elif bridge not in there:
            names = ", ".join(sorted(there)) or "none"
            hint = "correct `bridge` of the network in the site, or make it on the node: System → Network → Create"
            yield find_ill(check, f"there is no such bridge; there are: {names}", hint)
        else:
            yield find_well(check, "is there")
