"""Snapshot: what `status` or `apply` saw of this site's machines in Proxmox, as it is sent to a control node.

Nothing to do with Proxmox's own snapshots of disks. Facts, bounded, of this site's machines alone: a control node has
no token for Proxmox, and knows of it what somebody who may ring has told it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MOST_BYTES = 128 * 1024
"""Of a snapshot as JSON: more than 500 machines."""


def _require_plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not printable")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Words = Annotated[str, Field(max_length=300), AfterValidator(_require_plain)]
Seconds = Annotated[int, Field(ge=0, lt=10**11)]
"""Since 1970."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeenBackup(_Part):
    """``is_in_job`` says whether a job of Proxmox has the machine, ``last`` when the newest backup that is kept was
    made. Either is None where nobody could see it; ``has_none`` where it was seen that there is none."""

    is_in_job: bool | None = None
    last: Seconds | None = None
    has_none: bool = False


class SeenMachine(_Part):
    """A row of `homeprod status`. ``plan`` says how it differs from the site, in the words that `status` uses."""

    name: Name
    kind: Literal["vm", "data-vm"]
    vmid: int = Field(ge=100, le=999_999_999)
    node: Words
    address: Words = ""
    state: Words
    plan: Words
    kept_by: tuple[Words, ...] = Field(default=(), max_length=8)
    backup: SeenBackup = SeenBackup()

    @property
    def is_as_declared(self) -> bool:
        return self.plan == AS_DECLARED


class SeenCertificate(_Part):
    """What a proxy shows. ``ends`` is None where that is not known, and ``trouble`` says then why."""

    machine: Name
    name: Words
    ends: Seconds | None
    trouble: Words = ""


class Snapshot(_Part):
    """``taken`` is the clock of whoever looked. ``matters`` are what a person has to decide about, a line each:
    conflicts, machines of which nothing is known. ``backups_unseen`` says why nothing is known of backups."""

    format: Literal[1] = 1
    taken: Seconds
    machines: tuple[SeenMachine, ...] = Field(default=(), max_length=1000)
    certificates: tuple[SeenCertificate, ...] = Field(default=(), max_length=500)
    matters: tuple[Words, ...] = Field(default=(), max_length=100)
    backups_unseen: Words = ""


class KeptSnapshot(_Part):
    """``by`` is whose key signed it, ``received`` when, by the node's own clock."""

    by: Words
    received: Seconds
    snapshot: Snapshot


AS_DECLARED = "as declared"
"""What `status` says of a machine of which there is nothing to do."""
