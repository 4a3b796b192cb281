#!/usr/bin/env -S python3 -IS
"""What Ansible is given with --vault-id: a client's file name ends so. vault_client.py beside it does the work."""

# ruff: noqa: N999, PTH118, PTH120 (the name is Ansible's rule; without pathlib it starts in half the time)

import os
import runpy

runpy.run_path(os.path.join(os.path.dirname(os.path.realpath(__file__)), "vault_client.py"), run_name="__main__")
