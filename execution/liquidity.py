"""What a symbol's past bars say about the cost of trading it: volatility, volume, and how long a bar is.

The square-root law (``kernels.impact``) is written with daily volatility and volume. Over T days sigma grows with
sqrt(T) and V with T, so sigma / sqrt(V) does not depend on T, and those of one bar give the same impact.
"""

import math
from typing import Any, Final, Self

from bus.messages import CorporateAction, MarketUpdate

DECAY: Final = 0.94
"""Weight of the past in both averages, the RiskMetrics lambda."""
_PARKINSON: Final = 4.0 * math.log(2.0)


class Tape:
    """The last bar of one symbol, with exponentially weighted variance and volume per bar.

    The variance averages squared log returns from close to close; it begins with the first bar's range variance
    ln(high/low)^2 / (4 ln 2) (Parkinson 1980). A bar after a hole gives no return. ``price`` is the last close as it
    was told; ``step_ns`` the least time between the openings of two bars that follow each other, 0 before there were
    two.
    """

    __slots__ = ("bar", "close", "opened_ns", "price", "step_ns", "variance", "volume")

    def __init__(self, first: MarketUpdate) -> None:
        self.bar = first.bar
        self.opened_ns = first.opened_ns
        self.step_ns = 0
        self.price = first.close
        self.close = float(first.close)
        self.variance = math.log(float(first.high) / float(first.low)) ** 2 / _PARKINSON
        self.volume = float(first.volume)

    @property
    def sigma(self) -> float:
        """Volatility per bar as a log return."""
        return math.sqrt(self.variance)

    def step_to(self, update: MarketUpdate) -> int:
        """Return ``step_ns`` with the bar that comes now."""
        step = update.opened_ns - self.opened_ns if update.bar == self.bar + 1 else 0
        return min(step, self.step_ns) if step > 0 and self.step_ns else max(step, self.step_ns)

    def adjust(self, action: CorporateAction) -> None:
        """Restate the last close and the mean volume in units of after ``action``, so that it is no return."""
        split = float(action.split)
        close = self.close / split - float(action.dividend)
        self.close = close if close > 0.0 else self.close / split
        self.volume *= split

    def append(self, update: MarketUpdate) -> None:
        """Take the next bar."""
        close = float(update.close)
        self.step_ns = self.step_to(update)
        if update.bar == self.bar + 1:
            change = math.log(close / self.close)
            self.variance = DECAY * self.variance + (1.0 - DECAY) * change * change
        self.volume = DECAY * self.volume + (1.0 - DECAY) * float(update.volume)
        self.bar = update.bar
        self.opened_ns = update.opened_ns
        self.price = update.close
        self.close = close

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the tape that gave ``state``."""
        tape = cls.__new__(cls)
        for name, value in zip(cls.__slots__, state, strict=True):
            setattr(tape, name, value)
        return tape
