"""`python -m bus.health NAME`: exit status 0 while that process is ready and shows it, else 1 and one line why.

For health checks of containers and the like: it reads the beacon, imports nothing but the standard library, and asks
nobody over the bus. With ``--kill-after`` it also ends a process that hangs, for an engine that starts again what ends
and leaves alone what is unhealthy.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from bus.beacon import READY, Light, complaint, read_light

MOST_S: Final = 10.0
"""How old a beacon may be unless said otherwise: twenty heartbeats of the default."""
_USAGE: Final = "usage: python -m bus.health NAME [--run-dir DIR] [--seconds AGE] [--kill-after AGE]"
_NS: Final = 1_000_000_000
_FIRST: Final = 1
_STARTED: Final = 19
"""Place of a process's start in /proc/PID/stat, after its name."""


def check(run_dir: Path, name: str, most_s: float = MOST_S) -> str:
    """Return why a process does not count as healthy; empty when it does."""
    try:
        light = read_light(run_dir, name)
    except (OSError, ValueError) as error:
        return f"{name}: {error}"
    return complaint(light, name, time.monotonic_ns(), most_s)


def end_hung(run_dir: Path, name: str, most_s: float) -> str:
    """Kill a process that was ready and has shown nothing since for longer than that; return what was done.

    Whoever starts, stops or shows nothing yet is left alone, as is the first process of a container, which no signal
    from within reaches: it takes an init, such as deploy/entry.sh.
    """
    try:
        light = read_light(run_dir, name)
    except (OSError, ValueError):
        return ""
    if light is None or light.state != READY or not (time.monotonic_ns() - light.at_ns) / _NS > most_s:
        return ""
    if light.pid == _FIRST or not _has_shown(light):
        return ""
    try:
        os.kill(light.pid, signal.SIGKILL)
    except OSError as error:
        return f"; pid {light.pid} cannot be killed: {error.strerror}"
    return f"; pid {light.pid} hangs: killed"


def _has_shown(light: Light) -> bool:
    """Tell whether the process that has this id now is the one that showed this light, and not a later one."""
    try:
        told = Path(f"/proc/{light.pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    started_s = int(told.rpartition(")")[2].split()[_STARTED]) / os.sysconf("SC_CLK_TCK")
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    return age_s >= (time.monotonic_ns() - light.at_ns) / _NS


def main(words: list[str]) -> int:
    """Check one process; return the exit status, 2 where the command is not understood."""
    names, options = _understood(words)
    if len(names) != 1 or not set(options) <= {"--run-dir", "--seconds", "--kill-after"}:
        print(_USAGE, file=sys.stderr)
        return 2
    ages = {"--seconds": MOST_S, "--kill-after": float("inf")}
    for option in ages.keys() & options:
        try:
            ages[option] = float(options[option])
        except ValueError:
            print(f"{option} {options[option]}: not a number of seconds; {_USAGE}", file=sys.stderr)
            return 2
    run_dir = Path(options.get("--run-dir") or os.environ.get("BOARDROOM_RUN_DIR", "var/run"))
    reason = check(run_dir, names[0], ages["--seconds"])
    print(f"{reason}{end_hung(run_dir, names[0], ages['--kill-after'])}" if reason else f"{names[0]} is ready")
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
