"""The commands by which a change of the playbook repository goes from one environment to the next, and back."""
