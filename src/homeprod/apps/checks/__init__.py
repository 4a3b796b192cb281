"""What is looked at, a file each: every check takes values and writes on the sheet."""
