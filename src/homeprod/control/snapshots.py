"""The last snapshot that somebody sent of Proxmox's part, kept beside the ledger: it outlives a restart."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from pydantic import ValidationError

from homeprod.control.hosts.errors import StorageError
from homeprod.core.overview.snapshot import KeptSnapshot
from homeprod.drivers.wholefile import write_whole

_LOG = logging.getLogger("homeprod.control")


class Snapshots:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._last: KeptSnapshot | None = None
        self._turn = asyncio.Lock()

    @property
    def last(self) -> KeptSnapshot | None:
        return self._last

    def recall(self) -> None:
        """What was kept before. One that cannot be read is as good as none: the next takes its place."""
        try:
            self._last = KeptSnapshot.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            self._last = None
        except (OSError, ValidationError) as error:
            _LOG.warning("the kept snapshot is not read: %s", type(error).__name__)
            self._last = None

    async def keep(self, kept: KeptSnapshot) -> None:
        """In the place of the one before; on the disk when this returns. Raises StorageError, and then that stays."""
        async with self._turn:
            try:
                await asyncio.to_thread(write_whole, self._file, kept.model_dump_json(), 0o600)
            except OSError as error:
                raise StorageError(error.strerror or str(error), str(self._file)) from error
            self._last = kept
