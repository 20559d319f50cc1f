"""The drawdown ladder, and the order that takes a position back to what the ladder leaves of its limit."""

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Order, Side, Urgency
from bus.plain import pack, unpack
from portfolio.budget import MARGIN, DrawdownBudget, DrawdownLadder, flattening_id
from portfolio.limits import BookLimits, DrawdownTier
from tests.gates.driver import LIMITS, book_of, order

BOOK = BookLimits.model_validate(tomllib.loads(LIMITS.read_text(encoding="utf-8"))["book"] | {"lot": "1"})
TIERS = BOOK.drawdown_tiers
HUNDRED = Decimal(100)
TICK = Decimal("0.01")


def fallen(drawdown: str) -> Decimal:
    """Equity after a fall from a hundred, in percent."""
    return HUNDRED - Decimal(drawdown)


def at(drawdown: str) -> DrawdownBudget:
    """A budget of which so many percent are used."""
    budget = DrawdownBudget(BOOK)
    budget.take(book_of(1, "AAA", 0, equity=fallen(drawdown), peak=HUNDRED))
    return budget


def test_the_ladder_is_that_of_the_firm() -> None:
    assert [(str(tier.enter), str(tier.leave), str(tier.cut)) for tier in TIERS] == [
        ("0.08", "0.06", "0.1"), ("0.12", "0.1", "0.25"), ("0.15", "0.12", "0.5"),
    ]  # fmt: skip
    assert Decimal("0.15") == BOOK.drawdown


@pytest.mark.parametrize(("drawdown", "tier", "cut"), [
    ("0", 0, "0"), ("7.99", 0, "0"), ("8", 1, "0.1"), ("11.99", 1, "0.1"), ("12", 2, "0.25"), ("14.99", 2, "0.25"),
    ("15", 3, "0.5"), ("99", 3, "0.5"),
])  # fmt: skip
def test_a_tier_is_entered_at_its_threshold(drawdown: str, tier: int, cut: str) -> None:
    ladder = DrawdownLadder(TIERS)
    assert ladder.take(fallen(drawdown), HUNDRED) is (tier > 0)
    assert (ladder.tier, ladder.cut, ladder.is_last) == (tier, Decimal(cut), tier == 3)
    assert ladder.drawdown == Decimal(drawdown) / 100


@pytest.mark.parametrize(("drawdown", "tier"), [
    ("14.99", 3), ("12", 3), ("11.99", 2), ("10", 2), ("9.99", 1), ("6", 1), ("5.99", 0),
])  # fmt: skip
def test_recovery_leaves_each_tier_only_below_its_own_mark(drawdown: str, tier: int) -> None:
    ladder = DrawdownLadder(TIERS)
    ladder.take(fallen("16"), HUNDRED)
    assert not ladder.take(fallen(drawdown), HUNDRED)
    assert ladder.tier == tier


def test_swinging_around_a_threshold_enters_once() -> None:
    ladder = DrawdownLadder(TIERS)
    entered = [ladder.take(fallen(drawdown), HUNDRED) for drawdown in ("8", "7.9", "8.1", "6", "8", "5.9", "8")]
    assert entered == [True, False, False, False, False, False, True]


@settings(deadline=None, max_examples=50)
@given(path=st.lists(st.integers(0, 30_00), min_size=1, max_size=40))
def test_the_cut_is_never_less_than_the_drawdown_asks_for(path: list[int]) -> None:
    ladder = DrawdownLadder(TIERS)
    for basis_points in path:
        ladder.take(HUNDRED - Decimal(basis_points) / 100, HUNDRED)
        asked = [tier.cut for tier in TIERS if ladder.drawdown >= tier.enter]
        assert ladder.cut >= max(asked, default=Decimal(0))


@pytest.mark.parametrize(("equity", "peak"), [("-5", "100"), ("0", "100"), ("0", "0"), ("-1", "-1")])
def test_lost_equity_is_the_deepest_tier_and_a_spent_budget(equity: str, peak: str) -> None:
    budget = DrawdownBudget(BOOK)
    budget.take(book_of(1, "AAA", 0, equity=equity, peak=peak))
    assert budget.ladder.is_last
    assert budget.is_spent


@pytest.mark.parametrize(("drawdown", "is_spent"), [("14.99", False), ("15", False), ("15.01", True)])
def test_the_budget_is_spent_one_tick_beyond_it(drawdown: str, is_spent: bool) -> None:
    assert at(drawdown).is_spent is is_spent


@pytest.mark.parametrize(("drawdown", "weight"), [("7", "0.1"), ("8", "0.09"), ("12", "0.075"), ("15", "0.05")])
def test_the_tier_cuts_the_position_limit(drawdown: str, weight: str) -> None:
    assert at(drawdown).position_weight == Decimal(weight)


