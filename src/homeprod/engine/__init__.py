"""Reads what is, applies what the plan says."""
