"""The keyholder: the one process of the control node that holds secrets while a person has unlocked it.

It asks nothing of the network, runs no playbook and reads no site; it is small so that it can be read whole.
"""
