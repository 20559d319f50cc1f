"""Causal volatility of one instrument: an exponentially weighted mean of squared log returns.

The weights are normalised by their own sum, so that the first values are not drawn towards an invented start.
"""

import math
from typing import Any


class Volatility:
    """EWMA volatility per bar, undefined until ``min_returns`` returns have been seen and one of them was not zero."""

    def __init__(self, decay: float, min_returns: int) -> None:
        self._decay = decay
        self._min_returns = min_returns
        self._weighted = self._weight = 0.0
        self._returns = 0

    def update(self, log_return: float) -> None:
        """Take the next bar's log return."""
        self._weighted = self._decay * self._weighted + (1.0 - self._decay) * log_return * log_return
        self._weight = self._decay * self._weight + (1.0 - self._decay)
        self._returns += 1

    @property
    def sigma(self) -> float | None:
        """Standard deviation of a one-bar log return around zero, or None with too little history or no movement."""
        if self._returns < self._min_returns:
            return None
        return math.sqrt(self._weighted / self._weight) or None

    def clear(self) -> None:
        """Forget everything, because bars are missing."""
        self._weighted = self._weight = 0.0
        self._returns = 0

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"weighted": self._weighted, "weight": self._weight, "returns": self._returns}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._weighted, self._weight, self._returns = state["weighted"], state["weight"], state["returns"]


def band(sigma: float, kappa: float, horizon: int) -> float:
    """Return kappa * sigma * sqrt(h), the half-width of "flat" as a log return over the horizon.

    Examples
    --------
    >>> band(0.01, 0.5, 4)
    0.01
    """
    return kappa * sigma * math.sqrt(horizon)
