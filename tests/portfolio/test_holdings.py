"""A book in money, whatever its open orders fill."""

from decimal import Decimal

import numpy as np
import pytest

from bus.in_flight import Exposure
from bus.messages import Order, Side
from portfolio.history import Histories
from portfolio.holdings import Holdings
from tests.gates.driver import bar_of, book_limits_of, book_of, order

LIMITS = book_limits_of(sectors={"AAA": "first", "BBB": "first"})


@pytest.fixture
def histories() -> Histories:
    seen = Histories(5)
    for symbol, close in (("AAA", 10), ("BBB", 20), ("CCC", 50)):
        seen.append(bar_of(symbol, 0, close))
    return seen


def asked(symbol: str, side: Side, quantity: int, order_id: str = "o1") -> Order:
    return order(side, quantity, symbol=symbol, order_id=order_id)


@pytest.fixture
def holdings(histories: Histories) -> Holdings:
    """Long A with a purchase at work, short B with a purchase in flight, a sale of C in flight, Z never seen."""
    book = book_of(
        1, "AAA", 0, positions={"AAA": 100, "BBB": -60, "ZZZ": 2}, prices={"AAA": 9, "BBB": 21, "ZZZ": 300},
        working=[asked("AAA", Side.BUY, 30, "w")], equity=10_000,
    )  # fmt: skip
    flying = [asked("BBB", Side.BUY, 200, "f"), asked("CCC", Side.SELL, 10, "g")]
    return Holdings(book, flying, histories)


def test_it_is_worth_what_the_last_bars_say(holdings: Holdings) -> None:
    assert [holdings.price(symbol) for symbol in ("AAA", "BBB", "CCC", "ZZZ")] == [10, 20, 50, 300]
    assert holdings.symbols == ("AAA", "BBB", "CCC", "ZZZ")
    assert holdings.exposure("BBB") == Exposure(Decimal(-60), Decimal(200), Decimal(0))
    assert holdings.exposure("QQQ") == Exposure()
    with pytest.raises(LookupError, match="no price of QQQ was ever seen"):
        holdings.price("QQQ")


def test_each_symbol_counts_at_its_worse_end(holdings: Holdings) -> None:
    assert holdings.greatest == {"AAA": 1300, "BBB": 2800, "CCC": 500, "ZZZ": 600}
    assert holdings.gross == 5200
    assert [holdings.sector(name, LIMITS) for name in ("first", "unclassified", "none")] == [4100, 1100, 0]


@pytest.mark.parametrize(("symbol", "side", "quantity", "growth"), [
    ("AAA", Side.BUY, 5, 50), ("AAA", Side.SELL, 230, 0), ("AAA", Side.SELL, 231, 10),
    ("BBB", Side.SELL, 80, 0), ("BBB", Side.SELL, 81, 20), ("CCC", Side.BUY, 10, 0), ("CCC", Side.BUY, 11, 50),
])  # fmt: skip
def test_an_order_grows_what_it_makes_worse(
    holdings: Holdings, symbol: str, side: Side, quantity: int, growth: int
) -> None:
    assert holdings.growth(asked(symbol, side, quantity)) == growth


def test_fractions_of_equity_cross_to_floats(holdings: Holdings) -> None:
    fractions = holdings.fractions(("AAA", "BBB", "CCC"))
    assert fractions is not None
    held, low, high = fractions
    np.testing.assert_allclose(held, [0.1, -0.12, 0.0], rtol=1e-15)
    np.testing.assert_allclose(low, [0.1, -0.12, -0.05], rtol=1e-15)
    np.testing.assert_allclose(high, [0.13, 0.28, 0.0], rtol=1e-15)
    assert holdings.fraction(asked("CCC", Side.SELL, 20)) == -0.1


@pytest.mark.parametrize("equity", ["0", "-1", "1e-9", "1e-999999"])
def test_beside_no_equity_nothing_is_a_fraction(histories: Histories, equity: str) -> None:
    book = book_of(1, "AAA", 0, positions={"AAA": 100}, equity=Decimal(equity))
    assert Holdings(book, [], histories).fractions(("AAA",)) is None


@pytest.mark.parametrize("quantity", ["1e10", "1e308", "1e999999"])
def test_an_order_beyond_all_measure_is_no_fraction(holdings: Holdings, quantity: str) -> None:
    judged = order(Side.BUY, Decimal(quantity))
    assert holdings.fraction(judged) is None


def test_it_shows_one_book_one_flight_and_one_moment(holdings: Holdings, histories: Histories) -> None:
    book, flying = holdings.book, holdings.in_flight
    assert holdings.shows(book, flying, histories)
    assert not holdings.shows(book, flying[:1], histories)
    assert not holdings.shows(book.model_copy(update={"version": 2}), flying, histories)
    histories.append(bar_of("QQQ", 0, 1))
    assert not holdings.shows(book, flying, histories)
