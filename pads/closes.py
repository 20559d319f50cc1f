"""The recent log closes of one instrument: contiguous, so that every difference between neighbours is a return."""

from typing import Any

import numpy as np

from kernels.arrays import Floats


class LogCloses:
    """The last ``capacity`` log closes."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values = np.zeros(2 * capacity)
        self._end = self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, log_close: float) -> None:
        """Take the next bar's."""
        if self._end == len(self._values):
            self._values[: self._capacity - 1] = self._values[self._end - self._capacity + 1 :]
            self._end = self._capacity - 1
        self._values[self._end] = log_close
        self._end += 1
        self._count = min(self._count + 1, self._capacity)

    def clear(self) -> None:
        """Forget all, because bars are missing."""
        self._end = self._count = 0

    def last(self, count: int) -> Floats:
        """Return the last ``count``, or as many as there are, oldest first; a view, valid until the next append."""
        return self._values[self._end - min(count, self._count) : self._end]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"values": self.last(self._count).copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        values = state["values"]
        self._end = self._count = len(values)
        self._values[: self._count] = values


class Ring:
    """The last ``capacity`` numbers of any kind, in an order of no meaning; kept in ``room`` where that is given."""

    def __init__(self, capacity: int, room: Floats | None = None) -> None:
        self._values = np.zeros(capacity) if room is None else room
        self._taken = 0

    def append(self, value: float) -> None:
        """Take one more; the oldest leaves when there is no room."""
        self._values[self._taken % len(self._values)] = value
        self._taken += 1

    def clear(self) -> None:
        """Forget all."""
        self._taken = 0

    def __len__(self) -> int:
        return min(self._taken, len(self._values))

    @property
    def values(self) -> Floats:
        """Those held; a view, valid until the next append."""
        return self._values[: len(self)]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"values": self.values.copy(), "taken": self._taken}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._taken = state["taken"]
        self._values[: len(self)] = state["values"]
