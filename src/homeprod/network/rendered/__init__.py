"""The way in as files of the rendered site."""
