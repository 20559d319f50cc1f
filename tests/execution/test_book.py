"""The book adds up, exactly, whatever is traded."""

from decimal import Context, Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Invalid
from bus.plain import pack, unpack
from execution.book import Book
from tests.execution.driver import dec

WIDE = Context(prec=400, traps=[Inexact])


def book_at(price: str) -> Book:
    book = Book(dec(1000))
    book.mark("SPX", dec(price))
    return book


def assert_adds_up(book: Book) -> None:
    """Check every identity from scratch, with more digits than the book itself uses."""
    with localcontext(WIDE):
        held = book.positions.values()
        value = sum((p.quantity * p.last_price for p in held), Decimal(0))
        cost = sum((p.cost for p in held), Decimal(0))
        assert book.equity == book.cash + value
        assert book.unrealized == value - cost
        assert book.equity == book.initial_cash + book.realized + book.unrealized - book.fees
        for position in held:
            assert position.cost * position.quantity > 0


def test_a_purchase_costs_its_price_and_its_fee() -> None:
    book = book_at("100")
    book.fill("SPX", dec(3), dec("100.5"), dec("0.25"))
    assert (book.cash, book.equity, book.fees) == (dec("698.25"), dec("998.25"), dec("0.25"))
    assert book.positions["SPX"].average_price == dec("100.5")
    assert (book.realized, book.unrealized) == (dec(0), dec("-1.5"))


def test_short_proceeds_are_not_profit() -> None:
    book = book_at("100")
    book.fill("SPX", dec(-4), dec(100), dec(0))
    assert book.cash == dec(1400)
    assert book.equity == dec(1000)
    assert (book.realized, book.unrealized) == (dec(0), dec(0))
    book.mark("SPX", dec(110))
    assert (book.cash, book.equity, book.unrealized) == (dec(1400), dec(960), dec(-40))


def test_adding_averages_the_price_by_units() -> None:
    book = book_at("100")
    book.fill("SPX", dec(1), dec(100), dec(0))
    book.fill("SPX", dec(2), dec(103), dec(0))
    assert book.positions["SPX"].average_price == dec(102)
    assert book.realized == 0


def test_a_partial_close_realizes_its_share_and_keeps_the_average() -> None:
    book = book_at("100")
    book.fill("SPX", dec(4), dec(100), dec(0))
    book.fill("SPX", dec(-1), dec(110), dec(0))
    assert book.realized == dec(10)
    assert book.positions["SPX"].quantity == dec(3)
    assert book.positions["SPX"].average_price == dec(100)


def test_covering_part_of_a_short_realizes_its_share() -> None:
    book = book_at("100")
    book.fill("SPX", dec(-4), dec(100), dec(0))
    book.fill("SPX", dec(1), dec(90), dec(0))
    assert book.realized == dec(10)
    assert book.positions["SPX"].quantity == dec(-3)
    assert book.positions["SPX"].average_price == dec(100)


def test_a_flip_closes_everything_and_opens_the_rest_at_the_new_price() -> None:
    book = book_at("100")
    book.fill("SPX", dec(2), dec(100), dec(0))
    book.fill("SPX", dec(-5), dec(104), dec(1))
    assert book.realized == dec(8)
    assert book.positions["SPX"].quantity == dec(-3)
    assert book.positions["SPX"].average_price == dec(104)
    book.fill("SPX", dec(7), dec(100), dec(0))
    assert book.realized == dec(20)
    assert (book.positions["SPX"].quantity, book.positions["SPX"].average_price) == (dec(4), dec(100))


def test_thirds_round_between_realized_and_unrealized_only() -> None:
    book = book_at("100")
    book.fill("SPX", dec(3), dec("33.333333"), dec(0))
    book.fill("SPX", dec(4), dec("10.000001"), dec(0))
    book.fill("SPX", dec(-2), dec(50), dec(0))
    assert book.realized == dec("59.999999142857")
    assert_adds_up(book)
    book.fill("SPX", dec(-5), dec(50), dec(0))
    assert book.realized == dec("209.999997")
    assert book.equity == dec("1209.999997")
    assert not book.positions


def test_a_flat_book_has_nothing_unrealized() -> None:
    book = book_at("100")
    book.fill("SPX", dec("0.7"), dec(99), dec(0))
    book.fill("SPX", dec("-0.7"), dec(101), dec(0))
    assert (book.unrealized, book.realized, book.quantity("SPX")) == (dec(0), dec("1.4"), dec(0))
    assert book.equity == book.cash == dec("1001.4")


