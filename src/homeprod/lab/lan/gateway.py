"""The rules of a lab's gateway: nftables' own text, as a Linux router would load it."""

from __future__ import annotations

from pathlib import Path

from homeprod.core.errors import LabError
from homeprod.lab.lan.namespace import Namespace


class Gateway:
    """Its rules are kept in ``file``, and loaded again when the lab comes back up."""

    def __init__(self, file: Path, namespace: Namespace) -> None:
        self._file, self._namespace = file, namespace

    def take(self, rules: str) -> None:
        """Have ``rules`` in the place of those before, all at once. Raises LabError where nft refuses them, and those
        before stay then."""
        self._load(rules)
        new = self._file.with_suffix(".new")
        new.write_text(rules)
        new.replace(self._file)

    def clear(self) -> None:
        """No rules; the gateway routes and translates nothing then."""
        self._namespace.run("nft", "flush", "ruleset")
        self._file.unlink(missing_ok=True)

    def read(self) -> str:
        """The rules that were taken, empty where there are none."""
        return self._file.read_text() if self._file.exists() else ""

    def up(self) -> None:
        """After the namespace was made anew. Raises LabError."""
        if rules := self.read():
            self._load(rules)

    def _load(self, rules: str) -> None:
        """nft takes a file whole or not at all (nft(8))."""
        try:
            self._namespace.run("nft", "-f", "-", given=f"flush ruleset\n{rules}")
        except LabError as error:
            hint = "nothing was changed; try the file by itself\n\n  nft -c -f FILE"
            raise LabError(f"the gateway does not take these rules: {error.message}", hint=hint) from error
