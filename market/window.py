"""The recent bars of one symbol, as an agent keeps them from MARKET_UPDATE.

A window holds contiguous bars only: a bar that does not follow the last one starts it anew, so a hole in the data
becomes too little history and never a wrong return.
"""

from typing import Any, Final

import numpy as np

from bus.messages import MarketUpdate
from kernels.arrays import Floats

_COLUMNS: Final = 5
OPEN: Final = 0
HIGH: Final = 1
LOW: Final = 2
CLOSE: Final = 3
VOLUME: Final = 4


class BarWindow:
    """The last ``capacity`` bars of a symbol as float64 rows of (open, high, low, close, volume)."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bar = -1
        self._rows = np.zeros((2 * capacity, _COLUMNS))
        self._end = 0
        self._count = 0

    def append(self, update: MarketUpdate) -> bool:
        """Take the next bar; return False when it was already seen, and start anew when bars are missing."""
        if update.bar <= self.bar:
            return False
        if update.bar != self.bar + 1:
            self.clear()
        if self._end == len(self._rows):
            self._rows[: self.capacity - 1] = self._rows[self._end - self.capacity + 1 :]
            self._end = self.capacity - 1
        self._rows[self._end] = as_floats(update)
        self._end += 1
        self._count = min(self._count + 1, self.capacity)
        self.bar = update.bar
        return True

    def clear(self) -> None:
        """Forget every bar, because what was missed in between is unknown."""
        self._end = self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> Floats:
        """Bars held, oldest first, shape (len, 5); a view, valid until the next append."""
        return self._rows[self._end - self._count : self._end]

    @property
    def closes(self) -> Floats:
        """Closing prices held, oldest first; a view with a stride, valid until the next append."""
        return self.rows[:, CLOSE]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"bar": self.bar, "rows": self.rows.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        rows = state["rows"]
        self.bar = state["bar"]
        self._end = self._count = len(rows)
        self._rows[: self._count] = rows


def as_floats(update: MarketUpdate) -> tuple[float, float, float, float, float]:
    """Cross a bar from Decimal to float64: (open, high, low, close, volume)."""
    return (float(update.open), float(update.high), float(update.low), float(update.close), float(update.volume))
