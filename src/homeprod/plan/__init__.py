"""Desired against actual, as values; no I/O."""
