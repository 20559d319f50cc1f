"""The returns that several symbols share: found anew, or kept up bar by bar."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from kernels.align import common_times, values_at
from kernels.arrays import Floats, Ints

_MANY: Final = 32
"""More new bars than these are sooner put in line anew."""


class Bars(Protocol):
    """The bars of one symbol, as `portfolio.history.History` holds them."""

    revision: int

    @property
    def times(self) -> Ints:
        """Opening times, rising."""

    @property
    def worths(self) -> Floats:
        """What one unit of the first bar was worth at each close."""

    @property
    def first_ns(self) -> int:
        """Opening time of the oldest bar."""

    @property
    def bars_per_day(self) -> float:
        """Bars in a day."""

    def since(self, time_ns: int) -> dict[int, float]:
        """Return the worths of the bars that opened after ``time_ns``, by opening time, oldest first."""


class Joint:
    """The joint returns of several symbols, kept up as their bars come.

    A return spans from one shared time to the next, so a bar that one symbol lacks makes a longer return, never a zero.
    It holds no state of its own: after `refresh` the returns are, to the last bit, those that would be found anew, but
    only what is new was put in line.

    Parameters
    ----------
    histories
        The bars of each symbol.
    capacity
        Bars that each of them holds at most.
    """

    def __init__(self, histories: Sequence[Bars], capacity: int) -> None:
        self.version = 0
        """Rises whenever returns or bars in a day change."""
        self.bars_per_day = 1.0
        """Shared bars in a day: at most those of the symbol that has fewest."""
        self._histories = tuple(histories)
        self._revisions: tuple[int, ...] = ()
        self._times = np.zeros(2 * capacity, np.int64)
        self._returns = np.zeros((len(histories), 2 * capacity))
        self._worths = np.zeros(len(histories))
        self._start = self._end = 0

    @property
    def returns(self) -> Floats:
        """Simple returns, shape (symbols, n), oldest first; a view, valid until the next refresh."""
        return self._returns[:, self._start + 1 : self._end]

    @property
    def times(self) -> Ints:
        """Opening times of the bars at whose closes the returns end, shape (n,); a view as above."""
        return self._times[self._start + 1 : self._end]

    @property
    def last_ns(self) -> int:
        """Opening time of the newest shared bar; 0 where there is none."""
        return int(self._times[self._end - 1]) if self._end > self._start else 0

    def refresh(self) -> None:
        """Take in the bars that came since."""
        revisions = tuple([history.revision for history in self._histories])
        if revisions == self._revisions:
            return
        self._revisions = revisions
        before = self._start, self._end, self.last_ns, self.bars_per_day
        oldest = max(history.first_ns for history in self._histories)
        while self._start < self._end and self._times[self._start] < oldest:
            self._start += 1
        if self._start == self._end:
            self._rebuild()
        else:
            self._extend()
        self.bars_per_day = min(history.bars_per_day for history in self._histories)
        self.version += (self._start, self._end, self.last_ns, self.bars_per_day) != before

    def _rebuild(self) -> None:
        times = _shared([history.times for history in self._histories])
        self._start, self._end = 0, times.size
        self._times[: times.size] = times
        if times.size:
            worths = _worths_at(self._histories, times)
            self._returns[:, 1 : times.size] = worths[:, 1:] / worths[:, :-1] - 1.0
            self._worths = worths[:, -1].copy()

    def _extend(self) -> None:
        last = self.last_ns
        rows = [history.since(last) for history in self._histories]
        times = [time for time in rows[0] if all(time in row for row in rows)]
        if len(times) > _MANY:
            self._rebuild()
            return
        if self._end + len(times) > self._times.size:
            self._make_room()
        for time in times:
            worths = np.array([row[time] for row in rows])
            self._times[self._end] = time
            self._returns[:, self._end] = worths / self._worths - 1.0
            self._worths = worths
            self._end += 1

    def _make_room(self) -> None:
        count = self._end - self._start
        self._times[:count] = self._times[self._start : self._end].copy()
        self._returns[:, :count] = self._returns[:, self._start : self._end].copy()
        self._start, self._end = 0, count


def _shared(rows: Sequence[Ints]) -> Ints:
    times = rows[0]
    for row in rows[1:]:
        if row.size != times.size or not np.array_equal(row, times):
            times = common_times(times, row)
    return times


def _worths_at(histories: Sequence[Bars], times: Ints) -> Floats:
    return np.stack([_values_at(history.times, history.worths, times) for history in histories])


def _values_at(own: Ints, worths: Floats, times: Ints) -> Floats:
    """Return the worths at ``times``, which are among the symbol's own; where as many, they are those."""
    return worths if own.size == times.size else values_at(own, worths, times)
