"""Who may do what: users, API tokens, tickets, and the privileges granted at paths."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from homeprod.lab.api.error import ApiError, deny
from homeprod.lab.api.privileges import list_privileges
from homeprod.lab.api.schema import Release

TICKET_SECONDS = 7200
ROOT = "root@pam"
Grants = dict[str, frozenset[str]]
"""Path of the access tree to the privileges held there and below."""

_TOKEN_ID = re.compile(r"(?P<user>[^\s:/!]+@[A-Za-z][A-Za-z0-9.\-_]+)!(?P<name>[A-Za-z][A-Za-z0-9.\-_]+)\Z")


@dataclass(slots=True)
class User:
    id: str
    password: str = ""
    is_enabled: bool = True
    grants: Grants = field(default_factory=dict)


@dataclass(slots=True)
class Token:
    """``is_separated`` is Proxmox's privilege separation: only what the token and its user both hold counts."""

    id: str
    secret: str
    is_separated: bool = True
    grants: Grants = field(default_factory=dict)

    @property
    def user(self) -> str:
        return self.id.partition("!")[0]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: ``root@pam`` or ``root@pam!homeprod``. A token of root is not root itself."""

    id: str

    @property
    def user(self) -> str:
        return self.id.partition("!")[0]

    @property
    def is_root(self) -> bool:
        return self.id == ROOT

    @property
    def is_token(self) -> bool:
        return "!" in self.id


class AccessControl:
    """The lab's users and tokens. Privileges on a deeper path replace those from above, as Proxmox's do."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._key = secrets.token_bytes(32)
        self._everything = list_privileges(release)
        self.users: dict[str, User] = {ROOT: User(ROOT)}
        self.tokens: dict[str, Token] = {}
        self.pools: dict[int | str, str] = {}
        """Member (a VMID, or a storage's name) to pool: kept here because pools grant privileges."""

    def add_user(self, user: str, password: str, grants: Mapping[str, frozenset[str]] | None = None) -> None:
        self.users[user] = User(user, password, grants=dict(grants or {}))

    def add_token(
        self,
        token: str,
        secret: str,
        grants: Mapping[str, frozenset[str]] | None = None,
        *,
        is_separated: bool = True,
    ) -> None:
        """``grants`` counts for a separated token only; one that is not holds what its user holds."""
        self.tokens[token] = Token(token, secret, is_separated, dict(grants or {}))

    # --- who calls ---------------------------------------------------------------------------------------------

    def identify(self, authorization: str, cookie: str, method: str, csrf: str) -> Identity:
        """The caller behind a request's headers. Raises ApiError 401, which Proxmox sends without a body."""
        header = re.match(r"PVEAPIToken[= ](.*)\Z", authorization)
        if header:
            return self._identify_token(unquote(header[1]))
        if not cookie:
            raise _unauthorized("No ticket")
        identity = self._identify_ticket(unquote(cookie))
        if method != "GET" and not self.verify_csrf(identity, csrf):
            raise _unauthorized("Permission denied - invalid csrf token")
        return identity

    def _identify_token(self, text: str) -> Identity:
        token_id, separator, secret = text.partition("=")
        match = _TOKEN_ID.match(token_id)
        if not separator or match is None:
            raise self._refuse("no tokenid specified")
        if match["user"] not in self.users:
            raise self._refuse(f"no such user ('{match['user']}')")
        token = self.tokens.get(token_id)
        if token is None:
            raise self._refuse(f"no such token '{match['name']}' for user '{match['user']}'")
        if not hmac.compare_digest(token.secret, secret):
            raise self._refuse("invalid token value!")
        return Identity(token_id)

    def _identify_ticket(self, ticket: str) -> Identity:
        match = re.fullmatch(r"PVE:([^:]+):([0-9A-F]{8})::(.+)", ticket)
        if match is None or not self._is_signed(f"PVE:{match[1]}:{match[2]}", match[3]):
            raise self._refuse("permission denied - invalid PVE ticket")
        age = time.time() - int(match[2], 16)
        if not -300 <= age <= TICKET_SECONDS or match[1] not in self.users:
            raise self._refuse("permission denied - invalid PVE ticket")
        return Identity(match[1])

    def _refuse(self, words: str) -> ApiError:
        """9 stopped telling a stranger what exactly was wrong; 8 says it."""
        return _unauthorized("Authentication failed!" if self._release >= (9, 0) else words)

    # --- tickets -----------------------------------------------------------------------------------------------

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode().rstrip("=")

    def _is_signed(self, text: str, signature: str) -> bool:
        return hmac.compare_digest(self._sign(text), signature)

    def log_in(self, username: str, password: str) -> User:
        """Raises ApiError 401. A ticket stands for its own password, as clients use it to renew."""
        user = self.users.get(username)
        if user is None or not user.is_enabled:
            raise ApiError("authentication failure", status=401)
        is_right = bool(user.password) and hmac.compare_digest(user.password.encode(), password.encode())
        if not is_right and not self._renews(user, password):
            raise ApiError("authentication failure", status=401)
        return user

    def _renews(self, user: User, ticket: str) -> bool:
        try:
            return self._identify_ticket(ticket).id == user.id
        except ApiError:
            return False

    def make_ticket(self, user: User) -> str:
        text = f"PVE:{user.id}:{int(time.time()):08X}"
        return f"{text}::{self._sign(text)}"

    def make_csrf(self, user: User | Identity) -> str:
        stamp = f"{int(time.time()):08X}"
        return f"{stamp}:{self._sign(f'{stamp}:{user.id}')}"

    def verify_csrf(self, identity: Identity, token: str) -> bool:
        stamp, _, signature = token.partition(":")
        return bool(signature) and self._is_signed(f"{stamp}:{identity.id}", signature)

    # --- privileges --------------------------------------------------------------------------------------------

    def privileges(self, who: Identity, path: str) -> frozenset[str]:
        """What ``who`` holds at ``path`` of the access tree."""
        user = self._held(self.users[who.user].grants, path) if who.user != ROOT else self._everything
        token = self.tokens.get(who.id)
        if token is None or not token.is_separated:
            return user
        return self._held(token.grants, path) & user

    def _held(self, grants: Grants, path: str) -> frozenset[str]:
        own = _inherit(grants, path)
        return own | _inherit(grants, f"/pool/{pool}") if (pool := self._pool_of(path)) else own

    def _pool_of(self, path: str) -> str | None:
        if not self.pools:
            return None
        kind, _, name = path.lstrip("/").partition("/")
        if kind == "vms" and name.isdigit():
            return self.pools.get(int(name))
        return self.pools.get(name) if kind == "storage" else None

    def holds(self, who: Identity, path: str, *needed: str, any_of: bool = False) -> bool:
        held = self.privileges(who, path)
        return any(p in held for p in needed) if any_of else all(p in held for p in needed)

    def require(self, who: Identity, path: str, *needed: str, any_of: bool = False) -> None:
        """Raises ApiError 403 naming path and privilege as Proxmox does."""
        if not self.holds(who, path, *needed, any_of=any_of):
            held = self.privileges(who, path)
            raise deny(f"{path}, {('|' if any_of else ', ').join(p for p in needed if any_of or p not in held)}")

    def list_permissions(self, who: Identity, path: str | None = None) -> dict[str, dict[str, int]]:
        """``/access/permissions``: path to privilege to 1, for the paths that matter to the caller."""
        paths = [path] if path else sorted(self._paths(who))
        held = {p: dict.fromkeys(sorted(self.privileges(who, p)), 1) for p in paths}
        return {p: names for p, names in held.items() if names or path}

    def _paths(self, who: Identity) -> set[str]:
        paths = {"/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"}
        paths |= self.users[who.user].grants.keys()
        token = self.tokens.get(who.id)
        return paths | (token.grants.keys() if token else set())


def _inherit(grants: Grants, path: str) -> frozenset[str]:
    while path not in grants:
        if path == "/":
            return frozenset()
        path = path.rpartition("/")[0] or "/"
    return grants[path]


def _unauthorized(words: str) -> ApiError:
    return ApiError(words, status=401, is_bare=True)
