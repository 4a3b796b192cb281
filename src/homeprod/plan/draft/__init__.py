"""Drafts: the modules of machines that are there already, as text for a site.

A draft names what a plan will compare and nothing else, so that the plan after it shows marks only. It never holds a
value that could be a secret: what is left as it is, is named by its key.
"""
