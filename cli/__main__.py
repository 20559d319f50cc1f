"""`python -m cli` is `boardroom`."""

import signal


def start() -> None:
    """Run the command; Ctrl-C ends it on the spot as long as there is nothing to clean up."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.main import run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    start()
