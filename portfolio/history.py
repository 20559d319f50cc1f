"""Closing prices with the times they belong to, of one symbol and of all.

Returns are total returns: a split changes nothing, and a dividend counts as if it were put back into the share at the
close of its bar. So nothing that is stored is ever rescaled: a bar is worth its close times the units that one unit of
the first bar has become, and a return that was once computed keeps its last bit, whatever happens to the share later.
"""

from decimal import Decimal
from typing import Any, Final

import numpy as np

from bus.messages import MarketUpdate
from kernels.arrays import Floats, Ints
from portfolio.joint import Joint
from portfolio.session import Session

_DAY_NS: Final = 86_400 * 1_000_000_000
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_NEVER: Final = 2**63 - 1
_JOINTS: Final = 8


class History:
    """The last contiguous bars of one symbol: opening times and worths. A missing bar starts it anew.

    Parameters
    ----------
    capacity
        Bars held.
    """

    def __init__(self, capacity: int) -> None:
        self.bar = -1
        self.close = _ZERO
        self.revision = 0
        """Rises with every change."""
        self._capacity = capacity
        self._times = np.zeros(2 * capacity, np.int64)
        self._worths = np.zeros(2 * capacity)
        self._end = 0
        self._count = 0
        self._units = 1.0
        self._session = Session()

    def append(self, update: MarketUpdate) -> bool:
        """Take the next bar; return False when it was already seen."""
        if update.bar <= self.bar:
            return False
        if update.bar != self.bar + 1:
            self.clear()
        end, capacity = self._end, self._capacity
        if end == 2 * capacity:
            for column in (self._times, self._worths):
                column[: capacity - 1] = column[capacity + 1 :]
            end = capacity - 1
        if update.action is not None and self._count:
            self._units *= float(update.action.split * (_ONE + update.action.dividend / update.close))
        self._session.take(update.opened_ns)
        self._times[end] = update.opened_ns
        self._worths[end] = float(update.close) * self._units
        self._end = end + 1
        self._count = min(self._count + 1, capacity)
        self.bar, self.close = update.bar, update.close
        self.revision += 1
        return True

    def clear(self) -> None:
        """Forget every bar but the number and the price of the last, because what was missed in between is unknown."""
        self._end = self._count = 0
        self._units = 1.0
        self._session.interrupt()
        self.revision += 1

    def __len__(self) -> int:
        return self._count

    @property
    def times(self) -> Ints:
        """Opening times of the bars held, oldest first; a view, valid until the next append."""
        return self._times[self._end - self._count : self._end]

    @property
    def worths(self) -> Floats:
        """Closes of the bars held times the units that one of the first bar became, oldest first; a view as above."""
        return self._worths[self._end - self._count : self._end]

    @property
    def first_ns(self) -> int:
        """Opening time of the oldest bar held; later than any where none is."""
        return int(self._times[self._end - self._count]) if self._count else _NEVER

    @property
    def bars_per_day(self) -> float:
        """Bars in a day of this market, at least 1.

        The most that any UTC date held, of those seen from beginning to end. Before there is one, 24 hours over the
        median spacing: too many for a market that closes, which overstates a day's risk and never understates it.
        """
        if self._session.most:
            return float(self._session.most)
        if self._count < 2:
            return 1.0
        middle = (self._count - 2) // 2
        return max(1.0, _DAY_NS / float(np.partition(np.diff(self.times), middle)[middle]))

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

    def since(self, time_ns: int) -> dict[int, float]:
        """Return the worths of the bars held that opened after ``time_ns``, by opening time, oldest first."""
        new = slice(self._end - self.bars_after(time_ns), self._end)
        return dict(zip(self._times[new].tolist(), self._worths[new].tolist(), strict=True))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "bar": self.bar,
            "close": self.close,
            "times": self.times.copy(),
            "worths": self.worths.copy(),
            "units": self._units,
            "session": self._session.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        times, worths = state["times"][-self._capacity :], state["worths"][-self._capacity :]
        self.bar, self.close, self._units = state["bar"], state["close"], state["units"]
        self._end = self._count = len(times)
        self._times[: len(times)] = times
        self._worths[: len(times)] = worths
        self._session.restore(state["session"])
        self.revision += 1


class Histories:
    """The bars of every symbol that ever had one.

    Parameters
    ----------
    capacity
        Bars held per symbol.
    """

    def __init__(self, capacity: int) -> None:
        self.revision = 0
        """Rises with every change."""
        self._capacity = capacity
        self._by_symbol: dict[str, History] = {}
        self._joints: dict[tuple[str, ...], Joint] = {}

    def append(self, update: MarketUpdate) -> bool:
        """Take the next bar of a symbol; return False when it was already seen."""
        history = self._by_symbol.get(update.symbol)
        if history is None:
            history = self._by_symbol[update.symbol] = History(self._capacity)
        is_new = history.append(update)
        self.revision += is_new
        return is_new

    def get(self, symbol: str) -> History | None:
        """Return the bars of a symbol; None when it never had one."""
        return self._by_symbol.get(symbol)

    def joint(self, symbols: tuple[str, ...]) -> Joint | None:
        """Return the joint returns of symbols, up to date; None when one of them never had a bar, or there is none.

        The last few sets of symbols asked for are kept, so that the next question takes in only what is new.
        """
        found = self._joints.pop(symbols, None)
        if found is None:
            histories = [history for symbol in symbols if (history := self._by_symbol.get(symbol)) is not None]
            if not symbols or len(histories) < len(symbols):
                return None
            found = Joint(histories, self._capacity)
            if len(self._joints) == _JOINTS:
                del self._joints[next(iter(self._joints))]
        self._joints[symbols] = found
        found.refresh()
        return found

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
        self.revision += 1
        for history in self._by_symbol.values():
            history.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {symbol: history.snapshot() for symbol, history in self._by_symbol.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.revision += 1
        self._by_symbol, self._joints = {}, {}
        for symbol, saved in state.items():
            history = self._by_symbol[symbol] = History(self._capacity)
            history.restore(saved)
