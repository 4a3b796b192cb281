"""Where machines live: the cluster, its datastores, and the images they are made from."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator, model_validator

from homeprod.site.declared import Declared

_NODE = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?")
_STORAGE = re.compile(r"[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]")
_DIGEST = {"sha256": 64, "sha512": 128}


class Cluster(Declared):
    """A Proxmox VE cluster: the URL of its API and the node that machines are placed on unless they say otherwise.

    Whom to believe is one of ``ca_file`` (a copy of the cluster's /etc/pve/pve-root-ca.pem) and ``fingerprint``
    (sha256 of the certificate); with neither, the system's certificate authorities. ``token_file`` holds the API
    token and is 0600. Paths are relative to the site's folder, or begin with ``~/``.
    """

    endpoint: str
    node: str
    ca_file: str = ""
    fingerprint: str = ""
    token_file: str = ""

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, endpoint: str) -> str:
        if not re.fullmatch(r"https://[^/@\s]+(:\d+)?/?", endpoint):
            raise ValueError(f"{endpoint!r} is no https URL of a host, such as https://proxmox.example:8006")
        return endpoint.rstrip("/")

    @field_validator("node")
    @classmethod
    def _check_node(cls, node: str) -> str:
        if not _NODE.fullmatch(node):
            raise ValueError(f"{node!r} is no node name")
        return node

    @field_validator("fingerprint")
    @classmethod
    def _check_fingerprint(cls, fingerprint: str) -> str:
        digits = fingerprint.replace(":", "")
        if fingerprint and not re.fullmatch(r"[0-9A-Fa-f]{64}", digits):
            kind = "a sha1 fingerprint" if re.fullmatch(r"[0-9A-Fa-f]{40}", digits) else "no fingerprint"
            raise ValueError(f"{kind}; a sha256 one has 64 hexadecimal digits (`pvenode cert info` on the node)")
        return fingerprint

    @field_validator("token_file")
    @classmethod
    def _check_token_file(cls, token_file: str) -> str:
        if re.search(r"@[^/]*!.*=", token_file):  # not shown: it is a secret
            raise ValueError("that is a token itself; write it to a file (mode 0600) and name the file here")
        return token_file

    @field_validator("ca_file", "token_file")
    @classmethod
    def _check_home(cls, file: str) -> str:
        if file.startswith("~") and not file.startswith("~/"):
            raise ValueError("a path begins with ~/, or is relative to the site's folder, or absolute")
        return file


class Datastore(Declared):
    """A storage of Proxmox by its name there; ``speed`` is a word for people."""

    name: str
    speed: str = ""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not _STORAGE.fullmatch(name):
            raise ValueError(f"{name!r} is no storage name")
        return name


class Image(Declared):
    """A cloud image: where it comes from, its checksum, and the release that it holds (``debian-13``).

    ``via`` says who brings it: ``fetch`` has the node download it, ``upload`` downloads it here (``url`` may then be
    a ``file://`` of this machine) and sends it through the API, for nodes without a way out."""

    release: str
    url: str
    checksum: str
    on: Datastore
    algorithm: Literal["sha256", "sha512"] = "sha256"
    via: Literal["fetch", "upload"] = "fetch"

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not re.fullmatch(r"(https?|file)://\S+\.(qcow2|img|raw|vmdk)", url):
            raise ValueError(f"{url!r} is no URL of a disk image (.qcow2, .img, .raw, .vmdk)")
        return url

    @model_validator(mode="after")
    def _check_way(self) -> Image:
        if self.url.startswith("file:") and self.via != "upload":
            raise ValueError("a file of this machine cannot be fetched by a node: say via='upload'")
        return self

    @field_validator("checksum")
    @classmethod
    def _check_checksum(cls, checksum: str) -> str:
        if not re.fullmatch(r"[0-9a-f]+", checksum) or len(checksum) not in _DIGEST.values():
            raise ValueError("not a sha256 or sha512 checksum in lower-case hexadecimal")
        return checksum
