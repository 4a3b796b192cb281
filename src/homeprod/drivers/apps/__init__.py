"""The app repository as it lies on disk and at its git host: read, and its derived branches written.

Never the person's work tree, index or branches: trees are made in an index of their own, and commits are pushed as
they are.
"""
