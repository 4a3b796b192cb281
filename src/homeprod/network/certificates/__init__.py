"""Certificates: when one is to be renewed, what is wrong with one, and the site's own authority."""
