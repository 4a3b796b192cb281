"""A data disk with a keyring: tests/keyholder_fixtures.py."""

from tests.keyholder_fixtures import disk

__all__ = ["disk"]
