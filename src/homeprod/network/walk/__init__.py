"""Walk: a way that was walked for real, held against what the table says of it."""
