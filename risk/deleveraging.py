"""Which shrinking orders risk has proposed: at most one a symbol and bar, on the first book of that bar."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bus.messages import Order, PortfolioUpdate
from portfolio.budget import DrawdownBudget


class _Judged(NamedTuple):
    """The last bar whose book was judged, and the order and the conversation that came of it."""

    bar: int
    order: Order | None
    correlation_id: str


class Deleveraging:
    """Remembers, for each symbol, the last bar whose book was judged.

    Only the first book of a bar asks for an order: PADS, which waits for it, has decided when a second one comes. An
    order that is refused or lost is therefore not repeated within its bar, and asked for anew by the next bar's book.
    """

    def __init__(self) -> None:
        self._judged: dict[str, _Judged] = {}

    def due(self, budget: DrawdownBudget, book: PortfolioUpdate, correlation_id: str) -> Order | None:
        """Return the order to propose on a book, in the conversation that the book belongs to; None where none is."""
        last = self._judged.get(book.symbol)
        if last is not None and book.bar <= last.bar:
            return None
        order = budget.shrinking(book)
        self._judged[book.symbol] = _Judged(book.bar, order, correlation_id)
        return order

    def pop_conversation(self, correlation_id: str) -> Order | None:
        """Return the order proposed in a conversation, once; None when it was none of the newest."""
        for symbol, judged in self._judged.items():
            if judged.correlation_id == correlation_id and judged.order is not None:
                self._judged[symbol] = judged._replace(order=None)
                return judged.order
        return None

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [(symbol, *judged) for symbol, judged in self._judged.items()]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._judged = {symbol: _Judged(*judged) for symbol, *judged in state}
