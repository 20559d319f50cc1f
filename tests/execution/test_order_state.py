"""Every pair of state and event is either legal or refused."""

from decimal import Decimal

import pytest

from bus.errors import Invalid
from bus.message import Header
from bus.messages import OrderStatus
from bus.plain import pack, unpack
from execution.order_state import Ticket, advance, is_end
from tests.execution.driver import dec, make_order

HEADER = Header("risk:1", "market:7", "risk:0", "ORDER_APPROVED/1", "risk", "execution", 0, 5, 0, 2)
LEGAL = {
    (None, "accepted"),
    (None, "refused"),
    ("accepted", "partial"),
    ("accepted", "filled"),
    ("accepted", "cancelled"),
    ("accepted", "expired"),
    ("partial", "partial"),
    ("partial", "filled"),
    ("partial", "cancelled"),
    ("partial", "expired"),
}
STATES: list[OrderStatus | None] = [None, *OrderStatus]


@pytest.mark.parametrize("event", OrderStatus)
@pytest.mark.parametrize("state", STATES)
def test_a_transition_is_legal_or_refused(state: OrderStatus | None, event: OrderStatus) -> None:
    if (state, event) in LEGAL:
        assert advance(state, event) is event
    else:
        with pytest.raises(Invalid, match="cannot become"):
            advance(state, event)


def test_four_states_are_ends() -> None:
    assert [status.value for status in OrderStatus if is_end(status)] == ["filled", "cancelled", "expired", "refused"]


def accepted() -> Ticket:
    return Ticket(make_order(quantity="10"), "bd-o1", HEADER).after(OrderStatus.ACCEPTED)


def test_a_ticket_counts_reports_and_units() -> None:
    ticket = accepted().after(OrderStatus.PARTIAL, dec(4)).after(OrderStatus.PARTIAL, dec(5))
    assert (ticket.filled, ticket.remaining, ticket.reports) == (dec(9), dec(1), 3)
    assert ticket.after(OrderStatus.FILLED, dec(1)).remaining == 0
    assert ticket.after(OrderStatus.EXPIRED).filled == dec(9)


@pytest.mark.parametrize(
    ("event", "quantity"),
    [
        (OrderStatus.PARTIAL, dec(0)),
        (OrderStatus.PARTIAL, dec(-1)),
        (OrderStatus.PARTIAL, dec(10)),
        (OrderStatus.FILLED, dec(9)),
        (OrderStatus.FILLED, dec(11)),
        (OrderStatus.FILLED, dec(0)),
        (OrderStatus.CANCELLED, dec(1)),
        (OrderStatus.CANCELLED, dec(-1)),
        (OrderStatus.EXPIRED, dec(1)),
    ],
)
def test_a_fill_must_fit_its_event(event: OrderStatus, quantity: Decimal) -> None:
    with pytest.raises(Invalid, match="order o1"):
        accepted().after(event, quantity)


def test_a_ticket_survives_a_snapshot() -> None:
    for ticket in (Ticket(make_order(), "bd-o1", HEADER), accepted().after(OrderStatus.PARTIAL, dec("0.10"))):
        copy = Ticket.restored(unpack(pack(ticket.snapshot())))
        assert copy == ticket
        assert type(copy.header) is Header
        assert type(copy.status) is type(ticket.status)
