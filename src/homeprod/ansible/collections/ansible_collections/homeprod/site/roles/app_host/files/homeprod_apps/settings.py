"""What the role wrote for this machine: /etc/homeprod/apps.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .problem import Problem

FILE = Path("/etc/homeprod/apps.json")
_HINT = "it is written by the role homeprod.site.app_host; run the playbook again"


@dataclass(frozen=True)
class Policy:
    """Whose signatures count: a file of allowed signers (ssh-keygen(1)), a file of OpenPGP keys, or both."""

    signatures: str = "required"
    """``off`` takes what git gives: then whoever writes to the git host decides what runs here."""
    signers: str = ""
    keyring: str = ""


@dataclass(frozen=True)
class Settings:
    """Seconds and bytes are limits: what takes longer or is larger is broken off."""

    host: str
    repository: str
    prefix: str = "deploy"
    policy: Policy = field(default_factory=Policy)
    policies: dict[str, Policy] = field(default_factory=dict)
    """Of other repositories, by their address; the others have ``policy``."""
    protocols: tuple[str, ...] = ("https", "ssh")
    ssh_key: str = ""
    known_hosts: str = ""
    rollback: bool = True
    repair: bool = True
    health_seconds: float = 120
    settle_seconds: float = 3
    """A service that runs has to have run for so long; up to ten times as long where docker started it again."""
    fetch_seconds: float = 60
    fetch_bytes: int = 512 * 1024**2
    pull_seconds: float = 900
    run_seconds: float = 1800
    folder: Path = Path("/var/lib/homeprod-apps")
    secrets: Path = Path("/etc/homeprod/apps")
    programs: Path = Path("/usr/local/lib/homeprod-apps")
    docker_config: str = "/etc/homeprod/docker"

    @property
    def configuration_branch(self) -> str:
        return f"{self.prefix}/{self.host}/_config"

    @property
    def work(self) -> Path:
        """Harbormaster's own folder: repos, data, caches, archives."""
        return self.folder / "harbormaster"

    def find_policy(self, url: str) -> Policy:
        return self.policies.get(url, self.policy)


def read_settings(file: Path) -> Settings:
    """Raises Problem."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        return _parse(given)
    except OSError as error:
        raise Problem(f"cannot read {file}: {error.strerror}", _HINT) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise Problem(f"{file} cannot be understood: {error}", _HINT) from error


def _parse(given: dict[str, Any]) -> Settings:
    unknown = given.keys() - {one.name for one in fields(Settings)}
    if unknown:
        raise ValueError(f"nothing is called {min(unknown)}")
    values = dict(given)
    if "policy" in values:
        values["policy"] = Policy(**values["policy"])
    values["policies"] = {url: Policy(**one) for url, one in values.get("policies", {}).items()}
    if "protocols" in values:
        values["protocols"] = tuple(values["protocols"])
    for name in ("folder", "secrets", "programs"):
        if name in values:
            values[name] = Path(values[name])
    return Settings(**values)
