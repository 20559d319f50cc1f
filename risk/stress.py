"""The stress that each symbol is under, as its bars come."""

from decimal import Decimal
from typing import Any, Final

from bus.messages import MarketUpdate
from portfolio.limits import RegimeLimits
from portfolio.regime import Regime

_ONE: Final = Decimal(1)


class Stress:
    """The regime of every symbol that ever had a bar.

    Parameters
    ----------
    limits
        How stress tightens the position limit.
    """

    def __init__(self, limits: RegimeLimits) -> None:
        self._limits = limits
        self._by_symbol: dict[str, Regime] = {}
        self._bars: dict[str, int] = {}
        self._factors: dict[str, Decimal] = {}

    def take(self, update: MarketUpdate) -> None:
        """Take the next bar of a symbol; a missing one starts its regime anew, an old one is ignored."""
        symbol = update.symbol
        regime, last = self._by_symbol.get(symbol), self._bars.get(symbol, -1)
        if update.bar <= last:
            return
        if regime is None:
            regime = self._by_symbol[symbol] = Regime(self._limits)
        elif update.bar != last + 1:
            regime.forget()
        self._bars[symbol] = update.bar
        self._factors.pop(symbol, None)
        regime.take(float(update.close), 1.0 if update.action is None else float(update.action.split))

    def factor(self, symbol: str) -> Decimal:
        """Return the share of the position limit that stress leaves, in (0, 1]; a symbol without bars has no stress."""
        found = self._factors.get(symbol)
        if found is None:
            regime = self._by_symbol.get(symbol)
            found = self._factors[symbol] = _ONE if regime is None else Decimal(regime.factor)
        return found

    def clear(self) -> None:
        """Begin anew: bars are missing."""
        self._factors = {}
        for regime in self._by_symbol.values():
            regime.forget()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {symbol: [self._bars[symbol], regime.snapshot()] for symbol, regime in self._by_symbol.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._by_symbol, self._bars, self._factors = {}, {}, {}
        for symbol, (bar, saved) in state.items():
            regime = self._by_symbol[symbol] = Regime(self._limits)
            regime.restore(saved)
            self._bars[symbol] = bar
