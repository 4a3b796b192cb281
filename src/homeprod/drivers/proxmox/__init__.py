"""The Proxmox VE driver: the engine's ``Hypervisor`` over HTTPS.

Its public door. Everything else in here is the driver's own affair.
"""

from homeprod.drivers.proxmox.config import decode_config, decode_pending, encode_config, encode_value
from homeprod.drivers.proxmox.hypervisor import ProxmoxHypervisor
from homeprod.drivers.proxmox.settings import Settings, open_connection, resolve_settings
from homeprod.drivers.proxmox.transport.connection import Connection
from homeprod.drivers.proxmox.transport.credential import Login, Token, parse_token
from homeprod.drivers.proxmox.transport.endpoint import Endpoint
from homeprod.drivers.proxmox.transport.failover import Tell
from homeprod.drivers.proxmox.transport.line import Limits
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


def open_hypervisor(
    settings: Settings, *, limits: Limits | None = None, tell: Tell | None = None
) -> ProxmoxHypervisor:
    """A driver for the cluster that ``settings`` name; ``tell`` hears of endpoints that fail. Sends nothing yet;
    raises UsageError for a bad CA file."""
    return ProxmoxHypervisor(open_connection(settings, limits=limits, tell=tell))
