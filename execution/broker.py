"""What execution asks of a broker, whichever it is.

A broker is told, and asked what happened since: it never calls back. So a venue across a network, which answers late,
twice or not at all, fits the same form as one in this process.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, Self

from bus.messages import MarketUpdate, OrderStatus, Side
from execution.money import ZERO


class ChildOrder(NamedTuple):
    """One order as the venue sees it: part of an approved order, which it may never exceed.

    ``quantity`` is unsigned units; ``limit_price`` the worst price it may fill at, None at the market; ``bar`` the last
    bar seen when it was sent: nothing fills on that bar or an earlier one.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    bar: int
    limit_price: Decimal | None = None

    def snapshot(self) -> list[Any]:
        """Return the order as plain data."""
        return [self.client_order_id, self.symbol, self.side.value, self.quantity, self.bar, self.limit_price]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the order that gave ``state``."""
        client_order_id, symbol, side, *rest = state
        return cls(client_order_id, symbol, Side(side), *rest)


class BrokerEvent(NamedTuple):
    """One thing that happened to an order at the broker.

    ``quantity`` is unsigned units filled by this event at ``price``; ``fee`` is money; ``slippage`` is the signed cost
    in money of this fill against the bar's open. All are 0 unless the event is a fill. ``fill_id`` names a fill: two
    events with one fill id are one fill told twice.
    """

    client_order_id: str
    status: OrderStatus
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    fee: Decimal = ZERO
    slippage: Decimal = ZERO
    reason: str = ""
    fill_id: str = ""
    symbol: str = ""
    side: Side | None = None

    def snapshot(self) -> list[Any]:
        """Return the event as plain data."""
        side = None if self.side is None else self.side.value
        return [self.client_order_id, self.status.value, *self[2:-1], side]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the event that gave ``state``."""
        event = cls(*state)
        side = None if event.side is None else Side(event.side)
        return event._replace(status=OrderStatus(event.status), side=side)


class Charge(NamedTuple):
    """Money the venue paid into our account, or took from it where ``amount`` is negative, outside of any fill.

    Today that is the fee for borrowing what is held short. ``charge_id`` names it: two with one id are one told twice.
    """

    charge_id: str
    symbol: str
    amount: Decimal
    reason: str


class Account(NamedTuple):
    """What the venue itself says: unsigned units still to fill by client order id, and signed units held by symbol."""

    working: Mapping[str, Decimal]
    positions: Mapping[str, Decimal]


class Broker(Protocol):
    """A venue that takes orders by client order id; the contract suite in the tests runs over every one."""

    def submit(self, order: ChildOrder) -> None:
        """Send an order; a second one under the same client order id changes nothing, whatever it says."""

    def cancel(self, client_order_id: str) -> None:
        """Ask to withdraw what is left of an order; it may fill before that is done, and its end is an event.

        Of an order that is unknown or has ended nothing more is said.
        """

    def amend(self, client_order_id: str, quantity: Decimal) -> None:
        """Ask to change the whole quantity of an order; what is filled already stays, and is the least it can be.

        It may fill before that is done. Then it is filled at its new quantity, and cancelled where nothing is left of
        it. Of an order that is unknown or has ended nothing more is said.

        Raises
        ------
        Invalid
            A quantity that is not positive, or that no market can show; nothing was changed.
        """

    def on_bar(self, update: MarketUpdate) -> None:
        """Show the venue the next bar; a broker across a network has no use for it.

        A split multiplies what is held (``money.after_split``) and cancels what rests of the symbol before anything
        fills: units are no longer those that were approved. Dividends are the book's: it knows what it holds.

        Raises
        ------
        Invalid
            A bar at or before the last one of its symbol; nothing was changed.
        """

    def events(self) -> list[BrokerEvent]:
        """Return what happened since the last call, oldest first, and forget it."""

    def charges(self) -> list[Charge]:
        """Return the money paid and taken outside of fills since the last call, oldest first, and forget it."""

    def account(self) -> Account | None:
        """Return what rests and what is held by the venue's own word; None where it gives none now."""

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
