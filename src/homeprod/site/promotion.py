"""Promotion: what a revision needs before machines of an environment are brought to it."""

from __future__ import annotations

from pydantic import Field, field_validator

from homeprod.site.declared import Declared


class Promotion(Declared):
    """A gate before the environment: its control node brings machines to a revision only where each that it changes
    was tried, within ``fresh_days``, or somebody signed an emergency. They follow one another in the order in which
    the hypervisor starts them, those of ``canary`` (names) first; the first that fails stops the rest."""

    fresh_days: int = Field(default=14, ge=1, le=365)
    canary: tuple[str, ...] = ()

    @field_validator("canary")
    @classmethod
    def _check_canary(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice} stands there twice")
        return names
