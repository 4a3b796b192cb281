"""Report: what every answer for machines has in common, and what it is where something went wrong."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Literal[1] = 1
"""Raised whenever a reader of the older form could stumble; a field more is no reason."""


class Part(BaseModel):
    """Part of a report. Nothing is printed that is not declared; readers allow for fields that came later."""

    # Built when first printed: most runs print none of them.
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True, defer_build=True
    )


class Report(Part):
    """``format`` says by which edition of these schemas it is to be read."""

    format: Literal[1] = FORMAT


class Mistake(Part):
    """One thing that is wrong. ``where`` is a file with its line, an address or a URL; ``file`` (relative to the
    site, or to the app repository) and ``line`` only where it is a mistake in one of them."""

    message: str
    where: str = ""
    hint: str = ""
    file: str | None = None
    line: int | None = None


class Errors(Report):
    """Printed in the place of any other report where a command could not do what it was asked."""

    errors: list[Mistake] = Field(min_length=1)
