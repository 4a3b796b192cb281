"""Upkeep: how an environment's machines are kept as their playbook says."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from homeprod.site.declared import Declared

Policy = Literal["report", "converge"]
_HOUR = r"([01][0-9]|2[0-3]):[0-5][0-9]"


class Upkeep(Declared):
    """``every`` so many minutes (of 5 to a week) the control node fetches, and asks each machine what a run would
    change there. ``policy`` says what comes of it: ``report`` tells, ``converge`` runs. A run of that kind begins in
    the ``window`` alone, where one is set: hours in the site's time zone, ``"02:00-05:00"``, over midnight too."""

    forms: ClassVar[Mapping[str, str]] = {"window": "no window, which is written as two hours: 02:00-05:00"}
    every: int = Field(default=60, ge=5, le=7 * 24 * 60)
    policy: Policy = "report"
    window: str = Field(default="", pattern=rf"^({_HOUR}-{_HOUR})?$")

    @field_validator("window")
    @classmethod
    def _check_window(cls, window: str, info: ValidationInfo) -> str:
        begin, _, end = window.partition("-")
        if window and begin == end:
            raise ValueError(f"{window} begins when it ends", "leave window= out, where any hour will do")
        if window and info.data.get("policy") == "report":
            message = "says when runs may begin, and with this policy none does"
            raise ValueError(message, 'write\n\n  policy="converge"')
        return window

    @property
    def is_default(self) -> bool:
        return (self.every, self.policy, self.window) == (60, "report", "")


def require_time_zone(name: str) -> str:
    """Raises ValueError where IANA's list has no such time zone; empty is none."""
    if name and name not in zoneinfo.available_timezones():
        raise ValueError(f"{name!r} is no time zone of IANA's list, such as Europe/Berlin")
    return name
