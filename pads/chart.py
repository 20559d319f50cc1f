"""What the bars of one instrument say about where to stop: confirmed swings, average true range, strength of trend.

Prices are in the units of the first bar, so that a split is no move; see ``pads.instrument``.
"""

import math
from decimal import Decimal
from typing import Any, Final

import numpy as np

from bus.messages import MarketUpdate
from kernels import indicators, pivot
from kernels.arrays import Floats
from kernels.pivot import Leg, Sign

Row = tuple[float, float, float, float, float]
_ADX: Final = indicators.NAMES.index("adx")


def unified(update: MarketUpdate, scale: Decimal) -> MarketUpdate:
    """Return a bar in the units of the first one, of which each is ``scale`` units of today."""
    if scale == 1:
        return update
    prices = {name: getattr(update, name) * scale for name in ("open", "high", "low", "close")}
    return update.model_copy(update={**prices, "volume": update.volume / scale})


class Chart:
    """Swings, ATR and ADX as of the latest bar.

    Parameters
    ----------
    decay
        Weight of the past in the volatility that the indicators are measured in.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self.clear()

    def clear(self) -> None:
        """Begin anew after a hole."""
        self._swings: Floats = pivot.initial()
        self._indicators: Floats = indicators.initial()
        self._values: Floats = np.zeros(indicators.WIDTH)
        self._is_ready = False

    def take(self, row: Row) -> None:
        """Take the next bar: open, high, low, close, volume. One that is out of order is a hole."""
        _, high, low, close, volume = row
        if not (0.0 < low <= close <= high < math.inf and 0.0 <= volume < math.inf):
            self.clear()
            return
        pivot.update(self._swings, row)
        self._is_ready = indicators.update(self._indicators, row, self._decay, self._values)

    def leg(self, side: Sign) -> Leg | None:
        """Return the last confirmed rise (``side`` 1) or fall (-1) that stands, None where there is none."""
        return pivot.leg(self._swings, side)

    @property
    def atr(self) -> float | None:
        """Average true range, None with too few bars or where prices never moved."""
        found = pivot.atr(self._swings)
        return found if found > 0.0 else None

    @property
    def strength(self) -> float:
        """ADX over 100, in [0, 1]; 0, no trend to speak of, with too few bars."""
        return float(self._values[_ADX]) if self._is_ready else 0.0

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._swings.copy(), self._indicators.copy(), self._values.copy(), self._is_ready]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        swings, values, shown, self._is_ready = state
        self._swings, self._indicators, self._values = swings.copy(), values.copy(), shown.copy()
