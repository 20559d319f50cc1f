"""What a gate has passed on and the book does not show yet, and what each symbol may therefore become.

An order counts from the moment a gate lets it go until a PORTFOLIO_UPDATE carries it, or it has ended without a fill.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.messages import ExecutionReport, Order, OrderStatus, PortfolioUpdate, Side, Verdict

_ENDS: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUSED})
_ZERO: Final = Decimal(0)


class Exposure(NamedTuple):
    """One symbol: signed units held, and unsigned units that open orders may still buy and sell."""

    held: Decimal = _ZERO
    buying: Decimal = _ZERO
    selling: Decimal = _ZERO

    @property
    def low(self) -> Decimal:
        """Units held if every open sale fills and no purchase does."""
        return self.held - self.selling

    @property
    def high(self) -> Decimal:
        """Units held if every open purchase fills and no sale does."""
        return self.held + self.buying

    @property
    def greatest(self) -> Decimal:
        """Largest number of units, long or short, that any fills can lead to."""
        return max(abs(self.low), abs(self.high))

    def end(self, side: Side) -> Decimal:
        """Return the end that orders of a side move: all of them filled, and none of the other side."""
        return self.high if side is Side.BUY else self.low

    def plus(self, side: Side, quantity: Decimal) -> "Exposure":
        """Return the exposure with one more open order."""
        if side is Side.BUY:
            return Exposure(self.held, self.buying + quantity, self.selling)
        return Exposure(self.held, self.buying, self.selling + quantity)

    def is_reduced_by(self, order: Order) -> bool:
        """Tell whether ``order`` only shrinks the holding toward zero, even after all open orders of its side."""
        if order.side is Side.BUY:
            return self.held < 0 and self.high + order.quantity <= 0
        return self.held > 0 and self.low - order.quantity >= 0


class Passed(NamedTuple):
    """An order let go, with the verdicts it carried and the conversation it belongs to.

    ``until_ns`` is when it can no longer begin to work; ``filled_bar`` the bar of a report that ended it with fills.
    """

    order: Order
    verdicts: tuple[Verdict, ...]
    correlation_id: str
    until_ns: int
    filled_bar: int | None = None


class InFlight:
    """Orders let go and not yet in the book, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[str, Passed] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Order]:
        return (entry.order for entry in self._entries.values())

    def add(self, passed: Passed) -> None:
        """Count an order from now on."""
        self._entries[passed.order.order_id] = passed

    def drop(self, order_id: str) -> None:
        """Stop counting an order that is known to have ended without a fill."""
        self._entries.pop(order_id, None)

    def take_report(self, report: ExecutionReport) -> None:
        """Stop counting an order that ended; one that filled counts until the book has reached the bar of the fill."""
        order_id = report.order.order_id
        entry = self._entries.get(order_id)
        if entry is None or report.status not in _ENDS:
            return
        if report.filled == 0:
            del self._entries[order_id]
        else:
            self._entries[order_id] = entry._replace(filled_bar=report.bar)

    def settle(self, book: PortfolioUpdate, sent_ns: int) -> None:
        """Stop counting what ``book`` shows, and what would have to be in a book sent so late if it still could be."""
        working = {open_order.order.order_id for open_order in book.working}
        for order_id, entry in list(self._entries.items()):
            is_of_symbol = book.symbol == entry.order.symbol
            is_booked = is_of_symbol and entry.filled_bar is not None and book.bar >= entry.filled_bar
            if order_id in working or is_booked or sent_ns > entry.until_ns:
                del self._entries[order_id]

    def pop_conversation(self, correlation_id: str) -> Passed | None:
        """Stop counting the oldest order of a conversation and return it; None when none is in flight."""
        for order_id, entry in self._entries.items():
            if entry.correlation_id == correlation_id:
                return self._entries.pop(order_id)
        return None

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [tuple(entry) for entry in self._entries.values()]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        entries = [Passed(*fields) for fields in state]
        self._entries = {entry.order.order_id: entry for entry in entries}


def exposures(book: PortfolioUpdate, in_flight: Iterable[Order]) -> dict[str, Exposure]:
    """Return what each symbol holds and may become: positions, working orders, and orders still in flight."""
    found = {position.symbol: Exposure(position.quantity) for position in book.positions}
    for working in book.working:
        order = working.order
        found[order.symbol] = found.get(order.symbol, Exposure()).plus(order.side, working.remaining)
    for order in in_flight:
        found[order.symbol] = found.get(order.symbol, Exposure()).plus(order.side, order.quantity)
    return found
