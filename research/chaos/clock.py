"""The clock of a machine that can be made to jump, for every process of a firm at once.

A process that finds ``CHAOS_CLOCK`` in its environment when it starts reads ``time.time_ns`` plus the offset in that
file. ``sitecustomize``, which Python imports before anything else, does that; the firm's own code knows nothing of it.
"""

import mmap
import os
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

VARIABLE: Final = "CHAOS_CLOCK"
_OFFSET: Final = struct.Struct("=q")
_CUSTOMIZE: Final = "import research.chaos.clock\n\nresearch.chaos.clock.obey()\n"
_NS: Final = 1_000_000_000


class Clock:
    """The offset that all processes of one machine share, in a folder of its own.

    Parameters
    ----------
    folder
        Where the offset lies, what makes processes obey it, and what they say they have seen.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.file = folder / "offset"
        self.file.write_bytes(_OFFSET.pack(0))
        self.path = folder / "site"
        self.path.mkdir()
        (self.path / "sitecustomize.py").write_text(_CUSTOMIZE)

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which a process obeys."""
        paths = (str(self.path), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
        return {VARIABLE: str(self.file), "PYTHONPATH": os.pathsep.join(path for path in paths if path)}

    def shift(self, seconds: float) -> None:
        """Let the clock be that far from the true time from now on."""
        with self.file.open("r+b") as file:
            file.write(_OFFSET.pack(round(seconds * _NS)))

    @property
    def offset_s(self) -> float:
        """How far the clock is from the true time now."""
        return float(_OFFSET.unpack(self.file.read_bytes())[0]) / _NS

    def is_seen(self, pids: Iterable[int]) -> bool:
        """Tell whether each of these processes has read its clock since it last jumped."""
        now = self.file.read_bytes()
        return all(_seen(self.file, pid) == now for pid in pids)


def obey(real_ns: Callable[[], int] = time.time_ns) -> None:
    """Let ``time.time_ns`` of this process follow the shared offset; without one it stays as it is."""
    path = os.environ.get(VARIABLE)
    if path:
        time.time_ns = follow(Path(path), real_ns)


def follow(file: Path, real_ns: Callable[[], int]) -> Callable[[], int]:
    """Return a clock that is ``real_ns`` plus the offset in a file, and notes beside it each offset that it saw."""
    with file.open("rb") as opened:
        shared = memoryview(mmap.mmap(opened.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)).cast("q")
    last = 0

    def shifted_ns() -> int:
        nonlocal last
        offset: int = shared[0]
        if offset != last:
            last = offset
            _mark(file, os.getpid()).write_bytes(_OFFSET.pack(offset))
        return real_ns() + offset

    return shifted_ns


def _mark(file: Path, pid: int) -> Path:
    return file.with_name(f"seen.{pid}")


def _seen(file: Path, pid: int) -> bytes:
    try:
        return _mark(file, pid).read_bytes()
    except FileNotFoundError:
        return _OFFSET.pack(0)
