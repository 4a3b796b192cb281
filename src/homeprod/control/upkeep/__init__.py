"""Upkeep: hosts are asked in cycles what differs, and put right where the site says so."""
