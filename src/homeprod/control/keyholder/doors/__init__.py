"""The two doors of the keyholder, for people and for the daemon: who may ask what."""
