"""Sends by Apprise, which knows a hundred services by their addresses. What it says is heard by nobody."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import apprise
from apprise import AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode

from homeprod.core.errors import UsageError
from homeprod.notices.targets import Target

SECONDS = 60.0
"""In which a target has to take a notice; all are told at once."""


@dataclass(frozen=True, slots=True)
class Letter:
    title: str
    body: str


class _Delivery(threading.Thread):
    """One target's. A daemon thread: what hangs holds up no end."""

    def __init__(self, target: Target, letter: Letter, service: apprise.Apprise) -> None:
        super().__init__(name=f"notice of {target.name}", daemon=True)
        self.target, self._letter, self._service = target, letter, service
        self.was_taken = False

    def run(self) -> None:
        try:
            self.was_taken = bool(
                self._service.notify(
                    body=self._letter.body,
                    title=self._letter.title,
                    notify_type=NotifyType.INFO,
                    body_format=NotifyFormat.TEXT,
                )
            )
        except Exception:  # noqa: BLE001 (whatever it is: its words hold the address)
            self.was_taken = False


def open_services(targets: Sequence[Target], where: str) -> dict[Target, apprise.Apprise]:
    """Raises UsageError where Apprise does not know an address; asks nobody."""
    _silence()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # its plugins are loaded by the first; what they warn of is their makers' matter
        return {target: _open(target, where) for target in targets}


def send(
    letters: Mapping[Target, Letter], services: Mapping[Target, apprise.Apprise]
) -> Iterator[tuple[Target, bool]]:
    """Each target, and whether it took its letter."""
    deliveries = [_Delivery(target, letter, services[target]) for target, letter in letters.items()]
    for delivery in deliveries:
        delivery.start()
    end = time.monotonic() + SECONDS
    for delivery in deliveries:
        delivery.join(max(end - time.monotonic(), 0))
        yield delivery.target, delivery.was_taken


def _open(target: Target, where: str) -> apprise.Apprise:
    service = apprise.Apprise(asset=_make_asset())
    is_known = False
    try:
        is_known = bool(service.add(target.url))
    except Exception:  # noqa: BLE001 (as above)
        is_known = False
    if not is_known:
        hint = "see how Apprise writes that service's address\n    https://github.com/caronc/apprise/wiki"
        raise UsageError("that is no address that Apprise knows", where=f"{where}:{target.line}", hint=hint) from None
    return service


def _make_asset() -> AppriseAsset:
    """Nothing is kept on the disk, no plugin is loaded from it, and no key is made there."""
    return AppriseAsset(
        app_id="homeprod", app_desc="homeprod", storage_mode=PersistentStoreMode.MEMORY, pem_autogen=False,
        pgp_autogen=False, secure_logging=True,
    )  # fmt: skip


def _silence() -> None:
    """Apprise tells its log what fails, and Python prints a log that nobody asked for."""
    for name in ("apprise", "urllib3", "requests"):
        log = logging.getLogger(name)
        log.handlers = [logging.NullHandler()]
        log.propagate = False
        log.setLevel(logging.CRITICAL + 1)
