"""nginx: its configuration, from values that were parsed to types before; no text of a person reaches it as it is."""
