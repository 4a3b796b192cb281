"""What all forms share: the error, and the release whose rules apply."""

from __future__ import annotations

Release = tuple[int, int]
"""``(9, 2)``: major and minor of ``/version``."""

NEWEST: Release = (9, 2)
"""The newest release whose forms were recorded; what is assumed where no release is said."""


class FormError(ValueError):
    """A text that is not of the form it should be."""
