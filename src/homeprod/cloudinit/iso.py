"""The NoCloud ISO: a CD labelled ``cidata`` with user-data, meta-data and network-config."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO

import pycdlib

from homeprod.cloudinit.network import Card, render_network_config
from homeprod.cloudinit.userdata import Guest, render_meta_data, render_user_data
from homeprod.core.errors import HomeprodError
from homeprod.core.secret import find_secret

FORMAT = 1
"""Counts up whenever the files made from the same values change; a test holds it against the files themselves."""


def render_files(guest: Guest, card: Card) -> dict[str, bytes]:
    """The three files by name. Raises HomeprodError if one looks as if it held a secret."""
    files = {
        "user-data": render_user_data(guest).encode(),
        "meta-data": render_meta_data(guest).encode(),
        "network-config": render_network_config(card).encode(),
    }
    for name, data in files.items():
        if found := find_secret(data):
            raise HomeprodError(
                f"the cloud-init file {name} looks as if it held {found}",
                where=f"vm/{guest.name}",
                hint="whoever reads the hypervisor's storage reads this file; bring secrets by Ansible instead",
            )
    return files


def name_iso(site_id: str, guest: Guest, card: Card) -> str:
    """``homeprod-<site id, 8>-<name>-<hash>.iso``: by the name alone one knows what it holds.

    The hash is over what the files are made from, and :data:`FORMAT`: a plan names a thousand ISOs and builds none.
    """
    digest = hashlib.sha256(f"{FORMAT} {guest!r} {card!r}".encode()).hexdigest()
    return f"homeprod-{site_id[:8]}-{guest.name}-{digest[:12]}.iso"


def build_iso(files: Mapping[str, bytes]) -> bytes:
    """The ISO's bytes (ISO 9660 with Joliet and Rock Ridge, so that names keep their dashes and case)."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident="cidata")
    for number, (name, data) in enumerate(sorted(files.items())):
        iso.add_fp(BytesIO(data), len(data), f"/F{number}.;1", rr_name=name, joliet_path=f"/{name}")
    image = BytesIO()
    iso.write_fp(image)
    iso.close()
    return image.getvalue()
