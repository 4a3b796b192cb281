"""Parameter verification says what Proxmox's own code says, for 9.x and for 8.4, word for word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.recorded_replay import find_vectors

from homeprod.lab.api.calls import ROUTES
from homeprod.lab.api.error import ApiError
from homeprod.lab.api.routing import Router
from homeprod.lab.api.schema import Release, verify_object

# Several mistakes in one property string come in the order of Perl's hash, which is random.
UNORDERED = {'{"intel-tdx": "foo"}'}


def recorded() -> Iterator[tuple[Release, str, str, dict[str, Any], dict[str, str]]]:
    folder = find_vectors()
    assert folder is not None
    for line in (folder / "proxmox-forms.jsonl").read_text().splitlines():
        row = json.loads(line)
        if not row["area"].startswith("api-verify"):
            continue
        method, path = row["area"].split(" ")[1:]
        path = path if path.startswith("/") else f"/nodes/{{node}}/qemu/{{vmid}}/{path}"
        errors = row.get("errors") or {}
        if row["source"].startswith("qemu-server 9"):
            yield (9, 2), method, path, row["input"], errors
        if "8.3.12" in row["source"]:
            yield (8, 4), method, path, row["input"], errors


def complete(params: dict[str, Any], errors: dict[str, str]) -> dict[str, Any]:
    return {"node": "pve", **({} if "vmid" in errors else {"vmid": "100"}), **params}


def test_verification_agrees_with_recorded() -> None:
    if find_vectors() is None:
        pytest.skip("no recorded answers here: set HOMEPROD_VECTORS to the folder with proxmox-forms.jsonl")
    router, compared, differing = Router(ROUTES), 0, []
    for release, method, path, params, errors in recorded():
        try:
            endpoint, _ = router.find(method, path.replace("{node}", "pve").replace("{vmid}", "100"))
        except ApiError:
            continue  # not one of the lab's calls
        ours = verify_object(endpoint.table, complete(params, errors), release)
        compared += 1
        if ours != errors and json.dumps(params) not in UNORDERED:
            differing.append((release, params, errors, ours))
    assert differing == []
    assert compared > 1900
