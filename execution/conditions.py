"""What a symbol's bars say of trading it now: volatility and spread beside what is usual, and the volume to expect.

Averages are exponential: the quick ones forget with 0.94 (RiskMetrics), the slow ones, which say what is usual, with
0.99. Volatility begins with the first bar's range, ln(high/low)^2 / (4 ln 2) (Parkinson 1980); a bar after a hole gives
no return.
"""

import math
from decimal import Decimal
from typing import Any, Final, Self

from bus.messages import MarketUpdate
from execution.money import TICK, unit_price
from kernels.participation import Observation

QUICK: Final = 0.94
SLOW: Final = 0.99
CURVE: Final = 0.9
"""Weight of earlier days in the volume of a time of day."""
_PARKINSON: Final = 4.0 * math.log(2.0)
_MINUTE_NS: Final = 60_000_000_000
_DAY_MINUTES: Final = 1440


class Conditions:
    """The last bar of one symbol and the averages behind it.

    ``spread`` is that of the last quote as a fraction of its middle, NaN where the last bar had none, and
    ``usual_spread`` its slow average. ``volume`` is units per bar, ``sigma`` the deviation of a bar's log return.
    """

    def __init__(self, first: MarketUpdate) -> None:
        self.bar = first.bar
        self.close: Decimal = first.close
        self.opened_ns = first.opened_ns
        self.spacing_ns = 0
        self.quick = self.slow = math.log(float(first.high) / float(first.low)) ** 2 / _PARKINSON
        self.volume = float(first.volume)
        self.spread = self.usual_spread = math.nan
        self._curve: dict[int, float] = {}
        self._today: dict[int, float] = {}
        self._learn(first)

    @property
    def sigma(self) -> float:
        """Volatility per bar now, as a log return."""
        return math.sqrt(self.quick)

    @property
    def usual_sigma(self) -> float:
        """Volatility per bar as it usually is."""
        return math.sqrt(self.slow)

    @property
    def observation(self) -> Observation:
        """Spread and volatility beside what is usual."""
        return Observation(self.spread, self.usual_spread, self.sigma, self.usual_sigma)

    def append(self, update: MarketUpdate) -> None:
        """Take the next bar."""
        if update.bar == self.bar + 1:
            change = math.log(float(update.close) / float(self.close))
            self.quick = QUICK * self.quick + (1.0 - QUICK) * change * change
            self.slow = SLOW * self.slow + (1.0 - SLOW) * change * change
            self.spacing_ns = update.opened_ns - self.opened_ns
        self.volume = QUICK * self.volume + (1.0 - QUICK) * float(update.volume)
        if update.opened_ns // _MINUTE_NS // _DAY_MINUTES != self.opened_ns // _MINUTE_NS // _DAY_MINUTES:
            self._end_day()
        self.bar, self.close, self.opened_ns = update.bar, update.close, update.opened_ns
        self._learn(update)

    def split(self, split: Decimal) -> None:
        """Restate price and volume after each unit became ``split`` units."""
        ratio = float(split)
        self.close = unit_price(self.close, split) or TICK
        self.volume *= ratio
        self._curve = {slot: volume * ratio for slot, volume in self._curve.items()}
        self._today = {slot: volume * ratio for slot, volume in self._today.items()}

    def volumes_ahead(self, bars: int) -> list[float]:
        """Return the volume that earlier days had at the times of day of the next bars; even where that is unknown.

        A time of day that was never seen counts like the mean of those that were.
        """
        slots = [_slot(self.opened_ns + k * self.spacing_ns) for k in range(1, bars + 1)]
        seen = [self._curve[slot] for slot in slots if slot in self._curve]
        mean = sum(seen) / len(seen) if seen else 0.0
        if mean <= 0.0:
            return [1.0] * bars
        return [self._curve.get(slot, mean) for slot in slots]

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        numbers = [self.bar, self.close, self.opened_ns, self.spacing_ns, self.quick, self.slow, self.volume]
        spreads = [None if math.isnan(spread) else spread for spread in (self.spread, self.usual_spread)]
        return [*numbers, *spreads, dict(self._curve), dict(self._today)]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the conditions that gave ``state``."""
        made = cls.__new__(cls)
        made.bar, made.close, made.opened_ns, made.spacing_ns, made.quick, made.slow, made.volume = state[:7]
        made.spread, made.usual_spread = (math.nan if spread is None else spread for spread in state[7:9])
        made._curve, made._today = dict(state[9]), dict(state[10])
        return made

    def _learn(self, update: MarketUpdate) -> None:
        slot = _slot(update.opened_ns)
        self._today[slot] = self._today.get(slot, 0.0) + float(update.volume)
        quote = update.quote
        if quote is None:
            self.spread = math.nan
            return
        bid, ask = float(quote.bid), float(quote.ask)
        self.spread = max(2.0 * (ask - bid) / (ask + bid), 0.0)
        usual = self.usual_spread
        self.usual_spread = self.spread if math.isnan(usual) else SLOW * usual + (1.0 - SLOW) * self.spread

    def _end_day(self) -> None:
        for slot, volume in self._today.items():
            before = self._curve.get(slot)
            self._curve[slot] = volume if before is None else CURVE * before + (1.0 - CURVE) * volume
        self._today = {}


def _slot(time_ns: int) -> int:
    """Return the minute of the day, UTC."""
    return time_ns // _MINUTE_NS % _DAY_MINUTES
