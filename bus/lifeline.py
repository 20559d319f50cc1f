"""A child that ends when its parent does, so that a killed supervisor leaves no orphans."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> Callable[[], None]:
    """Return what a child of this process must call before it becomes a program.

    Linux then sends it SIGTERM when its parent dies; elsewhere there is no such wish to make.
    """
    parent = os.getpid()

    def ask() -> None:
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return ask