def test_the_peak_is_the_highest_equity_at_a_mark() -> None:
    book = book_at("100")
    book.fill("SPX", dec(1), dec(90), dec(0))
    assert (book.equity, book.peak_equity) == (dec(1010), dec(1000))
    book.mark("SPX", dec(95))
    assert book.peak_equity == dec(1005)
    book.mark("SPX", dec(80))
    assert book.peak_equity == dec(1005)


def test_a_gain_taken_at_the_fill_that_closes_reaches_the_peak_at_the_next_mark() -> None:
    book = book_at("100")
    book.fill("SPX", dec(1), dec(100), dec(0))
    book.fill("SPX", dec(-1), dec(120), dec(0))
    assert book.peak_equity == dec(1000)
    book.mark("SPX", dec(110))
    assert book.peak_equity == book.equity == dec(1020)


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    [
        ("0", "100", "0"),
        ("1", "0", "0"),
        ("1", "-100", "0"),
        ("1", "100", "-1"),
        ("NaN", "100", "0"),
        ("1", "Infinity", "0"),
        ("1", "sNaN", "0"),
        ("1", "100", "NaN"),
        ("1", "1E+70", "0"),
        ("1", "1E-21", "0"),
        ("1", "0.3333333333333333333333", "0"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(quantity: str, price: str, fee: str) -> None:
    book = book_at("100")
    book.fill("SPX", dec(2), dec(100), dec(1))
    before = pack(book.snapshot())
    with pytest.raises(Invalid):
        book.fill("SPX", dec(quantity), dec(price), dec(fee))
    assert pack(book.snapshot()) == before


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_mark_needs_a_positive_price(price: str) -> None:
    book = book_at("100")
    before = pack(book.snapshot())
    with pytest.raises(Invalid, match="price of SPX"):
        book.mark("SPX", dec(price))
    assert pack(book.snapshot()) == before


def test_an_unknown_symbol_cannot_be_filled() -> None:
    with pytest.raises(Invalid, match="no price of it is known"):
        book_at("100").fill("IBM", dec(1), dec(100), dec(0))


def test_a_book_needs_cash_to_begin_with() -> None:
    with pytest.raises(Invalid, match="initial cash"):
        Book(dec(0))


prices = st.decimals("0.000001", "1000000", places=6)
quantities = st.decimals("-100000", "100000", places=8).filter(bool)
fees = st.decimals("0", "1000", places=6)
fill_events = st.tuples(st.just("fill"), st.sampled_from("AB"), quantities, prices, fees)
mark_events = st.tuples(st.just("mark"), st.sampled_from("AB"), quantities, prices, fees)
close_events = st.tuples(st.just("close"), st.sampled_from("AB"), quantities, prices, fees)


@given(st.lists(st.one_of(fill_events, mark_events, close_events), max_size=30))
def test_the_identity_holds_at_every_event(events: list[tuple[str, str, Decimal, Decimal, Decimal]]) -> None:
    book = Book(dec(1_000_000))
    book.mark("A", dec(10))
    book.mark("B", dec("0.1"))
    for kind, symbol, quantity, price, fee in events:
        equity, last = book.equity, book._positions[symbol].last_price
        size = -book.quantity(symbol) if kind == "close" else quantity
        if kind == "mark":
            book.mark(symbol, price)
            assert book.peak_equity >= book.equity
        elif size:
            book.fill(symbol, size, price, fee)
            with localcontext(WIDE):
                assert book.equity - equity == size * (last - price) - fee
        if kind == "close":
            assert symbol not in book.positions
        assert_adds_up(book)
        if not book.positions:
            assert book.unrealized == 0


@given(st.lists(st.one_of(fill_events, mark_events), min_size=1, max_size=12))
def test_a_restored_book_is_the_same_to_the_digit(events: list[tuple[str, str, Decimal, Decimal, Decimal]]) -> None:
    book = Book(dec(1_000_000))
    book.mark("A", dec(10))
    book.mark("B", dec("0.1"))
    for kind, symbol, quantity, price, fee in events:
        copy = Book.restored(unpack(pack(book.snapshot())))
        for each in (book, copy):
            if kind == "mark":
                each.mark(symbol, price)
            else:
                each.fill(symbol, quantity, price, fee)
        assert pack(copy.snapshot()) == pack(book.snapshot())
