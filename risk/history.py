"""Closing prices with the times they belong to, and the joint returns of several symbols."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from bus.messages import MarketUpdate
from kernels.align import common_times, values_at
from kernels.arrays import Floats, Ints

_DAY_NS: Final = 86_400 * 1_000_000_000
_ZERO: Final = Decimal(0)


class History:
    """The last contiguous bars of one symbol: opening times and closes. A missing bar starts it anew.

    Parameters
    ----------
    capacity
        Bars held.
    """

    def __init__(self, capacity: int) -> None:
        self.bar = -1
        self.close = _ZERO
        self._capacity = capacity
        self._times = np.zeros(2 * capacity, np.int64)
        self._closes = np.zeros(2 * capacity)
        self._end = 0
        self._count = 0

    def append(self, update: MarketUpdate) -> bool:
        """Take the next bar; return False when it was already seen."""
        if update.bar <= self.bar:
            return False
        if update.bar != self.bar + 1:
            self.clear()
        end, capacity = self._end, self._capacity
        if end == 2 * capacity:
            for column in (self._times, self._closes):
                column[: capacity - 1] = column[capacity + 1 :]
            end = capacity - 1
        self._times[end] = update.opened_ns
        self._closes[end] = float(update.close)
        self._end = end + 1
        self._count = min(self._count + 1, capacity)
        self.bar, self.close = update.bar, update.close
        return True

    def clear(self) -> None:
        """Forget every bar but the number and the price of the last, because what was missed in between is unknown."""
        self._end = self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def times(self) -> Ints:
        """Opening times of the bars held, oldest first; a view, valid until the next append."""
        return self._times[self._end - self._count : self._end]

    @property
    def closes(self) -> Floats:
        """Closing prices of the bars held, oldest first; a view, valid until the next append."""
        return self._closes[self._end - self._count : self._end]

    def opened_ns(self, bar: int) -> int | None:
        """Return the opening time of a bar; None when it is not held."""
        age = self.bar - bar
        return int(self._times[self._end - 1 - age]) if 0 <= age < self._count else None

    def bars_after(self, time_ns: int) -> int:
        """Count the bars held that opened after ``time_ns``."""
        count, newest = 0, self._end - 1
        while count < self._count and self._times[newest - count] > time_ns:
            count += 1
        return count

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"bar": self.bar, "close": self.close, "times": self.times.copy(), "closes": self.closes.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        times = state["times"]
        self.bar, self.close = state["bar"], state["close"]
        self._end = self._count = len(times)
        self._times[: len(times)] = times
        self._closes[: len(times)] = state["closes"]


class Histories:
    """The bars of every symbol that ever had one.

    Parameters
    ----------
    capacity
        Bars held per symbol.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_symbol: dict[str, History] = {}

    def append(self, update: MarketUpdate) -> bool:
        """Take the next bar of a symbol; return False when it was already seen."""
        history = self._by_symbol.get(update.symbol)
        if history is None:
            history = self._by_symbol[update.symbol] = History(self._capacity)
        return history.append(update)

    def get(self, symbol: str) -> History | None:
        """Return the bars of a symbol; None when it never had one."""
        return self._by_symbol.get(symbol)

    def last_bar(self, symbol: str) -> int | None:
        """Return the last bar seen of a symbol; None when it never had one."""
        history = self._by_symbol.get(symbol)
        return None if history is None else history.bar

    def opened_ns(self, symbol: str, bar: int) -> int | None:
        """Return the opening time of a bar; None when it is not held."""
        history = self._by_symbol.get(symbol)
        return None if history is None else history.opened_ns(bar)

    def clear(self) -> None:
        """Forget the bars of every symbol."""
        for history in self._by_symbol.values():
            history.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {symbol: history.snapshot() for symbol, history in self._by_symbol.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._by_symbol = {}
        for symbol, saved in state.items():
            history = self._by_symbol[symbol] = History(self._capacity)
            history.restore(saved)


def joint_returns(histories: Sequence[History]) -> tuple[Floats, float]:
    """Return simple returns over the times all symbols share, shape (symbols, n), and the bars in a day, at least 1.

    A return spans from one shared time to the next, so a bar that one symbol lacks makes a longer return, never a
    zero. The bars in a day are 24 hours over the median spacing of the shared times: too many for a market that
    closes, which overstates a day's risk and never understates it.
    """
    times = histories[0].times
    for history in histories[1:]:
        times = common_times(times, history.times)
    if times.size < 2:
        return np.empty((len(histories), 0)), 1.0
    closes = np.stack([values_at(history.times, history.closes, times) for history in histories])
    middle = (times.size - 1) // 2
    spacing_ns = np.partition(np.diff(times), middle)[middle]
    return closes[:, 1:] / closes[:, :-1] - 1.0, max(1.0, _DAY_NS / float(spacing_ns))
