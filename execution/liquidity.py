"""What a symbol's past bars say about the cost of trading it: volatility, volume, and the impact of a trade.

The square-root law, impact = Y * sigma * sqrt(Q / V), is usually written with daily sigma and volume. Over T days sigma
grows with sqrt(T) and V with T, so their ratio does not depend on T, and sigma and V of one bar give the same number.
"""

import math
from typing import Any, Final, Self

from bus.messages import MarketUpdate

DECAY: Final = 0.94
"""Weight of the past in both averages, the RiskMetrics lambda."""
_PARKINSON: Final = 4.0 * math.log(2.0)


def square_root_impact(coefficient: float, sigma: float, quantity: float, volume: float) -> float:
    """Return the price concession of a trade as a fraction of price: Y * sigma * sqrt(Q / V)."""
    return coefficient * sigma * math.sqrt(quantity / volume)


class Tape:
    """The last bar of one symbol, with exponentially weighted variance and volume per bar.

    The variance averages squared log returns from close to close; it begins with the first bar's range variance
    ln(high/low)^2 / (4 ln 2) (Parkinson 1980). A bar after a hole gives no return.
    """

    def __init__(self, first: MarketUpdate) -> None:
        self.bar = first.bar
        self.close = float(first.close)
        self.variance = math.log(float(first.high) / float(first.low)) ** 2 / _PARKINSON
        self.volume = float(first.volume)

    @property
    def sigma(self) -> float:
        """Volatility per bar as a log return."""
        return math.sqrt(self.variance)

    def append(self, update: MarketUpdate) -> None:
        """Take the next bar."""
        close = float(update.close)
        if update.bar == self.bar + 1:
            change = math.log(close / self.close)
            self.variance = DECAY * self.variance + (1.0 - DECAY) * change * change
        self.volume = DECAY * self.volume + (1.0 - DECAY) * float(update.volume)
        self.bar = update.bar
        self.close = close

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.bar, self.close, self.variance, self.volume]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the tape that gave ``state``."""
        tape = cls.__new__(cls)
        tape.bar, tape.close, tape.variance, tape.volume = state
        return tape
