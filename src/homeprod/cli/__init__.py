"""What a person types. One file a command; render.py alone prints."""
