"""An approved order and the child orders it is worked in, as execution follows them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Self

from bus.errors import Invalid
from bus.message import Header
from bus.messages import Order, OrderStatus, Side
from execution import schedule
from execution.broker import BrokerEvent
from execution.cost import Tally
from execution.money import EXACT, ZERO
from execution.order_state import ENDS, ChildStatus, advance, advance_child, hear, is_over
from execution.schedule import Course

CLIENT_PREFIX: Final = "bd-"


@dataclass(slots=True)
class Child:
    """One order at the broker.

    ``asked`` is the quantity last asked for, ``confirmed`` the one the broker is known to work, never less: that many
    may fill. ``bar`` is the last bar seen when it was sent, ``silent`` counts the bars for which the broker did not
    show it, ``fills`` keeps quantity and price of each fill by its id.
    """

    client_order_id: str
    asked: Decimal
    confirmed: Decimal
    bar: int
    status: ChildStatus = ChildStatus.SENT
    filled: Decimal = ZERO
    silent: int = 0
    fills: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it may still fill, as far as is known."""
        return not is_over(self.status)

    @property
    def open(self) -> Decimal:
        """Units it may still fill; 0 once it has ended."""
        return EXACT.subtract(self.confirmed, self.filled) if self.is_live else ZERO

    def check(self, event: BrokerEvent) -> ChildStatus:
        """Return the state after an event.

        Raises
        ------
        Invalid
            The broker cannot say that of this order: a wrong time, more than was sent, a fill without units or an id.
        """
        status = hear(self.status, event.status)
        is_fill = event.status in (OrderStatus.PARTIAL, OrderStatus.FILLED)
        if (event.quantity > 0) != is_fill or event.quantity < 0:
            raise Invalid(f"{event.status} with {event.quantity} units")
        if not is_fill:
            return status
        if not event.fill_id:
            raise Invalid("a fill without an id")
        filled = EXACT.add(self.filled, event.quantity)
        if filled > self.confirmed:
            raise Invalid(f"a fill of {event.quantity} beside {self.filled} of {self.confirmed} units")
        if event.status is OrderStatus.FILLED and filled not in (self.asked, self.confirmed):
            raise Invalid(f"filled at {filled} of {self.confirmed} units")
        return status

    def take(self, event: BrokerEvent, status: ChildStatus) -> None:
        """Go on to the state that ``check`` gave for an event."""
        self.status = status
        self.silent = 0
        if event.quantity:
            self.filled = EXACT.add(self.filled, event.quantity)
            self.fills[event.fill_id] = (event.quantity, event.price)

    def become(self, status: ChildStatus) -> None:
        """Go on to a state of our own doing."""
        self.status = advance_child(self.status, status)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        state = [self.client_order_id, self.asked, self.confirmed, self.bar, self.status.value, self.filled]
        return [*state, self.silent, [[name, *fill] for name, fill in self.fills.items()]]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the child that gave ``state``."""
        name, asked, confirmed, bar, status, filled, silent, fills = state
        known = {fill_id: (quantity, price) for fill_id, quantity, price in fills}
        return cls(name, asked, confirmed, bar, ChildStatus(status), filled, silent, known)


@dataclass(slots=True)
class Parent:
    """One approved order.

    ``header`` is its approval's, ``since`` the last bar of its symbol when it was accepted, ``until_ns`` when its
    approval is void, ``reports`` counts what was reported of it. ``course`` is None for an order whose child orders are
    not the desk's own doing; ``target`` is the units that should be filled or at work now. ``closing`` is how it ends,
    for ``reason``, as soon as no child order of it can fill any more; ``refused`` counts child orders that the broker
    refused in a row.
    """

    order: Order
    header: Header
    since: int
    until_ns: int
    course: Course | None
    tally: Tally
    limit_price: Decimal | None = None
    status: OrderStatus | None = None
    filled: Decimal = ZERO
    reports: int = 0
    target: Decimal = ZERO
    closing: OrderStatus | None = None
    reason: str = ""
    refused: int = 0
    children: list[Child] = field(default_factory=list)
    is_foreign: bool = False
    """Whether it closes what the book never held: its fills are reported, and not booked."""

    @property
    def remaining(self) -> Decimal:
        """Units still to fill."""
        return EXACT.subtract(self.order.quantity, self.filled)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in ENDS

    @property
    def live(self) -> list[Child]:
        """Child orders that may still fill."""
        return [child for child in self.children if child.is_live]

    @property
    def open(self) -> Decimal:
        """Units that its child orders may still fill."""
        total = ZERO
        for child in self.children:
            total = EXACT.add(total, child.open)
        return total

    @property
    def client_order_id(self) -> str:
        """Id of the newest child order, of the first one before there is any."""
        return self.children[-1].client_order_id if self.children else self.next_id

    @property
    def next_id(self) -> str:
        """Id that the next child order will have."""
        return f"{CLIENT_PREFIX}{self.order.order_id}-{len(self.children) + 1}"

    def signed(self, quantity: Decimal) -> Decimal:
        """Return ``quantity`` with the sign of the side."""
        return quantity if self.order.side is Side.BUY else -quantity

    def advance(self, status: OrderStatus) -> None:
        """Go on to a state and count its report.

        Raises
        ------
        Invalid
            A transition that cannot be.
        """
        self.status = advance(self.status, status)
        self.reports += 1

    def fill(self, event: BrokerEvent) -> OrderStatus:
        """Count the units of a fill and return the state that it leads to.

        Raises
        ------
        Invalid
            More than was approved; nothing was changed.
        """
        filled = EXACT.add(self.filled, event.quantity)
        if filled > self.order.quantity:
            raise Invalid(f"order {self.order.order_id}: {filled} filled of {self.order.quantity} approved")
        self.filled = filled
        self.tally.fill(event.quantity, event.price, event.fee, event.slippage)
        return OrderStatus.FILLED if filled == self.order.quantity else OrderStatus.PARTIAL

    def close(self, status: OrderStatus, reason: str) -> None:
        """Settle how the order will end; the first word stands."""
        if self.closing is None:
            self.closing, self.reason = status, reason

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            *(self.order, list(self.header), self.since, self.until_ns),
            None if self.course is None else schedule.plain(self.course),
            *(self.tally.snapshot(), self.limit_price, _text(self.status), self.filled, self.reports, self.target),
            *(_text(self.closing), self.reason, self.refused, [child.snapshot() for child in self.children]),
            self.is_foreign,
        ]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the parent that gave ``state``."""
        order, header, since, until_ns, course, tally, limit, status, filled, reports, target = state[:11]
        closing, reason, refused, children, is_foreign = state[11:]
        return cls(
            order=order,
            header=Header(*header),
            since=since,
            until_ns=until_ns,
            course=None if course is None else schedule.restored(course),
            tally=Tally.restored(tally),
            limit_price=limit,
            status=_status(status),
            filled=filled,
            reports=reports,
            target=target,
            closing=_status(closing),
            reason=reason,
            refused=refused,
            children=[Child.restored(child) for child in children],
            is_foreign=is_foreign,
        )


def _text(status: OrderStatus | None) -> str | None:
    return None if status is None else status.value


def _status(text: str | None) -> OrderStatus | None:
    return None if text is None else OrderStatus(text)
