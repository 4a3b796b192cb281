"""Conflicts: what stands in the way of a plan, and a person must decide."""
