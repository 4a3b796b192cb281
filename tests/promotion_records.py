"""Records of people's, as they stand in a promoted site's notes."""

from __future__ import annotations

import time
from pathlib import Path

from tests.playbook_clones import read_public
from tests.promoted_site import PromotedSite

from homeprod.drivers.records import Records
from homeprod.drivers.recordsigner import open_record_signer
from homeprod.promotion.record import Entry, Signed, Trial

DAY = 86_400.0


def note(site: PromotedSite, *entries: Entry, key: Path | None = None) -> None:
    """Signed by ops, or by ``key``, and pushed."""
    chosen = key or site.host.key
    people = {"ops": (read_public(chosen),)}
    records = Records(site.clone.folder, people)
    signer = open_record_signer(people, {"HOMEPROD_RING_KEY": str(chosen)}, outside=site.root)
    records.append(entries, signer)
    records.push()


def read_notes(site: PromotedSite) -> tuple[Signed, ...]:
    """As the git host has them."""
    other = site.host.clone(f"reader-{time.monotonic_ns()}")
    records = Records(other.folder, {"ops": (read_public(site.host.key),)})
    records.fetch()
    return records.read().believed


def make_trial(
    revision: str, digest: str, host: str = "prod-proxy", *, is_green: bool = True, ago: float = 0
) -> Trial:
    at = time.time() - ago
    return Trial(
        environment="prod", revision=revision, at=at, host=host, digest=digest, tried_on="lab-proxy", place="lab",
        result="green" if is_green else "red", why="" if is_green else "no such file", expires=at + 14 * DAY,
    )  # fmt: skip


def find_digests(site: PromotedSite, revision: str) -> dict[str, str]:
    """Of prod's hosts that the revision affects."""
    told = site.read("trials", "prod", revision)[1]
    assert "hosts" in told, told
    return {one["host"]: one["digest"] for one in told["hosts"]}


def note_green(site: PromotedSite, revision: str) -> None:
    note(site, *(make_trial(revision, digest, host) for host, digest in find_digests(site, revision).items()))
