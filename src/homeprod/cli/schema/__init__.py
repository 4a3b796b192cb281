"""What ``--json`` prints, as models: the output is made of them, and its JSON Schema too."""
