"""Keeps a machine's apps what git says, by the real Harbormaster: fetched, verified, tried beside, and moved then.

It runs on the machine itself, with Debian's Python, PyYAML, git and docker, and nothing of homeprod.
"""
