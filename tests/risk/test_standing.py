"""Whether the firm may trade: ladder, day's loss, halt."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.messages import Command, LeaseState, SystemCommand
from bus.plain import pack, unpack
from risk.config import DrawdownTier
from risk.history import Histories
from risk.standing import DailyLoss, DrawdownLadder, Standing
from tests.gates.driver import DAY_NS, bar_of, book_of

TIERS = tuple(
    DrawdownTier(enter=Decimal(enter), leave=Decimal(leave), cut=Decimal(cut))
    for enter, leave, cut in (
        ("0.08", "0.06", "0.10"), ("0.12", "0.10", "0.25"), ("0.15", "0.12", "0.50"), ("0.15", "0.14", "1"),
    )
)  # fmt: skip
HUNDRED = Decimal(100)
TICK = Decimal("0.01")


def fallen(drawdown: str) -> Decimal:
    """Equity after a fall from a hundred, in percent."""
    return HUNDRED - Decimal(drawdown)


@pytest.mark.parametrize(("drawdown", "cut"), [
    ("0", "0"), ("7.99", "0"), ("8", "0.10"), ("11.99", "0.10"), ("12", "0.25"), ("14.99", "0.25"), ("15", "1"),
    ("99", "1"),
])  # fmt: skip
def test_a_tier_is_entered_at_its_threshold(drawdown: str, cut: str) -> None:
    ladder = DrawdownLadder(TIERS)
    assert ladder.take(fallen(drawdown), HUNDRED) is (cut != "0")
    assert ladder.cut == Decimal(cut)
    assert ladder.drawdown == Decimal(drawdown) / 100


@pytest.mark.parametrize(("drawdown", "cut"), [
    ("14", "1"), ("13.99", "0.50"), ("12", "0.50"), ("11.99", "0.25"), ("10", "0.25"), ("9.99", "0.10"),
    ("6", "0.10"), ("5.99", "0"),
])  # fmt: skip
def test_recovery_leaves_each_tier_only_well_above_it(drawdown: str, cut: str) -> None:
    ladder = DrawdownLadder(TIERS)
    ladder.take(fallen("16"), HUNDRED)
    assert not ladder.take(fallen(drawdown), HUNDRED)
    assert ladder.cut == Decimal(cut)


def test_swinging_around_a_threshold_enters_once() -> None:
    ladder = DrawdownLadder(TIERS)
    entered = [ladder.take(fallen(drawdown), HUNDRED) for drawdown in ("8", "7.9", "8.1", "7.5", "8", "5.9", "8")]
    assert entered == [True, False, False, False, False, False, True]


@given(path=st.lists(st.integers(0, 30_00), min_size=1, max_size=40))
def test_the_cut_is_never_less_than_the_drawdown_asks_for(path: list[int]) -> None:
    ladder = DrawdownLadder(TIERS)
    for basis_points in path:
        ladder.take(HUNDRED - Decimal(basis_points) / 100, HUNDRED)
        asked = [tier.cut for tier in TIERS if ladder.drawdown >= tier.enter]
        assert ladder.cut >= max(asked, default=Decimal(0))


@pytest.mark.parametrize(("equity", "peak"), [("-5", "100"), ("0", "100"), ("0", "0"), ("-1", "-1")])
def test_lost_equity_is_the_deepest_tier(equity: str, peak: str) -> None:
    ladder = DrawdownLadder(TIERS)
    ladder.take(Decimal(equity), Decimal(peak))
    assert ladder.cut == 1


def days(*bars: tuple[str, int, int]) -> Histories:
    """Histories that have seen bars (symbol, bar, day)."""
    histories = Histories(50)
    for symbol, bar, day in bars:
        histories.append(bar_of(symbol, bar, 100, day * DAY_NS))
    return histories


def test_the_day_opens_at_the_last_equity_of_the_day_before() -> None:
    daily, histories = DailyLoss(), days(("A", 0, 1), ("A", 1, 1), ("A", 2, 2), ("A", 3, 2))
    for bar, equity in ((0, 100), (1, 110), (2, 99), (3, 88)):
        daily.take("A", bar, Decimal(equity))
        daily.date(histories)
    assert daily.opening == 110
    assert daily.fraction == Decimal("0.2")


def test_days_before_1970_are_days_too() -> None:
    daily, histories = DailyLoss(), days(("A", 0, -3), ("A", 1, -2), ("A", 2, -1), ("A", 3, 0))
    for bar, equity in enumerate((100, 50, 40, 30)):
        daily.take("A", bar, Decimal(equity))
        daily.date(histories)
        assert daily.fraction == (0, Decimal("0.5"), Decimal("0.2"), Decimal("0.25"))[bar]


def test_two_symbols_of_one_day_share_its_opening() -> None:
    daily, histories = DailyLoss(), days(("A", 0, 1), ("B", 0, 1), ("A", 1, 2), ("B", 1, 2))
    for symbol, bar, equity in (("A", 0, 100), ("B", 0, 100), ("A", 1, 95), ("B", 1, 90)):
        daily.take(symbol, bar, Decimal(equity))
    daily.date(histories)
    assert daily.fraction == Decimal("0.1")


def test_nothing_is_lost_before_the_first_dated_book() -> None:
    daily = DailyLoss()
    daily.take("A", 0, Decimal(100))
    daily.date(days())
    assert daily.fraction == 0


def test_it_does_not_matter_whether_book_or_bar_comes_first() -> None:
    bars = [("A", 0, 1), ("A", 1, 2), ("A", 2, 2)]
    late, early = DailyLoss(), DailyLoss()
    for (symbol, bar, _), equity in zip(bars, (100, 97, 95), strict=True):
        late.take(symbol, bar, Decimal(equity))
        early.take(symbol, bar, Decimal(equity))
        early.date(days(*bars))
    late.date(days(bars[0]))
    assert late.fraction == 0
    late.date(days(*bars))
    assert late.snapshot() == early.snapshot()
    assert late.fraction == Decimal("0.05")


def test_a_book_whose_bar_was_lost_is_passed_over() -> None:
    daily = DailyLoss()
    daily.take("A", 0, Decimal(100))
    daily.take("A", 1, Decimal(50))
    daily.take("A", 2, Decimal(90))
    daily.date(days(("A", 0, 1), ("A", 2, 2)))
    assert daily.equity == 90


def test_a_book_whose_bar_was_forgotten_is_passed_over_at_once() -> None:
    daily, histories = DailyLoss(), days(("A", 0, 1))
    histories.clear()
    daily.take("A", 0, Decimal(100))
    daily.take("B", 0, Decimal(90))
    daily.date(histories)
    histories.append(bar_of("B", 0, 100, DAY_NS))
    daily.date(histories)
    assert (daily.opening, daily.equity) == (Decimal(90), Decimal(90))


def command(word: Command, reason: str = "", operator: str = "") -> SystemCommand:
    return SystemCommand(command=word, reason=reason, operator=operator)


def states(*standings: Standing) -> list[LeaseState]:
    return [standing.state for standing in standings]


def test_a_halt_needs_nothing_and_a_resume_needs_name_and_reason() -> None:
    standing = Standing(TIERS)
    assert states(standing) == [LeaseState.ACTIVE]
    assert standing.obey(command(Command.HALT)) == (True, "halted: no reason given (unnamed)")
    assert states(standing) == [LeaseState.HALTED]
    for reason, operator in (("", "ada"), ("fixed", ""), (" ", " ")):
        assert standing.obey(command(Command.RESUME, reason, operator))[0] is False
        assert states(standing) == [LeaseState.HALTED]
    is_done, detail = standing.obey(command(Command.RESUME, "fixed", "ada"))
    assert is_done
    assert detail == "ada resumes: fixed; it was halted: no reason given (unnamed); the state is active"


def test_a_second_halt_keeps_the_first_reason() -> None:
    standing = Standing(TIERS)
    standing.obey(command(Command.HALT, "fire", "ada"))
    assert standing.obey(command(Command.HALT, "flood", "bob")) == (True, "halted: fire (ada)")
    assert standing.reason == "fire (ada)"


def test_what_is_not_halted_cannot_resume_and_other_words_are_refused() -> None:
    standing = Standing(TIERS)
    assert standing.obey(command(Command.RESUME, "fixed", "ada")) == (False, "not halted; the state is active")
    assert standing.obey(command(Command.ASK))[0] is False


def test_a_halt_outlasts_recovery_and_gives_way_to_reduce_only() -> None:
    standing = Standing(TIERS)
    standing.obey(command(Command.HALT, "fire", "ada"))
    alert = standing.take(book_of(1, "A", 0, equity=84, peak=100))
    assert alert == "drawdown 16.00% enters tier 4: position limit cut by 100%"
    assert states(standing) == [LeaseState.HALTED]
    standing.obey(command(Command.RESUME, "out", "ada"))
    assert states(standing) == [LeaseState.REDUCING]
    assert standing.reason == "drawdown tier 4 is reduce only, drawdown 16.00%"
    assert standing.take(book_of(2, "A", 1, equity="86.01", peak=100)) is None
    assert states(standing) == [LeaseState.ACTIVE]
    assert standing.reason == ""


def test_a_restored_standing_goes_on_alike() -> None:
    standing = Standing(TIERS)
    standing.obey(command(Command.HALT, "fire", "ada"))
    standing.take(book_of(1, "A", 0, equity=91, peak=100))
    standing.take(book_of(2, "A", 1, equity=93, peak=100))
    other = Standing(TIERS)
    other.restore(unpack(pack(standing.snapshot())))
    assert other.snapshot() == standing.snapshot()
    assert other.ladder.cut == Decimal("0.10")
    assert other.state is LeaseState.HALTED
    for each in (standing, other):
        each.daily.date(days(("A", 0, 1), ("A", 1, 2)))
    assert other.daily.fraction == standing.daily.fraction != 0
