"""The Proxmox VE driver: the engine's ``Hypervisor`` over HTTPS.

Its public door. Everything else in here is the driver's own affair.
"""

from homeprod.drivers.proxmox.config import decode_config, decode_pending, encode_config, encode_value
from homeprod.drivers.proxmox.hypervisor import ProxmoxHypervisor
from homeprod.drivers.proxmox.settings import Settings, resolve_settings
from homeprod.drivers.proxmox.transport.connection import Connection, Endpoint, Limits
from homeprod.drivers.proxmox.transport.credential import Login, Token, parse_token
from homeprod.drivers.proxmox.transport.trust import Trust, parse_fingerprint

__all__ = [
    "Connection",
    "Endpoint",
    "Limits",
    "Login",
    "ProxmoxHypervisor",
    "Settings",
    "Token",
    "Trust",
    "decode_config",
    "decode_pending",
    "encode_config",
    "encode_value",
    "open_hypervisor",
    "parse_fingerprint",
    "parse_token",
    "resolve_settings",
]


def open_hypervisor(settings: Settings, *, limits: Limits | None = None) -> ProxmoxHypervisor:
    """A driver for the cluster that ``settings`` name. Sends nothing yet; raises UsageError for a bad CA file."""
    connection = Connection(settings.endpoint, settings.credential, settings.trust, limits=limits)
    return ProxmoxHypervisor(connection)
