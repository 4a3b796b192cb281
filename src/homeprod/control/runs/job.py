"""What a worker is told: one JSON line. Nothing secret is in it; the nonce is worth something while the run lasts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """Paths are absolute. ``known_hosts`` are whole lines; ``vault_client`` is the program that Ansible asks
    for the vault password, empty where nothing is vaulted; ``authority_socket`` is where the site's own authority
    signs; ``playbook`` lies in ``playbooks``. Of a check it is asked what the playbook would change; where there are
    ``tags``, its tasks of these are run alone. ``vault`` is the vault's revision, ``digest`` that of all inputs where
    somebody asks for it. A run that ``is_watched`` is a failed one where units of the host fail with it, or fail
    since one before it: those are ``blamed``."""

    run: int
    host: str
    environment: str
    revision: str
    playbooks: str
    inventories: tuple[str, ...]
    known_hosts: tuple[str, ...]
    address: str
    agent_socket: str
    vault_socket: str
    nonce: str
    limit_seconds: float
    fact_cache: str
    vault_client: str = ""
    authority_socket: str = ""
    playbook: str = "site.yml"
    is_check: bool = False
    tags: tuple[str, ...] = ()
    vault: str = ""
    digest: str = ""
    is_watched: bool = False
    blamed: tuple[str, ...] = ()

    def render(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Job:
        """Raises ValueError, TypeError where it is none."""
        data: dict[str, Any] = json.loads(line)
        for name in ("inventories", "known_hosts", "tags", "blamed"):
            data[name] = tuple(data[name])
        return cls(**data)
