"""How long the day of a market is, counted in bars."""

from collections.abc import Sequence
from typing import Any, Final

_DAY_NS: Final = 86_400 * 1_000_000_000


class Session:
    """How many bars a UTC date of one market holds."""

    def __init__(self) -> None:
        self.most = 0
        """Most bars of any date seen from beginning to end; 0 before there is one."""
        self._day: int | None = None
        self._bars = 0
        self._is_whole = False

    def take(self, opened_ns: int) -> None:
        """Count the next bar."""
        day = opened_ns // _DAY_NS
        if day == self._day:
            self._bars += 1
            return
        if self._is_whole:
            self.most = max(self.most, self._bars)
        self._is_whole = self._day is not None
        self._day, self._bars = day, 1

    def interrupt(self) -> None:
        """Take note that bars are missing: the date of the next one is not seen from its beginning."""
        self._day, self._is_whole = None, False

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.most, self._day, self._bars, self._is_whole]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.most, self._day, self._bars, self._is_whole = state
