"""Keeps an agent process small and its collector quiet once it has warmed up."""

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_MADV_DONTNEED: Final = 4
_COMPILER: Final = "libllvmlite"
_COLLECT_AFTER: Final = 50_000
_MB: Final = 1 << 20
_STATM: Final = "/proc/self/statm"
_DESCRIPTORS: Final = "/proc/self/fd"


def calm_collector() -> None:
    """Take everything made so far out of the garbage collector's rounds, and let it look less often.

    Messages hold no cycles, so nearly all of them die by their reference count alone.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


@contextmanager
def calmed_collector() -> Iterator[None]:
    """Let the collector rest as after ``calm_collector``, and put it back as it was."""
    threshold = gc.get_threshold()
    calm_collector()
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()


def release_compiler() -> int:
    """Hand the compiler's code pages back to the kernel once the numeric kernels are loaded; return bytes covered.

    They are clean pages of a file, mapped read-only and executable: should the compiler be needed again, they are read
    again. Elsewhere than on Linux nothing is done.
    """
    if sys.platform != "linux":
        return 0
    released = 0
    library = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/maps").open(encoding="utf-8") as maps:
        for line in maps:
            fields = line.split()
            if len(fields) >= 6 and _COMPILER in fields[5] and fields[1] == "r-xp":
                start, end = (int(part, 16) for part in fields[0].split("-"))
                if library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED) == 0:
                    released += end - start
    return released


def vitals_of(clock_ns: Callable[[], int]) -> Callable[[], dict[str, str | int | float]]:
    """Return what tells of this process, which starts now: clock, age, and on Linux its memory and descriptors."""
    started_ns = clock_ns()
    page_bytes = os.sysconf("SC_PAGE_SIZE")

    def vitals() -> dict[str, str | int | float]:
        told: dict[str, str | int | float] = {"process_time_ns": clock_ns(), "process_started_ns": started_ns}
        with suppress(OSError):  # no room for one more descriptor, or not Linux: it is not told
            told["process_fds"] = len(os.listdir(_DESCRIPTORS)) - 1  # noqa: PTH208
            with open(_STATM, encoding="ascii") as file:  # noqa: PTH123
                told["process_memory_mb"] = round(int(file.read().split()[1]) * page_bytes / _MB, 1)
        return told

    return vitals
