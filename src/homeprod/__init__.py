"""Homeprod runs a small production site on Proxmox VE, whole.

This module is the public door for site modules: ``from homeprod import VirtualMachine, GiB``. Names are loaded
on first use (PEP 562), so that ``homeprod --help`` does not pay for what it does not need.
"""

from __future__ import annotations

__version__ = "0.1.0"
