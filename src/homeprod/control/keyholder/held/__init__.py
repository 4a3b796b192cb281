"""What a Ready node holds: agents with keys, vault sockets with passwords, runs that may ask."""
