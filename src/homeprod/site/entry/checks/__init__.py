"""Checks of the way in: what no single declaration of it can know."""
