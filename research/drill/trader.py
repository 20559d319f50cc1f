"""Stands in the board's place during a drill: takes positions both ways and keeps orders at work."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from bus.agent import Agent, Report, handles
from bus.messages import MarketUpdate, Order, OrderProposed, PortfolioUpdate, Side, Urgency

NAME: Final = "pads"
COMPLIANCE: Final = "compliance"
_ONE: Final = Decimal(1)
_ORDER: Final = Decimal("0.5")
"""Size of one order, as a share of the largest position."""


class Trader(Agent):
    """Proposes, for each symbol in turn, orders towards its largest position while none of that symbol is at work.

    Parameters
    ----------
    sides
        The way each symbol is traded; others are left alone.
    weight
        Largest position, as a fraction of equity.
    first_bar
        Bar from which it trades: until then the gates have too little history.
    """

    def __init__(self, sides: Mapping[str, Side], weight: Decimal, first_bar: int) -> None:
        super().__init__(NAME)
        self.sides = dict(sides)
        self.weight = weight
        self.first_bar = first_bar
        self.proposed = 0
        self._closes: dict[str, Decimal] = {}
        self._asked: dict[str, int] = {}

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> None:
        """Keep the close."""
        self._closes[update.symbol] = update.close

    @handles(PortfolioUpdate)
    def propose(self, book: PortfolioUpdate) -> None:
        """Ask the gates for the next order in the symbol of the bar, once a bar."""
        symbol, bar = book.symbol, book.bar
        if bar < self.first_bar or symbol not in self.sides or self._asked.get(symbol, -1) >= bar:
            return
        quantity = self._wanted(book)
        if quantity <= 0 or any(each.order.symbol == symbol for each in book.working):
            return
        self._asked[symbol] = bar
        self.proposed += 1
        order = Order(
            order_id=f"{symbol}-{bar}-1",
            decision_id=f"{symbol}-{bar}",
            symbol=symbol,
            side=self.sides[symbol],
            quantity=quantity,
            reference_price=self._closes[symbol],
            bar=bar,
            urgency=Urgency.LOW,
        )
        self.send(OrderProposed(order=order, portfolio_version=book.version), to=COMPLIANCE)

    def _wanted(self, book: PortfolioUpdate) -> Decimal:
        """Return the units of the next order; 0 where the position is as large as it may be."""
        close = self._closes.get(book.symbol)
        if close is None:
            return Decimal(0)
        held = sum((abs(each.quantity) for each in book.positions if each.symbol == book.symbol), Decimal(0))
        most = self.weight * book.equity / close
        return min(most * _ORDER, most - held).quantize(_ONE, ROUND_DOWN)

    def report(self) -> Report:
        """Return how many orders were proposed."""
        return {"proposed": self.proposed}

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"proposed": self.proposed, "closes": dict(self._closes), "asked": dict(self._asked)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.proposed = state["proposed"]
        self._closes, self._asked = dict(state["closes"]), dict(state["asked"])
