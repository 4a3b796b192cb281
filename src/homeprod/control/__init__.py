"""The control node: its states, sealed keyring, keyholder, hosts by level and runs."""
