"""The recent bars of every symbol, as the collar and the hours need them, what of them is missing, and orders a bar."""

from collections import deque
from decimal import Decimal
from typing import Any, Final

from bus.messages import MarketUpdate

DAY_LONG_NS: Final = 23 * 3_600 * 1_000_000_000
"""A bar of at least so long stands for a date: the night in which clocks go forward has 23 hours."""


class Tape:
    """Contiguous closes of one symbol, in Decimal, newest last, and when their bars opened.

    Parameters
    ----------
    capacity
        Bars held.
    quality_bars
        Bars, from the last one back, of which the missing ones are counted.
    """

    def __init__(self, capacity: int, quality_bars: int) -> None:
        self.bar = -1
        self.orders = 0
        self.length_ns = 0
        """Least distance of two bars that follow each other, which is how long one is; 0 while it is unknown."""
        self._quality_bars = quality_bars
        self._first = 0
        self._closes: deque[Decimal] = deque(maxlen=capacity)
        self._opened: deque[int] = deque(maxlen=capacity)
        self._holes: deque[tuple[int, int]] = deque()

    def append(self, update: MarketUpdate) -> None:
        """Take the next bar; an old one is ignored, and a missing one starts the tape anew."""
        if update.bar <= self.bar:
            return
        if self.bar < 0:
            self._first = update.bar
        elif update.bar != self.bar + 1:
            self._holes.append((self.bar + 1, update.bar - 1))
            self.clear()
        elif self._opened:
            self._measure(update.opened_ns - self._opened[-1])
        self._closes.append(update.close)
        self._opened.append(update.opened_ns)
        self.bar = update.bar
        self.orders = 0
        while self._holes and self._holes[0][1] <= self.bar - self._quality_bars:
            self._holes.popleft()

    def clear(self) -> None:
        """Forget every close, because what was missed in between is unknown."""
        self._closes.clear()
        self._opened.clear()

    def __len__(self) -> int:
        return len(self._closes)

    def close(self, bar: int) -> Decimal | None:
        """Return the close of a bar; None when it is not held."""
        age = self.bar - bar
        return self._closes[-1 - age] if 0 <= age < len(self._closes) else None

    def opened_ns(self, bar: int) -> int | None:
        """Return when a bar opened; None when it is not held."""
        age = self.bar - bar
        return self._opened[-1 - age] if 0 <= age < len(self._opened) else None

    @property
    def is_daily(self) -> bool:
        """Whether a bar stands for a date."""
        return self.length_ns >= DAY_LONG_NS

    @property
    def numbered(self) -> int:
        """Bars that should have come: those looked back on, or as many as there were."""
        return min(self._quality_bars, self.bar - self._first + 1) if self.bar >= 0 else 0

    @property
    def has_holes(self) -> bool:
        """Whether any bar is missing."""
        return bool(self._holes)

    @property
    def missing(self) -> int:
        """Bars among them that never came."""
        oldest = self.bar - self.numbered + 1
        return sum(last - max(first, oldest) + 1 for first, last in self._holes)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        bars = [list(self._closes), list(self._opened), [list(hole) for hole in self._holes]]
        return [self.bar, self.orders, self.length_ns, self._first, *bars]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.bar, self.orders, self.length_ns, self._first, closes, opened, holes = state
        self._closes = deque(closes, maxlen=self._closes.maxlen)
        self._opened = deque(opened, maxlen=self._opened.maxlen)
        self._holes = deque((first, last) for first, last in holes)

    def _measure(self, distance_ns: int) -> None:
        if distance_ns > 0 and (not self.length_ns or distance_ns < self.length_ns):
            self.length_ns = distance_ns
