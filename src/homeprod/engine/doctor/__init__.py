"""Doctor: whether a cluster is fit for a site. It only reads, and goes on after what fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from homeprod.core.errors import HomeprodError
from homeprod.engine.doctor.access import examine_access, examine_rights
from homeprod.engine.doctor.finding import Finding, Verdict, find_failed
from homeprod.engine.doctor.machine import examine_machines
from homeprod.engine.doctor.patient import Patient
from homeprod.engine.doctor.place import examine_bridges, examine_clock, examine_node
from homeprod.engine.doctor.storage import examine_storage
from homeprod.plan.needs import SiteNeeds

__all__ = ["Finding", "Patient", "Verdict", "examine"]


def examine(
    site_id: str, needs: SiteNeeds, patient: Patient, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """One finding a check, each as soon as it is known. ``now`` gives seconds since 1970. Raises nothing: an error
    of the cluster is a finding."""
    version = yield from examine_access(patient, now())
    if version is None:
        yield Finding("the rest", Verdict.SKIP, "not checked: rights, nodes, storages, bridges, clocks, VMIDs")
        return
    lacks = yield from examine_rights(patient, version, needs)
    try:
        resources = patient.read_resources()
    except HomeprodError as error:
        yield find_failed("resources", error)
        return
    for node in sorted(needs.nodes):
        finding = examine_node(node, resources)
        yield finding
        if finding.verdict is not Verdict.OK:
            continue
        yield examine_clock(node, patient, now)
        for place, storage in needs.content:
            if place == node:
                yield examine_storage(node, storage, needs, resources, lacks)
        bridges = sorted(bridge for place, bridge in needs.bridges if place == node)
        yield from examine_bridges(node, bridges, patient, lacks)
    yield from examine_machines(site_id, needs, patient, resources, lacks)
