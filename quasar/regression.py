"""The regression of one symbol: weights of the ten features and how much they have seen."""

from typing import Any, Final

import numpy as np

from bus.message import Probabilities
from kernels import logistic
from kernels.arrays import Floats
from kernels.indicators import NAMES

FEATURES: Final = NAMES[:10]
"""Return, return_5, return_10, trend, momentum, sma ratio, RSI, MACD, then volatility and ADX."""
DIRECTIONAL: Final = 8
"""The first eight flip when prices are mirrored."""


class Regression:
    """Online logistic regression that begins at the prior; ``evidence`` counts the independent rounds learned."""

    def __init__(self) -> None:
        self.evidence = 0.0
        self._weights: Floats = np.zeros(len(FEATURES))
        self._squares: Floats = np.zeros(len(FEATURES))

    def scores(self, features: Floats) -> tuple[float, float]:
        """Return (lean, spread): what ``market.belief.tilt`` does to the prior."""
        return logistic.scores(self._weights, features, DIRECTIONAL)

    def contributions(self, features: Floats) -> tuple[tuple[str, float], ...]:
        """Return (feature, part of the lean or the spread) of each feature."""
        return tuple(zip(FEATURES, (self._weights * features).tolist(), strict=True))

    def learn(
        self, features: Floats, prior: Probabilities, direction: int, *, horizon: int, rate: float, shrinkage: float
    ) -> None:
        """Take a settled round; one of horizon h counts 1/h, because successive outcomes overlap."""
        self._weights, self._squares = logistic.learn(
            self._weights, self._squares, features, prior, direction,
            directional=DIRECTIONAL, rate=rate / horizon, shrinkage=shrinkage,
        )  # fmt: skip
        self.evidence += 1.0 / horizon

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"evidence": self.evidence, "weights": self._weights.copy(), "squares": self._squares.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.evidence = state["evidence"]
        self._weights, self._squares = state["weights"].copy(), state["squares"].copy()
