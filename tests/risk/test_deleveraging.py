"""A shrinking order is asked for once a bar, on its first book, and anew on the next bar's."""

import tomllib

from bus.messages import PortfolioUpdate, Side
from bus.plain import pack, unpack
from portfolio.budget import DrawdownBudget
from portfolio.limits import BookLimits
from risk.deleveraging import Deleveraging
from tests.gates.driver import LIMITS, book_of, order

BUDGET = DrawdownBudget(BookLimits.model_validate(tomllib.loads(LIMITS.read_text(encoding="utf-8"))["book"]))


def over(version: int, bar: int, symbol: str = "AAA") -> PortfolioUpdate:
    """A book of 120 units where 100 are allowed."""
    return book_of(version, symbol, bar, positions={"AAA": 120, "BBB": 120})


def asked(deleveraging: Deleveraging, book: PortfolioUpdate) -> str | None:
    order = deleveraging.due(BUDGET, book, f"talk-{book.symbol}-{book.bar}")
    return None if order is None else order.order_id


def test_each_bar_asks_once_and_each_symbol_for_itself() -> None:
    found, books = Deleveraging(), [over(1, 5), over(2, 5), over(3, 5, "BBB"), over(4, 6), over(5, 5, "BBB")]
    assert [asked(found, book) for book in books] == ["AAA-5-r1", None, "BBB-5-r1", "AAA-6-r1", None]


def test_only_the_first_book_of_a_bar_asks() -> None:
    """PADS has decided on the first one, and would not wait for an order that a later one asks for."""
    found = Deleveraging()
    assert asked(found, book_of(1, "AAA", 5, positions={"AAA": 120}, working=[order(Side.SELL)])) is None
    assert asked(found, over(2, 5)) is None
    assert asked(found, over(3, 6)) == "AAA-6-r1"


def test_an_order_is_found_by_its_conversation_once() -> None:
    found = Deleveraging()
    asked(found, over(1, 5))
    asked(found, over(2, 5, "BBB"))
    lost = found.pop_conversation("talk-BBB-5")
    assert lost is not None
    assert lost.order_id == "BBB-5-r1"
    assert found.pop_conversation("talk-BBB-5") is None
    assert found.pop_conversation("elsewhere") is None
    assert asked(found, over(3, 5, "BBB")) is None


def test_a_restored_one_goes_on_alike() -> None:
    found, other = Deleveraging(), Deleveraging()
    asked(found, over(1, 5))
    other.restore(unpack(pack(found.snapshot())))
    for each in (found, other):
        assert asked(each, over(2, 5)) is None
        lost = each.pop_conversation("talk-AAA-5")
        assert lost is not None
        assert lost.quantity == 25
