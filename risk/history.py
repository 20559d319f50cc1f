"""Closing prices with the times they belong to, and the joint returns of several symbols."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from bus.messages import MarketUpdate
from kernels.align import common_times, values_at
from kernels.arrays import Floats, Ints
from market.window import BarWindow

_DAY_NS: Final = 86_400 * 1_000_000_000
_ZERO: Final = Decimal(0)


class History:
    """The last contiguous bars of one symbol, each with its opening time.

    Parameters
    ----------
    capacity
        Bars held.
    """

    def __init__(self, capacity: int) -> None:
        self.close = _ZERO
        self._window = BarWindow(capacity)
        self._opened = np.zeros(capacity, np.int64)

    def append(self, update: MarketUpdate) -> bool:
        """Take the next bar; return False when it was already seen."""
        if not self._window.append(update):
            return False
        self._opened[update.bar % self._window.capacity] = update.opened_ns
        self.close = update.close
        return True

    def clear(self) -> None:
        """Forget every bar, because what was missed in between is unknown."""
        self._window.clear()

    def __len__(self) -> int:
        return len(self._window)

    @property
    def bar(self) -> int:
        """Last bar seen, held or not."""
        return self._window.bar

    def opened_ns(self, bar: int) -> int | None:
        """Return the opening time of a bar; None when it is not held."""
        window = self._window
        if not window.bar - len(window) < bar <= window.bar:
            return None
        return int(self._opened[bar % window.capacity])

    @property
    def times(self) -> Ints:
        """Opening times of the bars held, oldest first."""
        window = self._window
        start = (window.bar + 1 - len(window)) % window.capacity
        end = start + len(window)
        if end <= window.capacity:
            return self._opened[start:end].copy()
        return np.concatenate((self._opened[start:], self._opened[: end - window.capacity]))

    @property
    def closes(self) -> Floats:
        """Closing prices of the bars held, oldest first."""
        return self._window.closes.copy()

    def bars_after(self, time_ns: int) -> int:
        """Count the bars held that opened after ``time_ns``."""
        times = self.times
        return int(times.size - np.searchsorted(times, time_ns, side="right"))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"close": self.close, "window": self._window.snapshot(), "opened": self._opened.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.close = state["close"]
        self._window.restore(state["window"])
        self._opened = state["opened"].copy()


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
