"""The rendered site: the files that the site makes for the playbook repository."""
