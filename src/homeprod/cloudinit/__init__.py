"""User data, network configuration and the ISO's bytes; no I/O."""
