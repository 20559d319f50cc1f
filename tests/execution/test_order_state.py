"""Every pair of state and event is either legal or refused, for approved orders and for child orders."""

import pytest

from bus.errors import Invalid
from bus.messages import OrderStatus
from execution.order_state import ChildStatus, advance, advance_child, hear, is_end, is_over

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
LEGAL_OF_CHILD = {
    (None, "sent"),
    *(("sent", to) for to in ("working", "partial", "cancelling")),
    *(("sent", to) for to in ("filled", "cancelled", "refused", "expired", "lost")),
    *(("working", to) for to in ("partial", "cancelling", "filled", "cancelled", "expired", "lost")),
    *(("partial", to) for to in ("partial", "cancelling", "filled", "cancelled", "expired", "lost")),
    *(("cancelling", to) for to in ("cancelling", "filled", "cancelled", "refused", "expired", "lost")),
}
HEARD = {
    ("sent", "accepted"): "working",
    ("sent", "partial"): "partial",
    ("sent", "filled"): "filled",
    ("sent", "cancelled"): "cancelled",
    ("sent", "expired"): "expired",
    ("sent", "refused"): "refused",
    ("working", "partial"): "partial",
    ("working", "filled"): "filled",
    ("working", "cancelled"): "cancelled",
    ("working", "expired"): "expired",
    ("partial", "partial"): "partial",
    ("partial", "filled"): "filled",
    ("partial", "cancelled"): "cancelled",
    ("partial", "expired"): "expired",
    ("cancelling", "accepted"): "cancelling",
    ("cancelling", "partial"): "cancelling",
    ("cancelling", "filled"): "filled",
    ("cancelling", "cancelled"): "cancelled",
    ("cancelling", "expired"): "expired",
    ("cancelling", "refused"): "refused",
}
STATES: list[OrderStatus | None] = [None, *OrderStatus]
CHILD_STATES: list[ChildStatus | None] = [None, *ChildStatus]


@pytest.mark.parametrize("event", OrderStatus)
@pytest.mark.parametrize("state", STATES)
def test_a_transition_is_legal_or_refused(state: OrderStatus | None, event: OrderStatus) -> None:
    if (state, event) in LEGAL:
        assert advance(state, event) is event
    else:
        with pytest.raises(Invalid, match="cannot become"):
            advance(state, event)


@pytest.mark.parametrize("event", ChildStatus)
@pytest.mark.parametrize("state", CHILD_STATES)
def test_a_transition_of_a_child_is_legal_or_refused(state: ChildStatus | None, event: ChildStatus) -> None:
    if (state, event) in LEGAL_OF_CHILD:
        assert advance_child(state, event) is event
    else:
        with pytest.raises(Invalid, match="cannot become"):
            advance_child(state, event)


@pytest.mark.parametrize("word", OrderStatus)
@pytest.mark.parametrize("state", ChildStatus)
def test_what_the_broker_says_leads_on_or_is_refused(state: ChildStatus, word: OrderStatus) -> None:
    expected = HEARD.get((state.value, word.value))
    if expected is not None:
        assert hear(state, word) == expected
    else:
        with pytest.raises(Invalid, match="cannot become"):
            hear(state, word)


def test_ends_are_ends() -> None:
    assert [status.value for status in OrderStatus if is_end(status)] == ["filled", "cancelled", "expired", "refused"]
    ends = ["filled", "cancelled", "refused", "expired", "lost"]
    assert [status.value for status in ChildStatus if is_over(status)] == ends
