"""A process's sign of life on disk: one small file, written anew at every heartbeat, for those who ask without the bus.

Its time is that of the machine's monotonic clock, so that neither a clock that jumps nor a file left from before a
restart of the machine passes for life. Only the standard library is imported: a health check asks every few seconds.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = "beacons"
READY: Final = "ready"
_NS: Final = 1_000_000_000


class Light(NamedTuple):
    """What a beacon shows: state, process id, inputs handled, inputs waiting, and when (monotonic nanoseconds)."""

    state: str
    pid: int
    inputs: int
    inbox: int
    at_ns: int


class Beacon:
    """The beacon of one process; a disk that is full or read-only leaves it dark, and ends nothing.

    Parameters
    ----------
    run_dir
        Run directory of the process.
    name
        The process.
    interval_s
        How long ``keep`` lets it be before it shows it again.
    clock_ns
        Monotonic clock of the machine, in nanoseconds.
    """

    def __init__(
        self, run_dir: Path, name: str, interval_s: float, *, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._path = beacon_path(run_dir, name)
        self._unfinished = self._path.with_suffix(".new")
        self._interval_ns = round(interval_s * _NS)
        self._clock_ns = clock_ns
        self._due_ns = 0
        self._pid = os.getpid()

    def keep(self, state: str, inputs: int, inbox: int) -> None:
        """Show this if it is time to; costs a look at the clock where it is not."""
        if self._clock_ns() >= self._due_ns:
            self.show(state, inputs, inbox)

    def show(self, state: str, inputs: int = 0, inbox: int = 0) -> bool:
        """Show this now; return whether the disk took it."""
        now_ns = self._clock_ns()
        self._due_ns = now_ns + self._interval_ns
        light = Light(state, self._pid, inputs, inbox, now_ns)
        try:
            self._write(json.dumps(light._asdict()))
        except OSError:
            return False
        return True

    def _write(self, text: str) -> None:
        try:
            self._unfinished.write_text(text, encoding="ascii")
        except FileNotFoundError:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._unfinished.write_text(text, encoding="ascii")
        self._unfinished.replace(self._path)


def beacon_path(run_dir: Path, name: str) -> Path:
    """Return the file of a process's beacon."""
    return run_dir / FOLDER / f"{name}.json"


def read_light(run_dir: Path, name: str) -> Light | None:
    """Return what a beacon shows; None where there is none.

    Raises
    ------
    ValueError
        The file is no beacon.
    OSError
        It cannot be read.
    """
    path = beacon_path(run_dir, name)
    try:
        shown = json.loads(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    kinds = (str, int, int, int, int)
    if not isinstance(shown, dict) or tuple(map(type, map(shown.get, Light._fields))) != kinds:
        raise ValueError(f"{path} is no beacon; remove it")
    return Light(*(shown[field] for field in Light._fields))


def complaint(light: Light | None, name: str, now_ns: int, most_s: float) -> str:
    """Return why a process does not count as healthy; empty when it does.

    Parameters
    ----------
    now_ns
        Monotonic time of the machine, nanoseconds.
    most_s
        How old what the beacon shows may be, seconds.
    """
    if light is None:
        return f"{name} shows no beacon: it has not started, or cannot write to its run directory"
    age_s = (now_ns - light.at_ns) / _NS
    if age_s < 0:
        return f"{name} shows a beacon from before this machine was started: it has not started since"
    if not age_s <= most_s:
        return f"{name} (pid {light.pid}) has shown no beacon for {age_s:.1f} s, expected every {most_s:g} s at most"
    if light.state != READY:
        return f"{name} (pid {light.pid}) is {light.state}"
    return ""
