"""How long a process that is behind steps aside, so that what is urgent finds a processor when many are behind at once.

A process that had to wait for the processor competes for it with others, most likely with agents that are behind as it
is; every one of them would be late for an alert. It then rests a multiple of what it lost, and nothing but what is
urgent ends its rest. On a machine with processors to spare nothing is lost, and nobody rests.
"""

import time
from collections.abc import Callable
from typing import Final

_NS_PER_MS: Final = 1_000_000
_TIMES: Final = 4
_MOST_MS: Final = 20


class Pace:
    """Compares the time that a turn took with what the processor spent on it.

    Parameters
    ----------
    passed_ns, spent_ns
        Clocks: of time, and of the processor's time spent on this thread.
    """

    def __init__(
        self, passed_ns: Callable[[], int] = time.monotonic_ns, spent_ns: Callable[[], int] = time.thread_time_ns
    ) -> None:
        self._passed_ns = passed_ns
        self._spent_ns = spent_ns
        self._began_ns = passed_ns()
        self._had_ns = spent_ns()

    def begin(self) -> None:
        """Note that a turn begins."""
        self._began_ns, self._had_ns = self._passed_ns(), self._spent_ns()

    def rest_ms(self) -> int:
        """Return the milliseconds to rest after the turn, 0 where it had the processor to itself."""
        lost_ns = (self._passed_ns() - self._began_ns) - (self._spent_ns() - self._had_ns)
        return min(_MOST_MS, _TIMES * max(0, lost_ns) // _NS_PER_MS)
