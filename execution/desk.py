"""The desk: follows every order from approval to its end, and books what the broker did."""

from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.errors import Fatal, Invalid
from bus.message import Header
from bus.messages import (
    ExecutionReport,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderStatus,
    PortfolioUpdate,
    PositionView,
    Verdict,
    WorkingOrder,
)
from execution.admission import Standing
from execution.book import Book
from execution.broker import Broker, BrokerEvent
from execution.money import EXACT, ZERO, check_input
from execution.order_state import Ticket, is_end

CLIENT_PREFIX: Final = "bd-"


class Filed(NamedTuple):
    """A report and the header of the conversation it belongs to."""

    report: ExecutionReport
    header: Header


class Desk:
    """Book, broker and the tickets between them.

    Every order id ever answered is kept with its last state, because an approval must not work twice however late the
    second comes.
    """

    def __init__(self, broker: Broker, initial_cash: Decimal) -> None:
        self.broker = broker
        self.book = Book(initial_cash)
        self.fills = 0
        self.version = 0
        self._tickets: dict[str, Ticket] = {}
        self._answered: dict[str, str] = {}
        self._bars: dict[str, int] = {}
        self._last: tuple[str, int] | None = None
        self._views: dict[str, PositionView] = {}
        self._working: tuple[WorkingOrder, ...] = ()

    @property
    def has_bars(self) -> bool:
        """Whether any bar was seen, so that there is a portfolio to report."""
        return self._last is not None

    @property
    def working(self) -> tuple[WorkingOrder, ...]:
        """Orders with units still to fill."""
        return self._working

    def answered(self, order_id: str) -> str | None:
        """Return the state of an order that was accepted or refused before; None for a new one."""
        return self._answered.get(order_id)

    def standing(self, order: Order) -> Standing:
        """Return what is known of an order's symbol."""
        with_it = [w.remaining for w in self._working if w.order.symbol == order.symbol and w.order.side is order.side]
        return Standing(self._bars.get(order.symbol), self.book.quantity(order.symbol), _total(with_it))

    def accept(self, approval: OrderApproved, header: Header) -> Filed:
        """Hand an order to the broker and report its answer."""
        order = approval.order
        client_order_id = f"{CLIENT_PREFIX}{order.order_id}"
        ticket = Ticket(order, client_order_id, header)
        event = self.broker.submit(client_order_id, order)
        filed = self._advance(ticket, event, self._bars[order.symbol], approval.verdicts)
        self._working = self.broker.working()
        return filed

    def refuse(self, approval: OrderApproved, header: Header, reason: str) -> Filed:
        """Report an order that never reaches the broker."""
        order = approval.order
        ticket = Ticket(order, f"{CLIENT_PREFIX}{order.order_id}", header)
        event = BrokerEvent(ticket.client_order_id, OrderStatus.REFUSED, reason=reason)
        return self._advance(ticket, event, self._bars.get(order.symbol, order.bar), approval.verdicts)

    def cancel_all(self, reason: str) -> list[Filed]:
        """Withdraw every working order."""
        filed = []
        for ticket in list(self._tickets.values()):
            event = self.broker.cancel(ticket.client_order_id)
            if event is not None:
                filed.append(self._advance(ticket, event._replace(reason=reason), self._bars[ticket.order.symbol]))
        self._working = self.broker.working()
        return filed

    def on_bar(self, update: MarketUpdate) -> list[Filed]:
        """Let the broker work at the bar's open, book its fills, then mark the symbol to the close.

        Raises
        ------
        Invalid
            A bar already seen, or numbers that cannot be booked exactly; nothing was changed.
        Fatal
            Book and broker no longer hold the same position.
        """
        symbol = update.symbol
        _check_bar(update)
        events = self.broker.on_bar(update)
        filed = []
        if events:
            filed = [self._book(event, update.bar) for event in events]
            self._working = self.broker.working()
            self._reconcile(symbol)
        self.book.mark(symbol, update.close)
        self._bars[symbol] = update.bar
        self._last = (symbol, update.bar)
        self._views.pop(symbol, None)
        return filed

    def portfolio(self) -> PortfolioUpdate:
        """Return the whole book as its next version."""
        if self._last is None:
            raise Invalid("no bar was seen yet: there is no portfolio to report")
        symbol, bar = self._last
        book = self.book
        self.version += 1
        return PortfolioUpdate(
            version=self.version,
            symbol=symbol,
            bar=bar,
            cash=book.cash,
            equity=book.equity,
            peak_equity=book.peak_equity,
            realized=book.realized,
            fees=book.fees,
            positions=self._position_views(),
            working=self._working,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "broker": self.broker.snapshot(),
            "book": self.book.snapshot(),
            "fills": self.fills,
            "version": self.version,
            "tickets": [ticket.snapshot() for ticket in self._tickets.values()],
            "answered": dict(self._answered),
            "bars": dict(self._bars),
            "last": None if self._last is None else list(self._last),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.broker.restore(state["broker"])
        self.book = Book.restored(state["book"])
        self.fills = state["fills"]
        self.version = state["version"]
        tickets = [Ticket.restored(ticket) for ticket in state["tickets"]]
        self._tickets = {ticket.client_order_id: ticket for ticket in tickets}
        self._answered = dict(state["answered"])
        self._bars = dict(state["bars"])
        self._last = None if state["last"] is None else (state["last"][0], state["last"][1])
        self._views = {}
        self._working = self.broker.working()

    def _book(self, event: BrokerEvent, bar: int) -> Filed:
        ticket = self._tickets[event.client_order_id]
        if event.quantity:
            order = ticket.order
            signed = event.quantity.copy_sign(order.signed_quantity)
            self.book.fill(order.symbol, signed, event.price, event.fee)
            self.fills += 1
        return self._advance(ticket, event, bar)

    def _advance(self, ticket: Ticket, event: BrokerEvent, bar: int, verdicts: tuple[Verdict, ...] = ()) -> Filed:
        after = ticket.after(event.status, event.quantity)
        order = after.order
        if is_end(event.status):
            self._tickets.pop(after.client_order_id, None)
        else:
            self._tickets[after.client_order_id] = after
        self._answered[order.order_id] = event.status.value
        report = ExecutionReport(
            order=order,
            client_order_id=after.client_order_id,
            report=after.reports,
            status=event.status,
            bar=bar,
            last_quantity=event.quantity,
            last_price=event.price,
            fee=event.fee,
            slippage=event.slippage,
            filled=after.filled,
            verdicts=verdicts,
            reason=event.reason,
        )
        return Filed(report, after.header)

    def _reconcile(self, symbol: str) -> None:
        venue, booked = self.broker.positions().get(symbol, ZERO), self.book.quantity(symbol)
        if venue != booked:
            raise Fatal(f"{symbol}: the book holds {booked} units and the broker {venue}; compare their fills")

    def _position_views(self) -> tuple[PositionView, ...]:
        views = []
        for symbol, position in self.book.positions.items():
            view = self._views.get(symbol)
            if view is None:
                view = self._views[symbol] = PositionView(
                    symbol=symbol,
                    quantity=position.quantity,
                    average_price=position.average_price,
                    last_price=position.last_price,
                )
            views.append(view)
        return tuple(views)


def _check_bar(update: MarketUpdate) -> None:
    check_input("open", update.open)
    check_input("high", update.high)
    check_input("low", update.low)
    check_input("close", update.close)
    if update.volume:
        check_input("volume", update.volume)


def _total(quantities: list[Decimal]) -> Decimal:
    total = ZERO
    for quantity in quantities:
        total = EXACT.add(total, quantity)
    return total
