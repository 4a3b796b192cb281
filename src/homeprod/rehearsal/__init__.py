"""Rehearsal: a revision of the playbook repository tried on stand-ins, built from the site's own definition in a lab."""
