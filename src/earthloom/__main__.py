"""``python -m earthloom`` is ``earthloom``."""

from earthloom.cli.main import run

if __name__ == "__main__":
    run()
