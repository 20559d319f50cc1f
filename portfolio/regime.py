"""Stress tightens the position limit, and can do nothing else.

Two exponentially weighted variances of a symbol's log returns, one fast, one slow. While volatility is at most ``calm``
times its usual, the whole limit is there; above, the share calm * slow / fast, at least ``floor``: the same risk in
fewer units. It follows from the bars alone, so PADS and risk, who never talk about it, agree.
"""

import math
from typing import Any, Final

from portfolio.limits import RegimeLimits

LEAST_RETURNS: Final = 20
"""Fewer tell no usual volatility: the whole limit is there, and others guard it."""


class Regime:
    """The state of one symbol.

    Parameters
    ----------
    limits
        Decays, calm and floor.
    """

    def __init__(self, limits: RegimeLimits) -> None:
        self._limits = limits
        self.forget()

    def forget(self) -> None:
        """Begin anew after a hole."""
        self._close = math.nan
        self._fast = self._slow = 0.0
        self._fast_weight = self._slow_weight = 0.0
        self._count = 0

    def take(self, close: float, split: float = 1.0) -> None:
        """Take the next close; ``split`` is how many units each one before became."""
        before, self._close = self._close / split, close
        if math.isnan(before):
            return
        square = math.log(close / before) ** 2
        limits = self._limits
        self._fast = limits.fast * self._fast + square
        self._fast_weight = limits.fast * self._fast_weight + 1.0
        self._slow = limits.slow * self._slow + square
        self._slow_weight = limits.slow * self._slow_weight + 1.0
        self._count += 1

    @property
    def factor(self) -> float:
        """Share of the position limit that stress leaves, in [floor, 1]."""
        if self._count < LEAST_RETURNS or self._fast <= 0.0:
            return 1.0
        ratio = math.sqrt((self._fast / self._fast_weight) / (self._slow / self._slow_weight))
        return min(1.0, max(self._limits.floor, self._limits.calm / ratio))

    def snapshot(self) -> list[float | int]:
        """Return the state as plain data."""
        return [self._close, self._fast, self._slow, self._fast_weight, self._slow_weight, self._count]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._close, self._fast, self._slow, self._fast_weight, self._slow_weight, self._count = state
