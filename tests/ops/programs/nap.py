"""A program that holds the lock of an agent called nap until it is asked to stop."""

import argparse
import signal
import sys
import time
from pathlib import Path

from bus.rundir import RunDir


def run(name: str, *, obeys: bool = True) -> None:
    """Take the lock of ``name`` and wait."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path)
    known, _ = parser.parse_known_args()
    if not obeys:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    RunDir(known.run_dir).lock(name).acquire()
    print(f"{name} is up", file=sys.stderr, flush=True)
    while True:
        time.sleep(60.0)


if __name__ == "__main__":
    run("nap")
