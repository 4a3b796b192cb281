"""Words every floor shares."""
