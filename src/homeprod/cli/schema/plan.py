"""What ``plan --json`` prints."""

from __future__ import annotations

from homeprod.cli.schema.report import Part, Report
from homeprod.plan.change import Action, Effect


class DifferenceEntry(Part):
    """One attribute, as Proxmox writes its values: ``old`` is null where it was not set, ``new`` where it is taken
    away. ``effect`` is when the new one counts."""

    attribute: str
    old: str | None
    new: str | None
    effect: Effect


class ChangeEntry(Part):
    """What would be done to one thing. ``address`` is ``KIND/NAME`` (vm, data-vm, image, iso). ``vmid`` is null for
    what is no machine. ``why`` may be empty."""

    action: Action
    address: str
    node: str
    vmid: int | None
    why: str
    differences: list[DifferenceEntry]


class ConflictEntry(Part):
    """What the site asks for and Proxmox cannot give: while there is one, nothing is applied. ``passes`` where it
    will pass of itself."""

    address: str
    message: str
    hint: str
    passes: bool


class NoticeEntry(Part):
    """Something to know that no apply would change. ``differs`` where Proxmox is not as the site says."""

    address: str
    message: str
    differs: bool


class UnknownEntry(Part):
    """A machine on a node that is off: nothing is known of it, and nothing done to it."""

    address: str
    node: str
    vmid: int
    message: str
    hint: str


class PlanReport(Report):
    """``changes`` by address, deletions last. ``api_calls`` is what reading for it cost."""

    changes: list[ChangeEntry]
    conflicts: list[ConflictEntry]
    notices: list[NoticeEntry]
    unknown: list[UnknownEntry]
    api_calls: int
