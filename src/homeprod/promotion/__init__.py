"""Promotion: which hosts a change of the playbook repository touches, and what has to be tried before it goes on."""
