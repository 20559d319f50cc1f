"""A stand-in for PADS that has one idea: it buys once, all it may, and never trades again."""

from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from bus.agent import Agent, handles
from bus.messages import MarketUpdate, Order, OrderProposed, PortfolioUpdate, Side, Urgency

GATE: Final = "compliance"


class Holder(Agent):
    """Proposes one order once a bar and its first book are there, and leaves everything else to risk.

    Parameters
    ----------
    bar
        Number of the bar on whose close it buys.
    share
        What it spends, of equity, in (0, 1].
    """

    def __init__(self, bar: int, share: Decimal) -> None:
        super().__init__("pads")
        self._bar = bar
        self._share = share
        self._update: MarketUpdate | None = None
        self._has_bought = False

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> None:
        """Keep the bar to buy on."""
        if update.bar == self._bar:
            self._update = update

    @handles(PortfolioUpdate)
    def take_book(self, book: PortfolioUpdate) -> None:
        """Buy on the first book of that bar."""
        update = self._update
        if update is not None and not self._has_bought and (book.symbol, book.bar) == (update.symbol, update.bar):
            self._has_bought = True
            self.send(OrderProposed(order=self._order(update, book), portfolio_version=book.version), to=GATE)

    def _order(self, update: MarketUpdate, book: PortfolioUpdate) -> Order:
        decision_id = f"{update.symbol}-{update.bar}"
        return Order(
            order_id=f"{decision_id}-1",
            decision_id=decision_id,
            symbol=update.symbol,
            side=Side.BUY,
            quantity=(self._share * book.equity / update.close).quantize(Decimal(1), ROUND_DOWN),
            reference_price=update.close,
            bar=update.bar,
            urgency=Urgency.HIGH,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"update": self._update, "has_bought": self._has_bought}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._update, self._has_bought = state["update"], state["has_bought"]
