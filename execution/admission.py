"""Whether an approved order may go to the broker now, must wait, or is refused."""

from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from bus.errors import Invalid
from bus.messages import LeaseState, Order, OrderApproved, RiskLease, Side
from execution.money import EXACT, check_input
from kernels.schedule import MOST_LOTS

ONE_LOT: Final = Decimal("0.0001")
_MOST_LOTS: Final = Decimal(MOST_LOTS)


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
    """What is known of an order's symbol, and of the desk.

    ``last_bar`` seen, signed units held, units at work on the order's own side, units in a lot. ``stopped`` says why no
    order is taken until an operator has seen to it, ``doubt`` why none is taken at this moment; empty when all is well.
    ``split_bar`` is the last bar before which the symbol was split, -1 for none.
    """

    last_bar: int | None
    position: Decimal
    working: Decimal
    lot: Decimal = ONE_LOT
    stopped: str = ""
    doubt: str = ""
    split_bar: int = -1


def admit(approval: OrderApproved, lease: RiskLease | None, standing: Standing, now_ns: int) -> Admission:
    """Rule on an approval; without the order's own bar or a fresh lease it waits until it is void."""
    order = approval.order
    try:
        check_input("quantity", order.quantity)
    except Invalid as error:
        return Admission(Ruling.REFUSE, str(error))
    misfit = _misfit(order, standing)
    if misfit:
        return Admission(Ruling.REFUSE, misfit)
    if standing.last_bar is None:
        return Admission(Ruling.REFUSE, f"no bar of {order.symbol} was seen")
    if now_ns > approval.valid_until_ns:
        return Admission(Ruling.REFUSE, "the approval is no longer valid")
    if order.bar < standing.split_bar:
        return Admission(Ruling.REFUSE, f"{order.symbol} has split since bar {order.bar}: its units are others now")
    if standing.stopped:
        return Admission(Ruling.REFUSE, f"no order is taken until an operator's halt and resume: {standing.stopped}")
    if standing.last_bar < order.bar:
        return Admission(Ruling.WAIT, f"bar {order.bar} of {order.symbol} was not seen yet")
    if standing.doubt:
        return Admission(Ruling.WAIT, standing.doubt)
    if lease is None or now_ns > lease.expires_ns:
        return Admission(Ruling.WAIT, "no fresh lease from risk")
    if lease.state is LeaseState.HALTED:
        return Admission(Ruling.REFUSE, f"halted by risk: {lease.reason}")
    if lease.state is LeaseState.REDUCING and not is_shrinking(order, standing):
        return Admission(Ruling.REFUSE, f"only orders that shrink a position may leave: {lease.reason}")
    return Admission(Ruling.GO)


def _misfit(order: Order, standing: Standing) -> str:
    """Say why a quantity cannot be worked in lots; what is held may be closed whatever its size."""
    closing = -standing.position if order.side is Side.BUY else standing.position
    if order.quantity > _MOST_LOTS * standing.lot:
        return f"quantity is {order.quantity}; expected at most {_MOST_LOTS} lots of {standing.lot}"
    if order.quantity % standing.lot and order.quantity != closing:
        return f"quantity is {order.quantity}; expected whole lots of {standing.lot}, or all that is held"
    return ""


def is_shrinking(order: Order, standing: Standing) -> bool:
    """Tell whether the order, after all that works on its side, still only takes away from the position."""
    against = standing.position if order.side is Side.SELL else -standing.position
    return EXACT.add(standing.working, order.quantity) <= against
