"""`python -m cli` is `boardroom`."""

from cli.main import run

if __name__ == "__main__":
    run()
