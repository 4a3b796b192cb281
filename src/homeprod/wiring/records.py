"""Records of a site: whose are believed, and who signs new ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from homeprod.drivers.records import Records
from homeprod.drivers.recordsigner import KEY_VARIABLE, RecordSigner, open_record_signer
from homeprod.site.configured import find_control
from homeprod.site.people import Person
from homeprod.site.site import Site


def open_records(site: Site, node: str, clone: Path, remote: str = "origin") -> Records:
    """Those in ``clone``, as the control node ``node`` believes them."""
    return Records(clone, list_believed(site, node), remote)


def list_believed(site: Site, node: str) -> dict[str, tuple[str, ...]]:
    """The public keys of the people whose commits that control node believes, and whose records."""
    return {person.name: person.keys for person in _list_signers(site, node)}


def find_record_signer(site: Site, node: str, *, lab: str = "", env: Mapping[str, str] = os.environ) -> RecordSigner:
    """Signs as a person whose records that control node believes: with the key file that ``HOMEPROD_RING_KEY``
    names, and no other; else in a lab with the lab's own keys, elsewhere with ssh-agent. Raises UsageError where none
    fits."""
    people = _list_signers(site, node)
    files: list[Path] = []
    if lab and not env.get(KEY_VARIABLE):
        from homeprod.lab.folder import require_up

        folder = require_up(lab).keys
        files = [file for person in people if (file := folder / person.name).is_file()]
    return open_record_signer(list_believed(site, node), env, outside=site.root, files=files)


def _list_signers(site: Site, node: str) -> tuple[Person, ...]:
    control = find_control(site.machines[node].machine)
    return (control.signers or control.administrators) if control is not None else ()
