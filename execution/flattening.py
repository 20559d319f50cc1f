"""An order that closes a position while the firm is halted, and what the halt sees and asks for."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from bus.messages import HaltStatus, Order, Side
from execution.broker import Account, ChildOrder
from execution.money import EXACT, TICK, round_down, round_up

CLIENT_PREFIX: Final = "bd-"
_ONE: Final = Decimal(1)


class Mark(NamedTuple):
    """The last bar of a symbol and its close."""

    bar: int
    close: Decimal


class Sight(NamedTuple):
    """What is known at one moment.

    ``account`` is the broker's word, None where it gives none; ``booked`` signed units by our own book; ``live`` the
    client order ids of the orders sent whose end was not heard of; ``last`` symbol and bar of the last book.
    """

    account: Account | None
    booked: Mapping[str, Decimal]
    live: Collection[str]
    marks: Mapping[str, Mark]
    last: tuple[str, int] | None


class Step(NamedTuple):
    """What is to be done now, in this order.

    ``opened`` are orders to report as accepted; ``withdrawn`` client order ids to ask the broker to cancel; ``sent``
    orders for the broker, which may have them already; ``closed`` are ids of orders that get no more units, to be
    ended where they are not; ``status`` is to be published, ``alerts`` told to the firm.
    """

    opened: tuple[Order, ...] = ()
    withdrawn: tuple[str, ...] = ()
    sent: tuple[ChildOrder, ...] = ()
    closed: tuple[str, ...] = ()
    status: HaltStatus | None = None
    alerts: tuple[str, ...] = ()


class Flattening(NamedTuple):
    """An order that closes a position; ``child`` is None until it was sent."""

    order: Order
    child: ChildOrder | None = None
    is_withdrawn: bool = False

    @property
    def client_order_id(self) -> str:
        """The one id that the broker knows it by."""
        return f"{CLIENT_PREFIX}{self.order.order_id}-1"

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.order, None if self.child is None else self.child.snapshot(), self.is_withdrawn]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the order that gave ``state``."""
        order, child, is_withdrawn = state
        return cls(order, None if child is None else ChildOrder.restored(child), is_withdrawn)

    def sized(self, quantity: Decimal, bar: int, limit_price: Decimal) -> ChildOrder:
        """Return what the broker is to be sent."""
        return ChildOrder(self.client_order_id, self.order.symbol, self.order.side, quantity, bar, limit_price)


def limit_price(side: Side, close: Decimal, collar: Decimal) -> Decimal:
    """Return the worst price a flattening order may fill at: the close less, or for a purchase plus, the collar."""
    if side is Side.BUY:
        return round_down(EXACT.multiply(close, _ONE + collar), TICK)
    return round_up(EXACT.multiply(close, _ONE - collar), TICK)


def is_closing(order: Order, held: Decimal) -> bool:
    """Tell whether the order is against a holding."""
    return held > 0 if order.side is Side.SELL else held < 0
