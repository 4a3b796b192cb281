"""The sealed keyring: age files that hold what the control node must know, and open with an administrator's
passphrase or with the printed recovery identity. Used by the keyholder alone."""