@pytest.mark.parametrize(("drawdown", "held", "quantity"), [
    # Equity 100,000, 100 a unit: the limit is 90, 75, 50 units, and what is over goes down to 95 % of it.
    ("8", 100, "15"), ("12", 100, "29"), ("15", 100, "53"), ("8", 91, "6"), ("8", -100, "15"), ("0", 101, "6"),
])  # fmt: skip
def test_it_shrinks_exactly(drawdown: str, held: int, quantity: str) -> None:
    book = book_of(2, "AAA", 5, positions={"AAA": held}, equity=100_000)
    assert at(drawdown).shrinking(book) == Order(
        order_id="AAA-5-r1",
        decision_id="AAA-5",
        symbol="AAA",
        side=Side.SELL if held > 0 else Side.BUY,
        quantity=Decimal(quantity),
        reference_price=HUNDRED,
        bar=5,
        urgency=Urgency.HIGH,
    )


def test_at_the_limit_nothing_is_asked_and_a_tick_above_it_is() -> None:
    budget = at("8")
    assert budget.shrinking(book_of(2, "AAA", 5, positions={"AAA": 90}, equity=100_000)) is None
    dearer = book_of(2, "AAA", 5, positions={"AAA": 90}, prices={"AAA": HUNDRED + TICK}, equity=100_000)
    shrinking = budget.shrinking(dearer)
    assert shrinking is not None
    assert shrinking.quantity == 5
    poorer = book_of(2, "AAA", 5, positions={"AAA": 90}, equity=Decimal(100_000) - TICK)
    assert budget.shrinking(poorer) is not None


def test_only_the_symbol_of_the_book_is_looked_at() -> None:
    book = book_of(2, "BBB", 5, positions={"AAA": 100, "BBB": 80}, equity=100_000)
    assert at("8").shrinking(book) is None


@pytest.mark.parametrize("book", [
    book_of(2, "AAA", 5, positions={"AAA": 100}, equity=100_000, working=[order(Side.SELL)]),
    book_of(2, "AAA", -1, positions={"AAA": 100}, equity=100_000),
    book_of(2, "AAA", 5, equity=100_000),
    book_of(2, "AAA", 5, positions={"AAA": 100}, equity=0),
    book_of(2, "AAA", 5, positions={"AAA": 100}, equity=-1),
])  # fmt: skip
def test_an_order_at_work_no_bar_no_holding_or_no_equity_asks_for_nothing(book: object) -> None:
    assert at("8").shrinking(book) is None  # type: ignore[arg-type]


def test_it_shrinks_by_whole_lots_and_never_past_zero() -> None:
    for lot, quantity in (("0.5", "14.5"), ("10", "20"), ("200", "100")):
        budget = DrawdownBudget(BOOK.model_copy(update={"lots": {"AAA": Decimal(lot)}}))
        budget.take(book_of(1, "AAA", 0, equity=fallen("8"), peak=HUNDRED))
        shrinking = budget.shrinking(book_of(2, "AAA", 5, positions={"AAA": 100}, equity=100_000))
        assert shrinking is not None
        assert shrinking.quantity == Decimal(quantity)


def test_a_growing_order_at_work_is_no_reason_to_wait() -> None:
    book = book_of(2, "AAA", 5, positions={"AAA": 100}, equity=100_000, working=[order(Side.BUY)])
    assert at("8").shrinking(book) is not None


def test_beyond_the_budget_the_halt_flattens_and_nothing_is_shrunk() -> None:
    book = book_of(2, "AAA", 5, positions={"AAA": 100}, equity=100_000)
    assert at("15").shrinking(book) is not None
    assert at("15.01").shrinking(book) is None


@settings(deadline=None, max_examples=50)
@given(
    units=st.integers(-3_000, 3_000).filter(bool),
    price=st.decimals("0.01", "3000", places=2),
    equity=st.decimals("1", "1000000", places=2),
    drawdown=st.sampled_from(["0", "8", "12", "15"]),
)
def test_what_is_left_is_within_the_limit_and_never_on_the_other_side(
    units: int, price: Decimal, equity: Decimal, drawdown: str
) -> None:
    budget = at(drawdown)
    shrinking = budget.shrinking(book_of(2, "AAA", 5, positions={"AAA": units}, prices={"AAA": price}, equity=equity))
    limit = budget.position_weight * equity
    if shrinking is None:
        assert abs(units) * price <= limit
        return
    left = units + shrinking.signed_quantity
    assert left * units >= 0
    assert abs(left) * price <= limit * MARGIN
    assert shrinking.quantity == min((abs(units) - limit * MARGIN / price).to_integral_value("ROUND_UP"), abs(units))


def test_a_restored_budget_goes_on_alike() -> None:
    budget, other = at("12"), DrawdownBudget(BOOK)
    other.restore(unpack(pack(budget.snapshot())))
    for each in (budget, other):
        assert each.take(book_of(2, "AAA", 1, equity=89, peak=100)) is False
        assert each.position_weight == Decimal("0.075")


def test_a_ladder_restored_into_a_shorter_one_is_in_its_last_tier() -> None:
    ladder = DrawdownLadder(TIERS[:1])
    ladder.restore([3, Decimal("0.2")])
    assert ladder.is_last


def test_a_halt_numbers_its_orders() -> None:
    assert flattening_id("AAA", 5, 1) == "AAA-5-x1"


def test_a_tier_holds_three_numbers() -> None:
    assert set(DrawdownTier.model_fields) == {"enter", "leave", "cut"}
