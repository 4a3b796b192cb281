"""The error tree. Every error a person sees is one of these; foreign errors are mapped at the border.

    HomeprodError            message, where, hint
    ├── MistakesError        what a person wrote is wrong (core.diagnostic: it carries diagnostics)
    │   ├── SiteError        the site's definition
    │   └── WrongAppsError   the app repository
    ├── AppsError            the app repository cannot be read, or what it says cannot be published
    ├── UsageError           the command line is wrong (exit 64)
    ├── DeclinedError        a person said no
    ├── StalePlanError       what the plan was decided from has moved
    ├── LeaseError           somebody else acts on the site now, or the lease was lost
    ├── LabError             the embedded lab cannot do what was asked
    ├── ControlError         the control node, or a part of it, cannot do what was asked
    │   └── UnreachableError nobody answers at its door: repeating it may help
    ├── CertificateError     a certificate cannot be had, or is not what it must be; the one before is left alone
    └── ProxmoxError         Proxmox refused, or a task of its failed: repeating it will not help
        ├── NotFoundError    what was named is not there
        ├── DeniedError      the token may not do this
        └── TransientError   repeating it may help: lock time-outs, 5xx, 595/596/599, no connection

Transient and terminal are different types on purpose: the engine retries the one and never the other.
"""

from __future__ import annotations


class HomeprodError(Exception):
    """What went wrong (``message``), where (address, file:line or URL) and what to do next (``hint``).

    ``message`` is lower-case, without a full stop. ``hint`` may hold several lines; a command to copy stands
    on a line of its own.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(HomeprodError):
    """The command line does not fit; exit code 64 (EX_USAGE of sysexits.h)."""


class DeclinedError(HomeprodError):
    """A person was asked and said no, or could not be asked."""


class StalePlanError(HomeprodError):
    """What the plan was decided from is no longer so; nothing was done."""


class LeaseError(HomeprodError):
    """Somebody else acts on this site now, or has taken over what we held; nothing more was written."""


class LabError(HomeprodError):
    """The embedded lab cannot do what was asked."""


class ControlError(HomeprodError):
    """The control node, or a part of it, cannot do what was asked; nothing was changed."""


class UnreachableError(ControlError):
    """Nobody answers at the control node's door, or the connection broke; repeating it may help."""


class CertificateError(HomeprodError):
    """A certificate, a request for one, or who gives them is not as it must be; what is served stays as it is."""


class AppsError(HomeprodError):
    """The app repository cannot be read, or what it says cannot be published; no branch was moved."""


class PromotionError(HomeprodError):
    """A revision of the playbook repository cannot be compared, tried or promoted; no branch was moved."""


class ProxmoxError(HomeprodError):
    """Proxmox refused, or one of its tasks failed; repeating the same thing will not help."""


class NotFoundError(ProxmoxError):
    """What was named is not there (Proxmox says so with a 500, or a 404)."""


class DeniedError(ProxmoxError):
    """The token is unknown, expired, or lacks a privilege."""


class TransientError(ProxmoxError):
    """Repeating it may help: a lock time-out, a proxy hop that failed (595, 596, 599), no connection."""
