"""What limits, refusals and the last tier leave of a wish."""

import math
from decimal import Decimal

import pytest

from bus.messages import Order, OrderRejected, Severity, Side, Verdict
from bus.plain import pack, unpack
from pads.restraint import OF_TIME, Restraint, lasting_refusal
from pads.room import BOUNDLESS, Bound, Room, room_in
from portfolio.budget import DrawdownBudget
from tests.pads.desk import LIMITS, book_of

D = Decimal


def rejected(*rules: tuple[str, Severity]) -> OrderRejected:
    order = Order(
        order_id="X-7-o1", decision_id="X-7", symbol="X", side=Side.BUY, quantity=D(1), reference_price=D(100), bar=7
    )
    verdicts = tuple(
        Verdict(gate="risk", rule=rule, passes=False, value=2.0, limit=1.0, unit="", detail="", severity=severity)
        for rule, severity in rules
    )
    return OrderRejected(order=order, rejected_by="risk", reason="test", verdicts=verdicts)


def budget_at(equity: str, peak: str = "100000") -> DrawdownBudget:
    budget = DrawdownBudget(LIMITS)
    book = book_of(1, "X", 0, {}, equity)
    budget.take(book.model_copy(update={"peak_equity": D(peak)}))
    return budget


def test_a_restraint_lasts_up_to_its_bar_and_says_why() -> None:
    restraint = Restraint()
    restraint.impose(Side.BUY, 12, "refused")
    restraint.impose(Side.BUY, 10, "earlier")
    assert restraint.why(Side.BUY, 12) == "refused: no more BUY before bar 13"
    assert restraint.why(Side.BUY, 13) == restraint.why(Side.SELL, 12) == ""
    again = Restraint()
    again.restore(unpack(pack(restraint.snapshot())))
    assert again.why(Side.BUY, 12) == restraint.why(Side.BUY, 12)


@pytest.mark.parametrize("rule", sorted(OF_TIME))
def test_a_refusal_only_for_the_time_does_not_last(rule: str) -> None:
    assert lasting_refusal(rejected((rule, Severity.SERIOUS))) == ""


@pytest.mark.parametrize("severity", [Severity.SERIOUS, Severity.CRITICAL])
def test_any_other_refusal_lasts(severity: Severity) -> None:
    said = lasting_refusal(rejected(("message_rate", Severity.SERIOUS), ("position_weight", severity)))
    assert said == "risk refused growth at bar 7 (position_weight)"


def test_warnings_and_passes_are_no_refusal() -> None:
    assert lasting_refusal(rejected(("concentration", Severity.WARNING))) == lasting_refusal(rejected()) == ""


@pytest.mark.parametrize(
    ("equity", "limit"), [("100000", 0.1), ("92001", 0.1), ("92000", 0.09), ("88000", 0.075), ("85000", 0.05)]
)
def test_the_limit_is_that_of_the_book_less_the_tier_s_cut_and_stress(equity: str, limit: float) -> None:
    assert room_in(budget_at(equity), 1.0, 7).limit == pytest.approx(limit)
    assert room_in(budget_at(equity), 0.6, 7).limit == pytest.approx(0.6 * limit)


def test_in_the_last_tier_nothing_grows() -> None:
    room = room_in(budget_at("85000"), 1.0, 7)
    assert (room.long.extent, room.short.extent) == (0.0, 0.0)
    assert room.long.why == "drawdown 15.00%: the last tier lets only what shrinks pass"
    assert room_in(budget_at("85001"), 1.0, 7).long == Bound()


def test_every_restraint_shuts_its_own_side() -> None:
    one, other = Restraint(), Restraint()
    one.impose(Side.SELL, 9, "refused")
    other.impose(Side.SELL, 8, "rests")
    room = room_in(budget_at("100000"), 1.0, 8, one, other)
    assert room.short == Bound(0.0, "refused: no more SELL before bar 10; rests: no more SELL before bar 9")
    assert room.long == Bound()
    assert room_in(budget_at("100000"), 1.0, 10, one, other).short == Bound()


def test_the_narrower_bound_counts() -> None:
    bound = Bound(0.05, "old")
    assert bound.narrowed(0.04, "new") == Bound(0.04, "new")
    assert bound.narrowed(0.05, "new") == bound
    assert BOUNDLESS.towards(1.0).extent == math.inf


def test_a_room_comes_back_as_it_was() -> None:
    room = Room(0.1, Bound(0.0, "why"), Bound(0.05))
    assert Room.restored(unpack(pack(room.snapshot()))) == room
