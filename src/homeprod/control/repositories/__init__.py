"""The playbook repository and the vault repository: fetched, their heads verified, laid out for the runs."""
