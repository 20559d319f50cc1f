"""The day of a book is that of its bar, whichever of the two comes first; a day's loss is against the day before."""

from decimal import Decimal

import pytest

from bus.messages import PortfolioUpdate
from bus.plain import pack, unpack
from portfolio.history import Histories
from risk.dating import DailyLoss, DatedBook, Dating
from tests.gates.driver import DAY_NS, bar_of, book_of


def days(*bars: tuple[str, int, int]) -> Histories:
    """Histories of bars, each of a symbol, with a number and a day."""
    histories = Histories(10)
    for symbol, bar, day in bars:
        histories.append(bar_of(symbol, bar, 100, day * DAY_NS + 3_600 * 10**9))
    return histories


def books(*each: tuple[str, int, int]) -> list[PortfolioUpdate]:
    """Books of a symbol, a bar and an equity, one after another."""
    return [
        book_of(version, symbol, bar, equity=equity, peak=200)
        for version, (symbol, bar, equity) in enumerate(each, 1)
    ]  # fmt: skip


def test_a_book_waits_for_its_bar_and_keeps_its_place() -> None:
    dating, (first, second) = Dating(), books(("A", 0, 100), ("B", 0, 90))
    dating.take(first, 0)
    dating.take(second, 1)
    assert dating.due(days(("B", 0, 3))) == []
    assert dating.due(days(("A", 0, 2), ("B", 0, 3))) == [DatedBook(2, first, 0), DatedBook(3, second, 1)]
    assert dating.due(days(("A", 0, 2), ("B", 0, 3))) == []


def test_a_book_whose_bar_was_lost_is_passed_over() -> None:
    dating, (first, lost, third) = Dating(), books(("A", 0, 100), ("A", 1, 50), ("A", 2, 90))
    for book in (first, lost, third):
        dating.take(book, 0)
    assert [dated.book for dated in dating.due(days(("A", 0, 1), ("A", 2, 2)))] == [third]


def test_a_book_whose_bar_was_forgotten_is_passed_over_at_once() -> None:
    dating, histories = Dating(), days(("A", 0, 1))
    histories.clear()
    for book in books(("A", 0, 100), ("B", 0, 90)):
        dating.take(book, 0)
    assert dating.due(histories) == []
    histories.append(bar_of("B", 0, 100, DAY_NS))
    assert [dated.book.symbol for dated in dating.due(histories)] == ["B"]


def test_a_book_from_before_the_first_bar_holds_up_nothing() -> None:
    dating, (early, first) = Dating(), books(("A", -1, 100), ("A", 0, 100))
    dating.take(early, 0)
    dating.take(first, 0)
    assert [dated.book for dated in dating.due(days(("A", 0, 1)))] == [first]


def test_a_restored_dating_goes_on_alike() -> None:
    dating, other = Dating(), Dating()
    for book in books(("A", 0, 100), ("A", 1, 90)):
        dating.take(book, 2)
    other.restore(unpack(pack(dating.snapshot())))
    bars = days(("A", 0, 1), ("A", 1, 2))
    assert other.due(bars) == dating.due(bars) != []


@pytest.mark.parametrize(("day", "equity", "fraction"), [
    (1, 90, "0"), (1, 120, "0"), (2, 100, "0.2"), (2, 130, "-0.04"), (3, 100, "0"), (3, 99, "0.01"),
])  # fmt: skip
def test_the_loss_is_against_the_end_of_the_day_before(day: int, equity: int, fraction: str) -> None:
    daily = DailyLoss()
    for each, then in ((1, 100), (1, 125), (2, 110), (2, 100)):
        if each < day:
            daily.enter(each, Decimal(then))
    daily.enter(day, Decimal(equity))
    assert daily.fraction == Decimal(fraction)


def test_a_book_of_a_day_that_is_over_stays_in_the_one_at_hand() -> None:
    daily = DailyLoss()
    for day, equity in ((1, 100), (2, 90), (1, 80)):
        daily.enter(day, Decimal(equity))
    assert (daily.day, daily.fraction) == (2, Decimal("0.2"))


def test_nothing_is_lost_before_the_first_book_or_without_equity() -> None:
    daily = DailyLoss()
    assert daily.fraction == 0
    daily.enter(1, Decimal(0))
    daily.enter(2, Decimal(-5))
    assert daily.fraction == 0


def test_a_restored_loss_goes_on_alike() -> None:
    daily, other = DailyLoss(), DailyLoss()
    for day, equity in ((1, 100), (2, 90)):
        daily.enter(day, Decimal(equity))
    other.restore(unpack(pack(daily.snapshot())))
    for each in (daily, other):
        each.enter(2, Decimal(80))
    assert daily.fraction == other.fraction == Decimal("0.2")
