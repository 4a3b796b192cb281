"""What a call is refused with: Proxmox answers every failure as a status, a reason phrase and a small body."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal in Proxmox's words. Most failures, "not found" included, are a 500 with the words as reason.

    ``errors`` maps parameters to what is wrong with them. ``is_bare`` answers without a body at all (401 and the
    faults that Proxmox's HTTP server raises before it has a formatter).
    """

    def __init__(
        self, message: str, *, status: int = 500, errors: Mapping[str, str] | None = None, is_bare: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message.rstrip("\n")
        self.status = status
        self.errors = dict(errors or {})
        self.is_bare = is_bare


def refuse_parameters(errors: Mapping[str, str]) -> ApiError:
    """400: what is wrong with which parameter."""
    return ApiError("Parameter verification failed.", status=400, errors=errors)


def deny(what: str = "") -> ApiError:
    """403, naming path and privilege where Proxmox does."""
    return ApiError(f"Permission check failed ({what})" if what else "Permission check failed", status=403)


def unknown_method(method: str, path: str) -> ApiError:
    """501: no such path, or not with this method."""
    return ApiError(f"Method '{method} {path}' not implemented", status=501)
