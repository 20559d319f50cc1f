"""What execution asks of a broker, whichever it is."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from bus.messages import MarketUpdate, Order, OrderStatus, WorkingOrder
from execution.money import ZERO


class BrokerEvent(NamedTuple):
    """One thing that happened to an order at the broker.

    ``quantity`` is unsigned units filled by this event at ``price``; ``fee`` is money; ``slippage`` is the signed cost
    in money of this fill against the bar's open. All are 0 unless the event is a fill.
    """

    client_order_id: str
    status: OrderStatus
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    fee: Decimal = ZERO
    slippage: Decimal = ZERO
    reason: str = ""


class Broker(Protocol):
    """A venue that takes orders by client order id; the contract suite in the tests runs over every one."""

    def submit(self, client_order_id: str, order: Order) -> BrokerEvent:
        """Take an order; a second submit of one client order id changes nothing and returns the first answer."""
        ...

    def cancel(self, client_order_id: str) -> BrokerEvent | None:
        """Withdraw what is left of an order; None when nothing of it is working."""
        ...

    def on_bar(self, update: MarketUpdate) -> list[BrokerEvent]:
        """Take the next bar and return what it did to working orders, in order.

        Raises
        ------
        Invalid
            A bar at or before the last one of its symbol; nothing was changed.
        """
        ...

    def working(self) -> tuple[WorkingOrder, ...]:
        """Return the orders with units still to fill, oldest first within a symbol."""
        ...

    def positions(self) -> Mapping[str, Decimal]:
        """Return the signed units held by symbol, as the venue sees them; flat symbols are left out."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        ...
