"""Sends by Apprise, which knows a hundred services by their addresses. What it says is heard by nobody."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import apprise
from apprise import AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode

from homeprod.notices.targets import Target

SECONDS = 60.0
"""In which a target has to take a notice; all are told at once."""
UNKNOWN = "is no address that Apprise knows"
UNREACHED = "was not reached, or refused"


@dataclass(frozen=True, slots=True)
class Letter:
    title: str
    body: str


def send(letters: Mapping[Target, Letter]) -> Iterator[tuple[Target, str]]:
    """Each target, and why it did not take its letter; empty where it did. One that fails keeps none from the
    others."""
    deliveries = [_Delivery(target, letter, service) for target, letter, service in _open_all(letters)]
    for delivery in deliveries:
        delivery.start()
    end = time.monotonic() + SECONDS
    for delivery in deliveries:
        delivery.join(max(end - time.monotonic(), 0))
        yield delivery.target, delivery.trouble


class _Delivery(threading.Thread):
    """One target's; ``trouble`` is empty where it took its letter. A daemon thread: what hangs holds up no end."""

    def __init__(self, target: Target, letter: Letter, service: apprise.Apprise | None) -> None:
        super().__init__(name=f"notice of {target.name}", daemon=True)
        self.target, self._letter, self._service = target, letter, service
        self.trouble = UNREACHED if service is not None else UNKNOWN

    def run(self) -> None:
        if self._service is None:
            return
        try:
            was_taken = bool(
                self._service.notify(
                    title=self._letter.title,
                    body=self._letter.body,
                    notify_type=NotifyType.INFO,
                    body_format=NotifyFormat.TEXT,
                )
            )
        except Exception:  # noqa: BLE001 (whatever it is: its words hold the address)
            was_taken = False
        self.trouble = "" if was_taken else UNREACHED


def _open_all(letters: Mapping[Target, Letter]) -> list[tuple[Target, Letter, apprise.Apprise | None]]:
    """Asks nobody."""
    _silence()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first loads its plugins; what they warn of is their makers' matter
        return [(target, letter, _open(target)) for target, letter in letters.items()]


def _open(target: Target) -> apprise.Apprise | None:
    """None where Apprise does not know the address."""
    service = apprise.Apprise(asset=_make_asset())
    try:
        return service if service.add(target.url) else None
    except Exception:  # noqa: BLE001 (as above)
        return None


def _make_asset() -> AppriseAsset:
    """Nothing is kept on the disk, no plugin is loaded from it, and no key is made there."""
    return AppriseAsset(
        app_id="homeprod",
        app_desc="homeprod",
        storage_mode=PersistentStoreMode.MEMORY,
        pem_autogen=False,
        pgp_autogen=False,
        secure_logging=True,
    )


def _silence() -> None:
    """Apprise tells its log what fails, and Python prints a log that nobody asked for."""
    for name in ("apprise", "urllib3", "requests"):
        log = logging.getLogger(name)
        log.handlers = [logging.NullHandler()]
        log.propagate = False
        log.setLevel(logging.CRITICAL + 1)
