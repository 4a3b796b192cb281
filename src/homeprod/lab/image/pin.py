"""A pinned image: one that somebody else made, known by its address and its checksum."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from homeprod.core.errors import LabError

_KINDS = {"img": "qcow2", "qcow2": "qcow2", "raw": "raw", "vmdk": "vmdk"}
"""Formats by the ending of an address. Cloud images called .img are qcow2."""
_DIGITS = {"sha256": 64, "sha512": 128}
_MAGIC = {"qcow2": b"QFI\xfb", "vmdk": b"KDMV"}
"""How such files begin (QEMU's docs/interop/qcow2.txt; VMware's Virtual Disk Format 5.0, hosted sparse extents)."""


@dataclass(frozen=True, slots=True)
class Pin:
    """``url`` is http, https or file; ``algorithm`` sha256 or sha512, ``checksum`` in lower-case hexadecimal."""

    url: str
    checksum: str
    algorithm: str = "sha256"

    def __post_init__(self) -> None:
        """Raises LabError for what cannot be downloaded."""
        try:
            urlsplit(self.url)
        except ValueError as error:
            raise LabError(f"not an address: {error}", hint="look at the image's url in the site") from error
        if urlsplit(self.url).scheme not in ("http", "https", "file") or self._ending not in _KINDS:
            raise LabError(
                "not the address of a disk image",
                where=self.shown_url,
                hint="http, https or file, ending in .qcow2, .img, .raw or .vmdk",
            )
        digits = _DIGITS.get(self.algorithm)
        if digits is None or not re.fullmatch(f"[0-9a-f]{{{digits}}}", self.checksum):
            raise LabError(
                f"not a {self.algorithm} checksum", where=self.shown_url, hint="sha256 or sha512, in hexadecimal"
            )

    @property
    def key(self) -> str:
        """What files about it are named after."""
        return f"{self.checksum[:32]}-{self.kind}"

    @property
    def name(self) -> str:
        """As a person knows it: the last part of its address."""
        return unquote(urlsplit(self.url).path).rpartition("/")[2]

    @property
    def shown_url(self) -> str:
        """The address without what may be secret in it: a login, a signed query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def kind(self) -> str:
        """The format that Proxmox VE takes it for: qcow2, raw or vmdk."""
        return _KINDS[self._ending]

    @property
    def file_name(self) -> str:
        return f"{self.checksum[:32]}.{self.kind}"

    @property
    def _ending(self) -> str:
        return urlsplit(self.url).path.rpartition(".")[2]


def check_kind(pin: Pin, file: Path) -> None:
    """Raises LabError where the file is of another format than its name says: Proxmox VE goes by the name."""
    with file.open("rb") as image:
        start = image.read(4)
    found = next((kind for kind, magic in _MAGIC.items() if start == magic), "raw")
    if found != pin.kind:
        raise LabError(
            f"by its name a {pin.kind} image, by its content {found}: Proxmox VE would not import it",
            where=pin.shown_url,
            hint=f"pin the {pin.kind} image of its publisher, or a copy whose name ends in .{found}",
        )
