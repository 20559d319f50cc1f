"""Where the broker and the book do not hold the same though nothing is on its way, and since which bar."""

from decimal import Decimal
from typing import Any

from execution.flattening import Sight
from execution.money import EXACT, ZERO


class Apart:
    """The differences by symbol: units at the broker less those of the book."""

    def __init__(self) -> None:
        self.units: dict[str, Decimal] = {}
        self._since: dict[str, int] = {}

    def take(self, sight: Sight) -> None:
        """Compare; while any order may still fill, or the broker is silent, nothing is known to differ."""
        before, since = self.units, self._since
        self.units, self._since = {}, {}
        if sight.account is None or sight.live:
            return
        held, booked = sight.account.positions, sight.booked
        for symbol in sorted({*held, *booked}):
            units = EXACT.subtract(held.get(symbol, ZERO), booked.get(symbol, ZERO))
            if not units:
                continue
            mark = sight.marks.get(symbol)
            self.units[symbol] = units
            self._since[symbol] = since[symbol] if before.get(symbol) == units else -1 if mark is None else mark.bar

    def has_stood(self, symbol: str, sight: Sight) -> bool:
        """Tell whether a difference has stood for a bar, so that it is no fill that is still to be told."""
        return symbol in self.units and self._since[symbol] < sight.marks[symbol].bar

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [dict(self.units), dict(self._since)]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.units, self._since = dict(state[0]), dict(state[1])
