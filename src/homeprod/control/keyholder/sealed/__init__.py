"""The sealed keyring, as the keyholder opens and changes it: in a process apart."""
