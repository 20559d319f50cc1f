"""The table of action values: a row for every situation that was met, as many as there is room for."""

from typing import Any, Final

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.qlearning import ACTIONS, POSITIONS

NOWHERE: Final = -1


class ActionValues:
    """Two tables of values by situation, position and action; unmet situations are worth 0.

    A dictionary from the number of a situation to its row, so that no two share one. When the room is used up, the
    situation not met for longest gives its row to the new one.

    Attributes
    ----------
    values
        Shape (2, capacity, 3, 7): table, row, position (short, flat, long), action; in nats.
    visits
        How often the situation of each row was met, shape (capacity,); a round of horizon h counts 1/h.
    """

    def __init__(self, capacity: int) -> None:
        self.values: Floats = np.zeros((2, capacity, POSITIONS, ACTIONS))
        self.visits: Floats = np.zeros(capacity)
        self._met: Ints = np.zeros(capacity, np.int64)
        self._rows: dict[int, int] = {}
        self._clock = 0

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, situation: int) -> int:
        """Return the row of a situation, ``NOWHERE`` of one not met."""
        return self._rows.get(situation, NOWHERE)

    def visit(self, situation: int, weight: float) -> tuple[int, bool]:
        """Return the row of a situation that is met now, and whether another had to leave it."""
        row = self.find(situation)
        is_taken = False
        if row == NOWHERE:
            row, is_taken = len(self._rows), len(self._rows) == len(self.visits)
            if is_taken:
                row = self._vacate()
            self._rows[situation] = row
        self._clock += 1
        self._met[row] = self._clock
        self.visits[row] += weight
        return row, is_taken

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        used = len(self._rows)
        return {
            "situations": np.array(list(self._rows.keys()), np.int64),
            "rows": np.array(list(self._rows.values()), np.int64),
            "values": self.values[:, :used].copy(),
            "visits": self.visits[:used].copy(),
            "met": self._met[:used].copy(),
            "clock": self._clock,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        used = len(state["rows"])
        self._rows = dict(zip(state["situations"].tolist(), state["rows"].tolist(), strict=True))
        self.values[:] = 0.0
        self.values[:, :used] = state["values"]
        self.visits[:] = 0.0
        self.visits[:used] = state["visits"]
        self._met[:] = 0
        self._met[:used] = state["met"]
        self._clock = state["clock"]

    def _vacate(self) -> int:
        row = int(np.argmin(self._met))
        del self._rows[next(situation for situation, held in self._rows.items() if held == row)]
        self.values[:, row] = 0.0
        self.visits[row] = 0.0
        return row
