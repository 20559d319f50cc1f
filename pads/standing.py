"""Standing hedges: which units of one instrument are there for the sake of a position in another.

They answer to the position they stand against and not to their own instrument's board, which sees only what is its
own: otherwise a board without an opinion on them would give up at one bar what the other takes on again at the next.
They become its own once the position they stood against is gone, has changed sides, or is no longer in danger.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from bus.messages import DecisionRequest, Order


class StandingHedge(NamedTuple):
    """Signed ``units`` of ``symbol``, ordered by ``order_id``, against a position in ``hedged``, long or short."""

    symbol: str
    hedged: str
    is_long: bool
    units: Decimal
    order_id: str


class StandingHedges:
    """The hedges that were ordered and not refused, oldest first."""

    def __init__(self) -> None:
        self._hedges: list[StandingHedge] = []

    def place(self, order: Order, request: DecisionRequest) -> None:
        """Take note of the order of a round, which is a hedge where it is in another instrument."""
        if order.symbol != request.symbol:
            is_long = request.position > 0
            units = order.signed_quantity
            self._hedges.append(StandingHedge(order.symbol, request.symbol, is_long, units, order.order_id))

    def refuse(self, order_id: str) -> None:
        """Forget a hedge whose order came to nothing."""
        self._hedges = [each for each in self._hedges if each.order_id != order_id]

    def keep(self, hedged: str, position: Decimal, *, is_endangered: bool) -> None:
        """Let go of what stood against ``hedged`` where there is nothing left to stand against."""
        is_kept = is_endangered and position != 0
        self._hedges = [
            each for each in self._hedges if each.hedged != hedged or (is_kept and each.is_long == (position > 0))
        ]

    def split(self, symbol: str, units: Decimal) -> None:
        """Count each unit of ``symbol`` as so many."""
        self._hedges = [
            each._replace(units=each.units * units) if each.symbol == symbol else each for each in self._hedges
        ]

    def units(self, symbol: str, position: Decimal) -> Decimal:
        """Return how many of the units held of ``symbol`` are hedges: no more than there are, and of their sign."""
        ordered = sum((each.units for each in self._hedges if each.symbol == symbol), Decimal(0))
        return min(max(ordered, Decimal(0)), position) if position > 0 else max(min(ordered, Decimal(0)), position)

    def snapshot(self) -> list[list[Any]]:
        """Return the state as plain data."""
        return [list(each) for each in self._hedges]

    def restore(self, state: list[list[Any]]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._hedges = [StandingHedge(*each) for each in state]
