"""What to do next, by Proxmox's own words: one table, first match wins. Every pattern is one of its own messages,
recorded or in its sources; ``{name}`` in a hint is a group of the pattern."""

from __future__ import annotations

import re

_TABLE: tuple[tuple[str, str], ...] = (
    (
        r"VM is locked \((?P<lock>[^)]*)\)",
        "wait until Proxmox has ended it ({lock}), then repeat; if nothing is running any more: `qm unlock VMID`",
    ),
    (r"checksum mismatch \(file change by other user", "someone changed this machine meanwhile: plan again"),
    (
        r"checksum mismatch: got|does not match expected checksum",
        "the file is not what its checksum says: compare the image's checksum with the one its publisher gives",
    ),
    (
        r"protection mode enabled",
        "the machine is protected: only `homeprod destroy --data NAME` takes that away",
    ),
    (
        r"VM \d+ already exists|config file already exists",
        "that VMID belongs to another machine: take another number, or write it into `taken` of the AddressPlan",
    ),
    (
        r"no space left|(not enough|insufficient) free space|out of space|disk quota exceeded|storage .*is full",
        "the storage is full: free some space on it, or choose another one",
    ),
    (
        r"not configured for content-type|does not (support|allow) .*(content|images)|content type .*(is not|needs)",
        "enable that content on the storage, beside the others:\n    pvesm set STORAGE --content images,iso,import",
    ),
    (
        r"storage '[^']*' (does not exist|is disabled|is not available)",
        "list the storages with `pvesm status` on the node, and compare with the site's datastores",
    ),
    (r"no such cluster node|hostname lookup '", "compare the node's name in the site with `pvecm nodes`"),
    (r"bridge '[^']*' does not exist", "make the bridge on the node, or name one that is there"),
    (r"no quorum", "too few nodes of the cluster are up: see `pvecm status`"),
    (
        r"download failed|unable to (connect|resolve)",
        "the node itself could not fetch it: check its network and the URL, or have homeprod upload the image",
    ),
    (
        r"VM quit/powerdown failed",
        "the guest did not power off in time: look at its console; `--force-stop` pulls the plug, data disks mounted",
    ),
    (r"shrinking disks is not supported", "a disk only grows; a smaller one is a new one"),
    (r"refusing to override existing file", "a file of that name is there already: delete it, or use it"),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), hint) for pattern, hint in _TABLE)


def find_hint(words: str) -> str:
    """The next step for these words; empty where the words say enough."""
    for pattern, hint in _COMPILED:
        if found := pattern.search(words):
            return hint.format(**found.groupdict()) if found.groupdict() else hint
    return ""
