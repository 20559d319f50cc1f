"""Hedges that stand: they answer to what they hedge, and not to the board of their own instrument."""

from decimal import Decimal

import pytest

from bus.messages import Action, Order, OrderProposed, OrderRejected, Side
from pads.standing import StandingHedges
from tests.pads.desk import BULLISH, Desk, decision, messages
from tests.pads.test_agent import release_pair, report
from tests.seats.driver import request

D = Decimal


def order(symbol: str, side: Side = Side.SELL, quantity: str = "8", order_id: str = "B-62-o1") -> Order:
    return Order(
        order_id=order_id, decision_id="B-62", symbol=symbol, side=side, quantity=D(quantity),
        reference_price=D(100), bar=62,
    )  # fmt: skip


@pytest.fixture
def hedges() -> StandingHedges:
    placed = StandingHedges()
    placed.place(order("A"), request(62, symbol="B", position=D(20)))
    return placed


def test_an_order_in_the_same_instrument_is_no_hedge() -> None:
    placed = StandingHedges()
    placed.place(order("B"), request(62, symbol="B", position=D(20)))
    assert placed.snapshot() == []


@pytest.mark.parametrize(("held", "serving"), [("-8", "-8"), ("-5", "-5"), ("-12", "-8"), ("0", "0"), ("3", "0")])
def test_no_more_units_serve_than_were_ordered_and_are_held(hedges: StandingHedges, held: str, serving: str) -> None:
    assert hedges.units("A", D(held)) == D(serving)
    assert hedges.units("B", D(held)) == 0


@pytest.mark.parametrize(("position", "is_endangered", "serving"), [
    ("20", True, "-8"), ("5", True, "-8"), ("0", True, "0"), ("-20", True, "0"), ("20", False, "0"),
])  # fmt: skip
def test_it_stands_while_its_position_is_kept_and_in_danger(
    hedges: StandingHedges, position: str, is_endangered: bool, serving: str
) -> None:
    hedges.keep("A", D(0), is_endangered=False)
    hedges.keep("B", D(position), is_endangered=is_endangered)
    assert hedges.units("A", D(-8)) == D(serving)


def test_a_refused_order_leaves_no_hedge(hedges: StandingHedges) -> None:
    hedges.refuse("another")
    assert hedges.units("A", D(-8)) == -8
    hedges.refuse("B-62-o1")
    assert hedges.units("A", D(-8)) == 0


def test_a_split_multiplies_the_units_of_its_own_symbol(hedges: StandingHedges) -> None:
    hedges.split("B", D(2))
    assert hedges.units("A", D(-100)) == -8
    hedges.split("A", D(4))
    assert hedges.units("A", D(-100)) == -32


def test_it_survives_a_restart(hedges: StandingHedges) -> None:
    again = StandingHedges()
    again.restore(hedges.snapshot())
    assert again.snapshot() == hedges.snapshot()
    assert again.units("A", D(-9)) == -8


def hedged() -> tuple[Desk, float, Order]:
    """Return two instruments that move alike and crash, the close of A, and the hedge in A of a position in B."""
    desk, close = release_pair()
    outputs = desk.round(close, None, "B", positions={"B": "20"})
    return desk, 2 * close, messages(outputs, OrderProposed)[0].order


def test_the_board_of_its_own_instrument_does_not_give_it_up() -> None:
    desk, close, hedge = hedged()
    desk.step(report(hedge), "execution")
    made = decision(desk.round(close, None, "A", positions={"B": "20", "A": str(hedge.signed_quantity)}))
    assert made.action is Action.HOLD
    assert made.target == made.position == hedge.signed_quantity
    assert "that hedge another position" in made.choice_reason


def test_what_the_board_wants_stands_beside_it() -> None:
    desk, close, hedge = hedged()
    desk.step(report(hedge), "execution")
    desk.round(close, None, "A", positions={"B": "20", "A": str(hedge.signed_quantity)})
    made = decision(desk.round(close, BULLISH, "A", positions={"B": "20", "A": str(hedge.signed_quantity)}))
    assert made.action is Action.BUY
    assert made.target > hedge.signed_quantity


def test_without_the_hedge_s_order_its_units_are_the_board_s_own() -> None:
    desk, close, hedge = hedged()
    desk.step(OrderRejected(order=hedge, rejected_by="risk", reason="test", verdicts=()), "risk")
    made = decision(desk.round(close, None, "A", positions={"B": "20", "A": str(hedge.signed_quantity)}))
    assert "that hedge another position" not in made.choice_reason
