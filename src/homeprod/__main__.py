"""``python -m homeprod``."""

from homeprod.cli.main import run

run()
