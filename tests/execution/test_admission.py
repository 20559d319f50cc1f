"""What an approval needs before its order may leave, at the limit and one step over."""

import pytest

from bus.messages import LeaseState, Order, OrderApproved, RiskLease, Side
from execution.admission import Ruling, Standing, admit
from tests.execution.driver import dec, make_approval, make_order

VALID_UNTIL_NS = 1_000
EXPIRES_NS = 500


def lease(state: LeaseState = LeaseState.ACTIVE) -> RiskLease:
    return RiskLease(state=state, expires_ns=EXPIRES_NS, reason="drill")


def standing(last_bar: int | None = 3, position: str = "0", working: str = "0") -> Standing:
    return Standing(last_bar, dec(position), dec(working))


def approval(order: Order | None = None) -> OrderApproved:
    return make_approval(order or make_order(bar=3), VALID_UNTIL_NS)


def test_a_valid_approval_under_a_fresh_lease_goes() -> None:
    assert admit(approval(), lease(), standing(), EXPIRES_NS).ruling is Ruling.GO


def test_a_stale_lease_makes_it_wait() -> None:
    assert admit(approval(), lease(), standing(), EXPIRES_NS + 1) == (Ruling.WAIT, "no fresh lease from risk")


def test_a_missing_lease_makes_it_wait_until_it_is_void() -> None:
    assert admit(approval(), None, standing(), VALID_UNTIL_NS).ruling is Ruling.WAIT
    assert admit(approval(), None, standing(), VALID_UNTIL_NS + 1) == (
        Ruling.REFUSE,
        "the approval is no longer valid",
    )


def test_an_order_waits_for_its_own_bar() -> None:
    ruling, reason = admit(approval(), lease(), standing(last_bar=2), 0)
    assert (ruling, reason) == (Ruling.WAIT, "bar 3 of SPX was not seen yet")


def test_a_symbol_without_bars_is_refused() -> None:
    assert admit(approval(), lease(), standing(last_bar=None), 0) == (Ruling.REFUSE, "no bar of SPX was seen")


def test_a_quantity_that_cannot_be_booked_is_refused() -> None:
    ruling, reason = admit(approval(make_order(quantity="1E+99999", bar=3)), lease(), standing(), 0)
    assert ruling is Ruling.REFUSE
    assert reason.startswith("quantity is 1E+99999")


@pytest.mark.parametrize(
    ("quantity", "position", "side", "goes"),
    [
        ("1.0001", "0", Side.BUY, True),
        ("1.00011", "0", Side.BUY, False),
        ("1.00011", "1.00011", Side.SELL, True),
        ("1.00011", "-1.00011", Side.BUY, True),
        ("1.00011", "1.00011", Side.BUY, False),
        ("1.00011", "2", Side.SELL, False),
        ("461168601842738.7904", "0", Side.BUY, True),
        ("461168601842738.7905", "0", Side.BUY, False),
    ],
)
def test_a_quantity_is_whole_lots_or_all_that_is_held(quantity: str, position: str, side: Side, goes: bool) -> None:
    order = make_order(quantity=quantity, side=side, bar=3)
    ruling, reason = admit(approval(order), lease(), standing(position=position), 0)
    assert ruling is (Ruling.GO if goes else Ruling.REFUSE)
    assert goes or reason.startswith(f"quantity is {quantity}; expected")


def test_while_book_and_broker_disagree_orders_wait_and_once_stopped_they_are_refused() -> None:
    apart = standing()._replace(doubt="SPX: the book holds 0 units, the broker 3")
    assert admit(approval(), lease(), apart, 0) == (Ruling.WAIT, apart.doubt)
    stopped = apart._replace(stopped=apart.doubt)
    ruling, reason = admit(approval(), lease(), stopped, 0)
    assert (ruling, reason) == (
        Ruling.REFUSE,
        f"no order is taken until an operator's halt and resume: {apart.doubt}",
    )


def test_a_halt_lets_nothing_leave() -> None:
    order = make_order(quantity="1", side=Side.SELL, bar=3)
    ruling, reason = admit(approval(order), lease(LeaseState.HALTED), standing(position="5"), 0)
    assert (ruling, reason) == (Ruling.REFUSE, "halted by risk: drill")


@pytest.mark.parametrize(
    ("position", "working", "side", "quantity", "goes"),
    [
        ("10", "0", Side.SELL, "10", True),
        ("10", "0", Side.SELL, "10.00000001", False),
        ("10", "4", Side.SELL, "6", True),
        ("10", "4", Side.SELL, "6.00000001", False),
        ("10", "0", Side.BUY, "1", False),
        ("-10", "0", Side.BUY, "10", True),
        ("-10", "1", Side.BUY, "10", False),
        ("-10", "0", Side.SELL, "1", False),
        ("0", "0", Side.BUY, "0.00000001", False),
        ("0", "0", Side.SELL, "0.00000001", False),
    ],
)
def test_a_reducing_lease_lets_only_shrinking_orders_leave(
    position: str, working: str, side: Side, quantity: str, goes: bool
) -> None:
    order = make_order(quantity=quantity, side=side, bar=3)
    ruling, _ = admit(approval(order), lease(LeaseState.REDUCING), standing(3, position, working), 0)
    assert ruling is (Ruling.GO if goes else Ruling.REFUSE)
