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
    """A Proxmox VE cluster: the URL of its API, or those of several of its nodes, tried in this order; and the node
    that machines are placed on unless they say otherwise.

    Whom to believe is one of ``ca_file`` (a copy of the cluster's /etc/pve/pve-root-ca.pem, good for every node) and
    ``fingerprint`` (sha256 of the certificate; one for each endpoint); with neither, the system's certificate
    authorities. ``token_file`` holds the API token and is 0600; or ``user`` logs in, with the password that is in
    ``password_file`` (0600) or asked for. Paths are relative to the site's folder, or begin with ``~/``.
    """

    endpoint: str | tuple[str, ...]
    node: str
    ca_file: str = ""
    fingerprint: str | tuple[str, ...] = ""
    token_file: str = ""
    user: str = ""
    password_file: str = ""

    @property
    def endpoints(self) -> tuple[str, ...]:
        return (self.endpoint,) if isinstance(self.endpoint, str) else self.endpoint

    @property
    def fingerprints(self) -> tuple[str, ...]:
        if isinstance(self.fingerprint, str):
            return (self.fingerprint,) if self.fingerprint else ()
        return self.fingerprint

    @field_validator("endpoint", "fingerprint", mode="before")
    @classmethod
    def _check_kind(cls, value: object) -> object:
        """In words of its own: pydantic would report each of the two kinds apart."""
        several = value if isinstance(value, (tuple, list)) else (value,)
        if not all(isinstance(one, str) for one in several):
            raise ValueError("must be a text, or several in brackets")
        return value

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, endpoint: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(endpoint, str):
            return _check_url(endpoint)
        if not endpoint:
            raise ValueError("needs one URL at least")
        found = tuple(_check_url(one) for one in endpoint)
        if twice := next((one for one in found if found.count(one) > 1), None):
            raise ValueError(f"{twice} stands there twice")
        return found

    @field_validator("node")
    @classmethod
    def _check_node(cls, node: str) -> str:
        if not _NODE.fullmatch(node):
            raise ValueError(f"{node!r} is no node name")
        return node

    @field_validator("fingerprint")
    @classmethod
    def _check_fingerprint(cls, fingerprint: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for one in (fingerprint,) if isinstance(fingerprint, str) else fingerprint:
            digits = one.replace(":", "")
            if (one or not isinstance(fingerprint, str)) and not re.fullmatch(r"[0-9A-Fa-f]{64}", digits):
                kind = "a sha1 fingerprint" if re.fullmatch(r"[0-9A-Fa-f]{40}", digits) else "no fingerprint"
                raise ValueError(f"{kind}; a sha256 one has 64 hexadecimal digits (`pvenode cert info` on the node)")
        return fingerprint

    @field_validator("user")
    @classmethod
    def _check_user(cls, user: str) -> str:
        if user and not re.fullmatch(r"[^\s:/!=@]+@[A-Za-z][A-Za-z0-9._-]+", user):
            raise ValueError(f"{user!r} is no user of Proxmox, such as root@pam or you@pve")
        return user

    @field_validator("token_file")
    @classmethod
    def _check_token_file(cls, token_file: str) -> str:
        if re.search(r"@[^/]*!.*=", token_file):  # not shown: it is a secret
            raise ValueError("that is a token itself; write it to a file (mode 0600) and name the file here")
        return token_file

    @field_validator("ca_file", "token_file", "password_file")
    @classmethod
    def _check_home(cls, file: str) -> str:
        if file.startswith("~") and not file.startswith("~/"):
            raise ValueError("a path begins with ~/, or is relative to the site's folder, or absolute")
        return file


def _check_url(endpoint: str) -> str:
    if not re.fullmatch(r"https://[^/@\s,]+(:\d+)?/?", endpoint):
        raise ValueError(f"{endpoint!r} is no https URL of a host, such as https://proxmox.example:8006")
    return endpoint.rstrip("/")


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
