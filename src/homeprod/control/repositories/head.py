"""The last believed head of each branch, kept on the data disk: a node that is made again must not be handed an older
one."""

from __future__ import annotations

import json
from pathlib import Path

from homeprod.core.errors import ControlError
from homeprod.drivers.wholefile import write_whole


class Heads:
    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def file(self) -> Path:
        return self._file

    def read(self, name: str) -> str:
        """Empty where none was believed yet. Raises ControlError where the file is damaged."""
        return self._read_all().get(name, "")

    def write(self, name: str, commit: str) -> None:
        """Raises OSError; then the old ones stay."""
        heads = {**self._read_all(), name: commit}
        write_whole(self._file, json.dumps(heads, indent=1, sort_keys=True), 0o600)

    def _read_all(self) -> dict[str, str]:
        try:
            return {str(name): str(commit) for name, commit in json.loads(self._file.read_text()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            hint = f"look at it; where nothing can be saved of it, remove it\n    rm {self._file}"
            raise ControlError(
                f"cannot read which heads were believed: {error}", where=str(self._file), hint=hint
            ) from error
