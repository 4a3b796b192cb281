"""Whether the endpoint answers, whose certificate it shows, its release, and what the token may do there."""

from __future__ import annotations

import datetime
from collections.abc import Generator, Iterator, Sequence

from homeprod.core.errors import DeniedError, HomeprodError, TransientError
from homeprod.engine.doctor.finding import Finding, Verdict, find_failed, find_ill, find_well
from homeprod.engine.doctor.patient import Certificate, Lack, Patient
from homeprod.plan.actual import Version
from homeprod.plan.needs import SiteNeeds

EXPIRY_DAYS = 30


def examine_access(patient: Patient, now: float) -> Generator[Finding, None, Version | None]:
    """Returns the version; None where nothing more can be asked."""
    try:
        version = patient.read_version()
    except DeniedError as error:
        yield from _examine_endpoints(patient, now)
        yield Finding("token", Verdict.FAIL, error.message, error.hint)
        return None
    except HomeprodError as error:
        yield find_failed("connection", error)
        return None
    yield from _examine_endpoints(patient, now)
    yield find_well("token", f"{patient.token} is accepted")
    problem = patient.judge_version(version)
    yield find_failed("version", problem) if problem else find_well("version", f"Proxmox VE {version.text}")
    return version


def _examine_endpoints(patient: Patient, now: float) -> Iterator[Finding]:
    """One answers, or nobody would ask this. Of several, one that does not is a warning: the others are used."""
    yield find_well("connection", f"{patient.endpoint} answers")
    for endpoint in patient.endpoints:
        of = f" of {endpoint}" if len(patient.endpoints) > 1 else ""
        try:
            certificate = patient.read_certificate(endpoint)
        except TransientError as error:
            hint = "start that node, or take its address out of the Cluster's endpoints in the site"
            yield Finding(f"endpoint {endpoint}", Verdict.WARN, f"does not answer: {error.message}", hint)
        except HomeprodError as error:
            yield find_failed(f"certificate{of}", error)
        else:
            yield _judge_certificate(f"certificate{of}", certificate, now)


def _judge_certificate(check: str, certificate: Certificate, now: float) -> Finding:
    words = f"known by {certificate.known_by}"
    if certificate.issuer:
        words += f", signed by {certificate.issuer}"
    if certificate.expires is None:
        return find_well(check, words)
    words += f", valid until {datetime.datetime.fromtimestamp(certificate.expires, datetime.UTC):%Y-%m-%d}"
    if certificate.expires - now > EXPIRY_DAYS * 86400:
        return find_well(check, words)
    return Finding(check, Verdict.WARN, words, _RENEW)


_RENEW = "renew it on the node, or look why Proxmox has not done so by itself:\n\n  pvecm updatecerts"


def examine_rights(patient: Patient, version: Version, needs: SiteNeeds) -> Generator[Finding, None, Sequence[Lack]]:
    """Returns what the token lacks; all of it is in the findings."""
    if patient.judge_version(version):
        yield Finding("rights", Verdict.SKIP, "not checked: a release that homeprod does not know has others")
        return ()
    try:
        permissions = patient.read_permissions()
    except HomeprodError as error:
        yield find_failed("rights", error)
        return ()
    lacks = patient.list_lacks(permissions, version, needs)
    if lacks and not any(permissions.values()):
        yield find_ill("rights", f"{patient.token} may do nothing at all", _explain_nothing(patient))
    else:
        yield from (_describe(patient, lack) for lack in lacks)
    if not lacks:
        yield find_well("rights", "the token may do all that this site needs")
    return lacks


def _describe(patient: Patient, lack: Lack) -> Finding:
    privileges = ", ".join(sorted(lack.privileges))
    return find_ill("rights", f"{patient.token} lacks {privileges} on {lack.path} (to {lack.why})", lack.grant)


def _explain_nothing(patient: Patient) -> str:
    return (
        "a token made with privilege separation, the default, has no rights of its own; give it its user's:"
        f"\n\n  {patient.describe_separation()}\n\n"
        "if the user has none either, this prints what makes one with the least rights:\n\n  homeprod doctor --role"
    )
