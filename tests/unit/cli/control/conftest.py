"""Nodes with a keyring: tests/keyholder_fixtures.py."""

from tests.keyholder_fixtures import disk, node

__all__ = ["disk", "node"]
