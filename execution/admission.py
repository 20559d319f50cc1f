"""Whether an approved order may go to the broker now, must wait, or is refused."""

from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from bus.errors import Invalid
from bus.messages import LeaseState, Order, OrderApproved, RiskLease, Side
from execution.money import EXACT, check_input


class Ruling(Enum):
    """What happens to an approval."""

    GO = "go"
    WAIT = "wait"
    REFUSE = "refuse"


class Admission(NamedTuple):
    """A ruling, with its reason unless the order goes."""

    ruling: Ruling
    reason: str = ""


class Standing(NamedTuple):
    """What is known of an order's symbol: last bar seen, signed units held, units at work on the order's own side."""

    last_bar: int | None
    position: Decimal
    working: Decimal


def admit(approval: OrderApproved, lease: RiskLease | None, standing: Standing, now_ns: int) -> Admission:
    """Rule on an approval; without the order's own bar or a fresh lease it waits until it is void."""
    order = approval.order
    try:
        check_input("quantity", order.quantity)
    except Invalid as error:
        return Admission(Ruling.REFUSE, str(error))
    if standing.last_bar is None:
        return Admission(Ruling.REFUSE, f"no bar of {order.symbol} was seen")
    if now_ns > approval.valid_until_ns:
        return Admission(Ruling.REFUSE, "the approval is no longer valid")
    if standing.last_bar < order.bar:
        return Admission(Ruling.WAIT, f"bar {order.bar} of {order.symbol} was not seen yet")
    if lease is None or now_ns > lease.expires_ns:
        return Admission(Ruling.WAIT, "no fresh lease from risk")
    if lease.state is LeaseState.HALTED:
        return Admission(Ruling.REFUSE, f"halted by risk: {lease.reason}")
    if lease.state is LeaseState.REDUCING and not is_shrinking(order, standing):
        return Admission(Ruling.REFUSE, f"only orders that shrink a position may leave: {lease.reason}")
    return Admission(Ruling.GO)


def is_shrinking(order: Order, standing: Standing) -> bool:
    """Tell whether the order, after all that works on its side, still only takes away from the position."""
    against = standing.position if order.side is Side.SELL else -standing.position
    return EXACT.add(standing.working, order.quantity) <= against
