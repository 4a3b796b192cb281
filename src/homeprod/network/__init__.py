"""From the entry to its configuration; no I/O."""
