"""Runs: one execution of the playbook against one host, in processes of its own that end with it."""
