"""Disk images for the lab's machines: built from Debian packages, or downloaded; cached."""
