"""Which volumes there are: a journal on disk, one JSON line for each thing that happened.

The files themselves are the VolumeStore's. The journal keeps what a file cannot say (its size as Proxmox shows
it, its note), costs one short append a change, and survives a killed process: a last line cut short is dropped.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

BLOCK = 4096


@dataclass(frozen=True, slots=True)
class VolumeRecord:
    """``volume`` is ``STORAGE:NAME``, ``size`` in bytes, ``ctime`` in seconds since the epoch. ``seed`` is the key of
    the image that the lab itself put there; empty for what came over the API."""

    volume: str
    size: int
    ctime: int
    owner: int | None = None
    note: str = ""
    is_protected: bool = False
    seed: str = ""


def _round(size: int) -> int:
    """To whole blocks of the file system."""
    return -(-size // BLOCK) * BLOCK


class VolumeCatalog:
    """``storage`` to name to record, in memory and in the journal ``file``."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._volumes: dict[str, dict[str, VolumeRecord]] = {}
        self._owned: dict[int | None, dict[str, VolumeRecord]] = {}
        self._promised: dict[str, int] = {}
        if file.exists():
            self._read()
        self._compact()

    def _read(self) -> None:
        for line in self._file.read_text().splitlines():
            try:
                entry: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            if entry.pop("gone", False):
                self._drop(entry["volume"])
            else:
                self._keep(VolumeRecord(**entry))

    def _compact(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text("".join(json.dumps(asdict(record)) + "\n" for record in self))
        os.replace(temporary, self._file)  # noqa: PTH105 (atomic by intent, and named so)

    def _keep(self, record: VolumeRecord) -> None:
        storage, _, name = record.volume.partition(":")
        self._drop(record.volume)  # it may have had another owner
        self._volumes.setdefault(storage, {})[name] = record
        self._owned.setdefault(record.owner, {})[record.volume] = record
        self._promised[storage] = self._promised.get(storage, 0) + _round(record.size)

    def _drop(self, volume: str) -> None:
        storage, _, name = volume.partition(":")
        record = self._volumes.get(storage, {}).pop(name, None)
        if record is not None:
            del self._owned[record.owner][volume]
            self._promised[storage] -= _round(record.size)

    def _append(self, entry: dict[str, Any]) -> None:
        with self._file.open("a") as journal:
            journal.write(json.dumps(entry) + "\n")

    def __iter__(self) -> Iterator[VolumeRecord]:
        for volumes in self._volumes.values():
            yield from volumes.values()

    def list_storage(self, storage: str) -> list[VolumeRecord]:
        return list(self._volumes.get(storage, {}).values())

    def promised(self, storage: str) -> int:
        """Bytes that its volumes would take if all were written full: they never take more."""
        return self._promised.get(storage, 0)

    def find(self, volume: str) -> VolumeRecord | None:
        storage, _, name = volume.partition(":")
        return self._volumes.get(storage, {}).get(name)

    def owned_by(self, owner: int) -> list[VolumeRecord]:
        return list(self._owned.get(owner, {}).values())

    def add(
        self, volume: str, size: int, *, owner: int | None = None, note: str = "", seed: str = ""
    ) -> VolumeRecord:
        record = VolumeRecord(volume, size, int(time.time()), owner, note, seed=seed)
        self._keep(record)
        self._append(asdict(record))
        return record

    def change(self, volume: str, **changes: Any) -> None:
        record = self.find(volume)
        if record is not None:
            changed = replace(record, **changes)
            self._keep(changed)
            self._append(asdict(changed))

    def remove(self, volume: str) -> None:
        self._drop(volume)
        self._append({"volume": volume, "gone": True})

    def forget_missing(self, exists: Any) -> None:
        """Drop what has no file any more (``exists`` is asked for each volume id)."""
        for record in [record for record in self if not exists(record.volume)]:
            self.remove(record.volume)
