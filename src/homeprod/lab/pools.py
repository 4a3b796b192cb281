"""Resource pools: names with members, kept in one small file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from homeprod.lab.api.access import AccessControl


@dataclass(slots=True)
class Pool:
    comment: str = ""
    machines: list[int] = field(default_factory=list)
    storages: list[str] = field(default_factory=list)


class PoolStore:
    """Writes through to ``file``, and tells the access control who is in which pool."""

    def __init__(self, file: Path, access: AccessControl) -> None:
        self._file = file
        self._access = access
        self.pools: dict[str, Pool] = {}
        if file.exists():
            self.pools = {name: Pool(**entry) for name, entry in json.loads(file.read_text()).items()}
        self._tell()

    def save(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps({name: asdict(pool) for name, pool in self.pools.items()}))
        os.replace(temporary, self._file)  # noqa: PTH105 (atomic by intent, and named so)
        self._tell()

    def _tell(self) -> None:
        members: dict[int | str, str] = {}
        for name, pool in self.pools.items():
            members.update(dict.fromkeys(pool.machines, name))
            members.update(dict.fromkeys(pool.storages, name))
        self._access.pools = members

    def find(self, vmid: int) -> str | None:
        return self._access.pools.get(vmid)

    def add_machine(self, name: str, vmid: int) -> None:
        if vmid not in self.pools[name].machines:
            self.pools[name].machines.append(vmid)
            self.save()

    def remove_machine(self, vmid: int) -> None:
        name = self.find(vmid)
        if name is not None:
            self.pools[name].machines.remove(vmid)
            self.save()
