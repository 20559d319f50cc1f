"""Risk of a stream of observations, brought up to date by one at a time instead of from scratch.

A shortfall keeps its window sorted, so that one observation costs a search and a shift; a variance is one recursion.
"""

import math
from typing import Any, Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel
from kernels.tail import mean_of_tail, tail_size

_COUNT: Final = 0
_NEXT: Final = 1
_RING: Final = 2


class RollingShortfall:
    """Expected shortfall of the last ``window`` losses, equal to the last bit to ``tail.expected_shortfall`` of them.

    Parameters
    ----------
    window
        Losses remembered, at least 1.
    level
        Confidence, in (0, 1).

    Raises
    ------
    ValueError
        A window or a level out of range.

    Examples
    --------
    >>> shortfall = RollingShortfall(100, 0.975)
    >>> [shortfall.update(float(loss)) for loss in range(1, 101)][-1]
    99.2
    """

    def __init__(self, window: int, level: float) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1, got {window}")
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must lie in (0, 1), got {level}")
        self.window = window
        self.level = level
        self._state = np.zeros(_RING + window)
        self._worst = np.empty(window)

    def __len__(self) -> int:
        return int(self._state[_COUNT])

    def update(self, loss: float) -> float:
        """Take one more loss; return the expected shortfall of the last ``window``, of fewer while there are fewer.

        Raises
        ------
        ValueError
            A loss that is not finite; the window is as it was.
        """
        if not math.isfinite(loss):
            raise ValueError(f"losses must be finite, got {loss}")
        return float(_shortfall(self._state, self._worst, loss, self.level))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {"state": self._state.copy(), "worst": self._worst[: len(self)].copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave of an object with the same window and level.

        Raises
        ------
        ValueError
            A state of another window.
        """
        if state["state"].shape != self._state.shape:
            raise ValueError(f"a state of {state['state'].shape[0] - _RING} losses, expected {self.window}")
        self._state = state["state"].copy()
        self._worst[: len(self)] = state["worst"]


class RollingVariance:
    """Exponentially weighted variance of observations with mean 0, its weights summing to 1.

    After x_1 .. x_n: sum of decay^(n - i) x_i^2 over the sum of decay^(n - i), which is pandas'
    ``(x ** 2).ewm(alpha=1 - decay, adjust=True).mean()``, to rounding. RiskMetrics (1996) has decay 0.94 for days.

    Parameters
    ----------
    decay
        Weight of the past, in [0, 1).

    Raises
    ------
    ValueError
        A decay out of range.
    """

    def __init__(self, decay: float) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay {decay}, expected 0 <= decay < 1")
        self.decay = decay
        self._squares = 0.0
        self._weight = 0.0

    def update(self, x: float) -> float:
        """Take one more observation; return the variance.

        Raises
        ------
        ValueError
            An observation whose square is beyond float64; the variance is as it was.
        """
        squares = self.decay * self._squares + x * x
        if not math.isfinite(squares):
            raise ValueError(f"observations must be finite, and their squares, got {x}")
        self._squares = squares
        self._weight = self.decay * self._weight + 1.0
        return self._squares / self._weight

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"squares": self._squares, "weight": self._weight}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._squares = state["squares"]
        self._weight = state["weight"]


@kernel
def _shortfall(state: Floats, worst: Floats, loss: float, level: float) -> float:
    """Put a loss into the ring and into ``worst``, sorted downward, in place of the oldest where the ring is full."""
    window = worst.size
    count = int(state[_COUNT])
    following = int(state[_NEXT])
    if count < window:
        hole = count
        count += 1
    else:
        hole = _place(worst, count, state[_RING + following])
    _replace(worst, count, hole, loss)
    state[_RING + following] = loss
    state[_COUNT] = count
    state[_NEXT] = (following + 1) % window
    whole, size = tail_size(count, level)
    return mean_of_tail(worst, whole, size)


@kernel
def _place(worst: Floats, count: int, loss: float) -> int:
    """Index of the first of ``worst`` that is not greater than ``loss``."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if worst[middle] > loss:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _replace(worst: Floats, count: int, hole: int, loss: float) -> None:
    """Close the hole and open one where ``loss`` belongs, in one shift between the two."""
    if hole > 0 and worst[hole - 1] < loss:
        place = _place(worst, hole, loss)
        for i in range(hole, place, -1):
            worst[i] = worst[i - 1]
    else:
        place = hole
        while place + 1 < count and worst[place + 1] > loss:
            worst[place] = worst[place + 1]
            place += 1
    worst[place] = loss
