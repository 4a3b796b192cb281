"""Just enough of QEMU's qcow2 format for a lab without QEMU: make a small image, read any plain one.

Written after QEMU's own description, docs/interop/qcow2.txt. Backing files and encryption are refused.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_FEATURES_END = 80
_OFFSET = 0x00FFFFFFFFFFFE00
_COPIED = 1 << 63
_COMPRESSED = 1 << 62


class ImageError(ValueError):
    """Not a qcow2 image that can be read here."""


def is_qcow2(file: Path) -> bool:
    with file.open("rb") as image:
        return image.read(4) == MAGIC


def is_for_qemu(file: Path) -> bool:
    """Whether only QEMU itself can read this qcow2 image (zstd, extended tables), and safely: it names no other file
    that QEMU would read too."""
    with file.open("rb") as image:
        raw = image.read(_FEATURES_END)
    return _read_features(raw) in (8, 16, 24) and not _HEADER.unpack(raw[: _HEADER.size])[2]


def _read_features(header: bytes) -> int:
    """``incompatible_features``: 4 data in another file, 8 another compression, 16 extended tables. A dirty bit (1)
    does not matter to who only reads."""
    version = int.from_bytes(header[4:8], "big")
    return int.from_bytes(header[72:_FEATURES_END], "big") & ~1 if version >= 3 else 0


def read_virtual_size(file: Path) -> int:
    """The size in bytes of the disk inside. Raises ImageError."""
    with file.open("rb") as image:
        return _read_header(image)[0]


def _read_header(image: BinaryIO) -> tuple[int, int, int, int]:
    """Virtual size, cluster bits, L1 entries, L1 offset."""
    raw = image.read(_FEATURES_END)
    if len(raw) < _FEATURES_END or raw[:4] != MAGIC:
        raise ImageError("Image is not in qcow2 format")
    _, version, backing, _, bits, size, crypt, l1_size, l1_offset, *_rest = _HEADER.unpack(raw[: _HEADER.size])
    if version not in (2, 3) or backing or crypt or not 9 <= bits <= 21 or _read_features(raw):
        raise ImageError("qcow2 images with another file, encryption or an unknown version cannot be read here")
    return size, bits, l1_size, l1_offset


def read_clusters(file: Path) -> Iterator[tuple[int, bytes]]:
    """Offset and content of each cluster that holds data; everything else reads as zeros. Raises ImageError."""
    with file.open("rb") as image:
        size, bits, l1_size, l1_offset = _read_header(image)
        cluster = 1 << bits
        for index, l2_entry in enumerate(_read_table(image, l1_offset, l1_size)):
            if not l2_entry & _OFFSET:
                continue
            base = index * (cluster // 8) * cluster
            for number, entry in enumerate(_read_table(image, l2_entry & _OFFSET, cluster // 8)):
                offset = base + number * cluster
                content = _read_cluster(image, entry, bits)
                if content and offset < size:
                    yield offset, content[: size - offset]


def _read_table(image: BinaryIO, offset: int, entries: int) -> tuple[int, ...]:
    image.seek(offset)
    raw = image.read(entries * 8)
    if len(raw) < entries * 8:
        raw = raw.ljust(entries * 8, b"\0")
    return struct.unpack(f">{entries}Q", raw)


def _read_cluster(image: BinaryIO, entry: int, bits: int) -> bytes:
    if entry & _COMPRESSED:
        return _inflate(image, entry, bits)
    if not entry & _OFFSET or entry & 1:
        return b""
    image.seek(entry & _OFFSET)
    return image.read(1 << bits)


def _inflate(image: BinaryIO, entry: int, bits: int) -> bytes:
    shift = 62 - (bits - 8)
    offset = entry & ((1 << shift) - 1)
    sectors = ((entry & (_COMPRESSED - 1)) >> shift) + 1
    image.seek(offset)
    raw = image.read(sectors * 512 - offset % 512)
    return zlib.decompressobj(-12).decompress(raw, 1 << bits)


def write_qcow2(file: Path, content: bytes) -> None:
    """A version 3 image of ``content`` (whole clusters of 64 KiB, at most 512 MiB), as QEMU itself reads it."""
    clusters = len(content) // _CLUSTER
    if len(content) % _CLUSTER or clusters > _CLUSTER // 8:
        raise ImageError("content must be whole clusters that one table can hold")
    # Cluster 0 header, 1 refcount table, 2 refcount block, 3 L1, 4 L2, then the data.
    total = 5 + clusters
    header = _HEADER.pack(
        MAGIC, 3, 0, 0, _CLUSTER_BITS, len(content), 0, 1, 3 * _CLUSTER, _CLUSTER, 1, 0, 0
    ) + struct.pack(">QQQII", 0, 0, 0, 4, 104)
    refcounts = struct.pack(f">{total}H", *[1] * total)
    l2 = struct.pack(f">{clusters}Q", *((5 + n) * _CLUSTER | _COPIED for n in range(clusters)))
    tables = (header, struct.pack(">Q", 2 * _CLUSTER), refcounts, struct.pack(">Q", 4 * _CLUSTER | _COPIED), l2)
    file.write_bytes(b"".join(part.ljust(_CLUSTER, b"\0") for part in tables) + content)
