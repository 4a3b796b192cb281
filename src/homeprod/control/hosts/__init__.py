"""Hosts by level: what each should be, what was tried, what is; and the rings that said so. On SQLite."""
