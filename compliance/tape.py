"""The recent closes of every symbol, as the collar needs them, and how many orders came while a bar was the last."""

from collections import deque
from decimal import Decimal
from typing import Any

from bus.messages import MarketUpdate


class Tape:
    """Contiguous closes of one symbol, in Decimal, newest last.

    Parameters
    ----------
    capacity
        Closes held.
    """

    def __init__(self, capacity: int) -> None:
        self.bar = -1
        self.orders = 0
        self._closes: deque[Decimal] = deque(maxlen=capacity)

    def append(self, update: MarketUpdate) -> None:
        """Take the next bar; an old one is ignored, and a missing one starts the tape anew."""
        if update.bar <= self.bar:
            return
        if update.bar != self.bar + 1:
            self._closes.clear()
        self._closes.append(update.close)
        self.bar = update.bar
        self.orders = 0

    def clear(self) -> None:
        """Forget every close, because what was missed in between is unknown."""
        self._closes.clear()

    def __len__(self) -> int:
        return len(self._closes)

    def close(self, bar: int) -> Decimal | None:
        """Return the close of a bar; None when it is not held."""
        age = self.bar - bar
        return self._closes[-1 - age] if 0 <= age < len(self._closes) else None

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.bar, self.orders, list(self._closes)]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.bar, self.orders, closes = state
        self._closes = deque(closes, maxlen=self._closes.maxlen)
