"""The control node's own settings: who may do what, where git is, what it configures. Nothing in them is secret.

cloud-init brings them to /etc/homeprod/control.json; later ones come with the rendered site (``site/NODE.json``),
at the verified head of an environment's branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homeprod.core.errors import ControlError


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UpkeepSettings(_Settings):
    """``every`` so many minutes hosts are checked; ``window`` are the hours, in ``time_zone``, in which runs that
    nobody asked for may begin, empty for all."""

    every: int = Field(default=60, ge=5, le=7 * 24 * 60)
    policy: Literal["report", "converge"] = "report"
    window: str = ""
    time_zone: str = ""


class PromotionSettings(_Settings):
    """A record counts for ``fresh_days``. ``order`` are the environment's hosts as a new revision comes to them,
    those of ``canary`` first; ``counterparts`` are those on which it is tried for them."""

    fresh_days: int = Field(default=14, ge=1, le=365)
    canary: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    counterparts: Mapping[str, str] = Field(default_factory=dict)

    @property
    def fresh_seconds(self) -> float:
        return 86_400.0 * self.fresh_days


class EnvironmentSettings(_Settings):
    """``user`` is the Unix user that its runs have on the node. Without ``upkeep`` nobody looks at its hosts unless
    somebody rings for them. Without ``promotion`` a signed head is enough."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    branch: str
    user: str
    upkeep: UpkeepSettings | None = UpkeepSettings()
    promotion: PromotionSettings | None = None


class KeyOwner(_Settings):
    """A person's public key, ``ssh-ed25519 AAAA…``."""

    person: str
    key: str


class NodeSettings(_Settings):
    """``administrators`` are the Unix names of those who may bootstrap, unlock and lock. ``ringers`` are the keys
    that may ring and ask, ``administrator_keys`` those that may also trust another host key, ``signers`` those whose
    commits in the playbook repository are believed. ``git_host_keys`` are lines of known_hosts. ``rekey`` says
    whether a host that comes with another key waits for a person."""

    format: Literal[1] = 1
    site_id: str
    site_name: str
    node: str
    port: int = Field(default=9000, ge=1, le=65535)
    environments: tuple[EnvironmentSettings, ...]
    administrators: tuple[str, ...]
    ringers: tuple[KeyOwner, ...]
    administrator_keys: tuple[KeyOwner, ...]
    signers: tuple[KeyOwner, ...]
    playbooks: str
    vault: str
    git_host_keys: tuple[str, ...] = ()
    rekey: Literal["ask", "allow"] = "ask"
    parallel_runs: int = Field(default=4, ge=1, le=64)
    run_limit: int = Field(default=1800, ge=1)
    """Seconds that a run may take."""
    attempts: int = Field(default=5, ge=1)
    """Of a host, before it counts as failed and a person has to say `retry`."""
    kept_runs: int = Field(default=200, ge=1)
    """Of all hosts together; older ones are forgotten, a host's last one never."""

    def find_environment(self, name: str) -> EnvironmentSettings | None:
        return next((one for one in self.environments if one.name == name), None)


def parse_settings(text: str | bytes, where: str) -> NodeSettings:
    """Raises ControlError where it is none, or of a later format."""
    try:
        return NodeSettings.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ControlError(
            f"the control node's settings are wrong at {place}: {first['msg']}",
            where=where,
            hint="they are written by homeprod itself; render the site again with the version that the node runs",
        ) from error


def read_settings(file: Path) -> NodeSettings:
    """Raises ControlError where they cannot be read."""
    try:
        text = file.read_bytes()
    except OSError as error:
        hint = "they come with cloud-init, onto a machine that the site declares as control node"
        message = f"cannot read the control node's settings: {error.strerror}"
        raise ControlError(message, where=str(file), hint=hint) from error
    return parse_settings(text, str(file))
