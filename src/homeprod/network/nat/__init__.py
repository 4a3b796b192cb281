"""The router's part of the way in: rules for a Linux gateway, steps for an OPNsense."""
