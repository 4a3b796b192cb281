"""Booleans: ``1`` and ``0`` everywhere, and inside property strings also ``yes``, ``on`` and friends."""

from __future__ import annotations

from homeprod.drivers.proxmox.forms.form import FormError

_TRUE = frozenset({"1", "on", "yes", "true"})
_FALSE = frozenset({"0", "off", "no", "false"})


def parse_boolean(text: str) -> bool:
    """Proxmox's parse_boolean, which ignores case; raises FormError."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise FormError(f"not a boolean: {text!r}")


def print_boolean(value: bool) -> str:
    return "1" if value else "0"
