"""Children that end when their parent does, so that a killed supervisor leaves no orphans."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_ASKING_TO_STOP: Final = (signal.SIGINT, signal.SIGTERM)


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


@contextlib.contextmanager
def birth() -> Iterator[None]:
    """Hold Ctrl-C back until a child is born and written down.

    An interrupt in between would leave a child nobody knows of, or be swallowed by what Python runs around a fork.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # interrupts only ever come to the main thread
        return
    caught: list[int] = []
    before = {number: signal.signal(number, lambda got, _: caught.append(got)) for number in _ASKING_TO_STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in caught:
            signal.raise_signal(got)
