"""`python -m bus.health NAME`: exit status 0 while that process is ready and shows it, else 1 and one line why.

For health checks of containers and the like: it reads the beacon, imports nothing but the standard library, and asks
nobody over the bus.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

from bus.beacon import complaint, read_light

MOST_S: Final = 10.0
"""How old a beacon may be unless said otherwise: twenty heartbeats of the default."""
_USAGE: Final = "usage: python -m bus.health NAME [--run-dir DIR] [--seconds AGE]"


def check(run_dir: Path, name: str, most_s: float = MOST_S) -> str:
    """Return why a process does not count as healthy; empty when it does."""
    try:
        light = read_light(run_dir, name)
    except (OSError, ValueError) as error:
        return f"{name}: {error}"
    return complaint(light, name, time.monotonic_ns(), most_s)


def main(words: list[str]) -> int:
    """Check one process; return the exit status, 2 where the command is not understood."""
    names, options = _understood(words)
    if len(names) != 1 or not set(options) <= {"--run-dir", "--seconds"}:
        print(_USAGE, file=sys.stderr)
        return 2
    try:
        most_s = float(options.get("--seconds", MOST_S))
    except ValueError:
        print(f"--seconds {options['--seconds']}: not a number of seconds; {_USAGE}", file=sys.stderr)
        return 2
    run_dir = Path(options.get("--run-dir") or os.environ.get("BOARDROOM_RUN_DIR", "var/run"))
    reason = check(run_dir, names[0], most_s)
    print(reason or f"{names[0]} is ready")
    return 1 if reason else 0


def _understood(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Divide the words of a command into names and options; argparse alone would cost as much as all the rest."""
    names, options = [], {}
    left = iter(words)
    for word in left:
        if word.startswith("--"):
            option, _, value = word.partition("=")
            options[option] = value or next(left, "")
        else:
            names.append(word)
    return names, options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
