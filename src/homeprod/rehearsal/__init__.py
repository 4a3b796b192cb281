"""Rehearsal: a revision tried on stand-ins, which are built from the site's own definition in the embedded lab."""
