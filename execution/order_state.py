"""The life of one order at execution: which state may follow which, and what has been filled."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from bus.errors import Invalid
from bus.message import Header
from bus.messages import Order, OrderStatus
from execution.money import EXACT, ZERO

_LIVE: Final = frozenset(
    {OrderStatus.PARTIAL, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED},
)
NEXT: Final[Mapping[OrderStatus | None, frozenset[OrderStatus]]] = {
    None: frozenset({OrderStatus.ACCEPTED, OrderStatus.REFUSED}),
    OrderStatus.ACCEPTED: _LIVE,
    OrderStatus.PARTIAL: _LIVE,
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.REFUSED: frozenset(),
}
"""States that may follow each state; None is an order not yet answered."""


def is_end(status: OrderStatus) -> bool:
    """Tell whether nothing can follow ``status``."""
    return not NEXT[status]


def advance(status: OrderStatus | None, event: OrderStatus) -> OrderStatus:
    """Return the state after ``event``, which is named for the state it leads to.

    Raises
    ------
    Invalid
        The event cannot happen to an order in this state.
    """
    if event not in NEXT[status]:
        raise Invalid(f"an order that is {'new' if status is None else status} cannot become {event}")
    return event


class Ticket(NamedTuple):
    """One order as execution follows it; ``reports`` counts what was reported of it, ``header`` is its approval's."""

    order: Order
    client_order_id: str
    header: Header
    status: OrderStatus | None = None
    filled: Decimal = ZERO
    reports: int = 0

    @property
    def remaining(self) -> Decimal:
        """Units still to fill."""
        return EXACT.subtract(self.order.quantity, self.filled)

    def after(self, event: OrderStatus, quantity: Decimal = ZERO) -> Self:
        """Return the ticket after an event that filled ``quantity`` units.

        Raises
        ------
        Invalid
            A transition that cannot be, more filled than ordered, or a quantity that does not fit the event.
        """
        status = advance(self.status, event)
        filled = EXACT.add(self.filled, quantity)
        is_fill = event in (OrderStatus.PARTIAL, OrderStatus.FILLED)
        is_whole = filled == self.order.quantity
        if (quantity > 0) != is_fill or quantity < 0 or filled > self.order.quantity:
            raise Invalid(f"order {self.order.order_id}: {event} with a fill of {quantity} beside {self.filled}")
        if is_fill and is_whole != (event is OrderStatus.FILLED):
            raise Invalid(f"order {self.order.order_id}: {event} at {filled} of {self.order.quantity}")
        return self._replace(status=status, filled=filled, reports=self.reports + 1)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        status = None if self.status is None else self.status.value
        return [self.order, self.client_order_id, list(self.header), status, self.filled, self.reports]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the ticket that gave ``state``."""
        order, client_order_id, header, status, filled, reports = state
        known = None if status is None else OrderStatus(status)
        return cls(order, client_order_id, Header(*header), known, filled, reports)
