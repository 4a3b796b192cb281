"""``python -m homeprod``."""

from homeprod.cli.main import run

if __name__ == "__main__":
    run()
