"""Keeps an agent process small and its collector quiet once it has warmed up."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_MADV_DONTNEED: Final = 4
_COMPILER: Final = "libllvmlite"
_COLLECT_AFTER: Final = 50_000


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
