"""Volume names as Proxmox's storage plugins read them: what kind of thing a volume is, and who owns it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from homeprod.lab.api.error import ApiError
from homeprod.lab.spec import StorageSpec

_ISO = re.compile(r"iso/([^/]+\.(?:iso|img))\Z", re.IGNORECASE)
_TEMPLATE = re.compile(r"vztmpl/([^/]+\.tar\.(?:gz|xz|zst|bz2))\Z")
_IMPORT = re.compile(r"import/([^/]+\.(ova|ovf|qcow2|raw|vmdk))\Z")
_SNIPPET = re.compile(r"snippets/([^/]+)\Z")
_BACKUP = re.compile(r"backup/([^/]+\.(?:tgz|tar(?:\.(?:gz|lzo|zst))?|vma(?:\.(?:gz|lzo|zst))?))\Z")
_FILE_IMAGE = re.compile(r"(\d+)/([^/\s]+\.(raw|qcow2|vmdk|subvol))\Z")
_BLOCK_IMAGE = re.compile(r"(vm|base)-(\d+)-\S+\Z")
FOLDERS = {"iso": "template/iso", "vztmpl": "template/cache", "import": "import", "snippets": "snippets"}
"""Where a directory storage keeps each kind of file, below its own path."""


@dataclass(frozen=True, slots=True)
class VolumeName:
    """``name`` is the volume's own name without storage and folder; ``owner`` the VMID in it, None for files."""

    content: str
    name: str
    format: str
    owner: int | None = None

    @property
    def is_base(self) -> bool:
        return self.owner is not None and self.name.startswith("base-")


def split_volume(volume: str) -> tuple[str, str]:
    """``STORAGE:NAME`` in two."""
    storage, _, name = volume.partition(":")
    return storage, name


def parse_name(storage: StorageSpec, name: str) -> VolumeName:
    """Raises ApiError in the words of the storage's plugin."""
    return _parse_file(name) if storage.kind == "dir" else _parse_block(storage, name)


def _parse_block(storage: StorageSpec, name: str) -> VolumeName:
    match = _BLOCK_IMAGE.match(name)
    if match is None:
        kind = "lvm" if storage.kind.startswith("lvm") else storage.kind
        raise ApiError(f"unable to parse {kind} volume name '{name}'")
    return VolumeName("images", name, "raw", int(match[2]))


def _parse_file(name: str) -> VolumeName:
    if match := _FILE_IMAGE.match(name):
        return VolumeName("images", match[2], match[3], int(match[1]))
    if match := _ISO.match(name):
        return VolumeName("iso", match[1], "iso")
    if match := _IMPORT.match(name):
        return VolumeName("import", match[1], match[2])
    if match := _TEMPLATE.match(name):
        return VolumeName("vztmpl", match[1], "t" + match[1].rpartition(".")[2])
    if match := _SNIPPET.match(name):
        return VolumeName("snippets", match[1], "snippet")
    if match := _BACKUP.match(name):
        return VolumeName("backup", match[1], match[1].partition(".")[2])
    raise ApiError(f"unable to parse directory volume name '{name}'")


def root_of(storage: StorageSpec) -> str:
    """The path that Proxmox would show for the storage. Nothing is kept there: it is only ever printed."""
    return "/var/lib/vz" if storage.name == "local" else f"/mnt/{storage.name}"


def shown_path(storage: StorageSpec, name: str) -> str:
    """The path of a volume as Proxmox would print it."""
    parsed = parse_name(storage, name)
    if storage.kind != "dir":
        return f"/dev/{storage.name}/{parsed.name}"
    if parsed.owner is not None:
        return f"{root_of(storage)}/images/{parsed.owner}/{parsed.name}"
    return f"{root_of(storage)}/{FOLDERS.get(parsed.content, 'dump')}/{parsed.name}"


def name_of_path(storage: StorageSpec, path: str) -> str | None:
    """The volume name behind a path that ``shown_path`` prints, or None."""
    root = root_of(storage) + "/"
    if storage.kind != "dir" or not path.startswith(root):
        return None
    folder, _, file = path[len(root) :].rpartition("/")
    for content, known in FOLDERS.items():
        if folder == known:
            return f"{content}/{file}"
    return f"{folder.removeprefix('images/')}/{file}" if folder.startswith("images/") else None


def image_name(
    storage: StorageSpec, owner: int, number: int | str, image_format: str, *, is_base: bool = False
) -> str:
    """The volume name of a new image: ``100/vm-100-disk-0.raw`` or ``vm-100-disk-0``."""
    stem = f"{'base' if is_base else 'vm'}-{owner}-{number if isinstance(number, str) else f'disk-{number}'}"
    return f"{owner}/{stem}.{image_format}" if storage.kind == "dir" else stem
