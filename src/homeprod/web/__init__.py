"""The control node's HTTP face: the doorbell and the calls of people."""
