"""The book adds up, exactly, whatever is traded."""

from collections.abc import Callable
from decimal import Context, Decimal, Inexact, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Fatal, Invalid
from bus.messages import CorporateAction
from bus.plain import pack, unpack
from execution.book import Book
from tests.execution.venue import dec

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
        assert book.equity == book.initial_cash + book.realized + book.unrealized - book.fees + book.carry
        for position in held:
            assert position.cost * position.quantity > 0
    book.check()


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


def action(split: str = "1", dividend: str = "0") -> CorporateAction:
    """What happened to a share."""
    return CorporateAction(split=dec(split), dividend=dec(dividend))


def test_a_fee_for_borrowing_is_paid_from_cash_and_is_no_trading_fee() -> None:
    book = book_at("100")
    book.fill("SPX", dec(-4), dec(100), dec(1))
    book.charge("SPX", dec("-0.05"))
    assert (book.cash, book.carry, book.fees, book.realized) == (dec("1398.95"), dec("-0.05"), dec(1), dec(0))
    assert book.equity == dec("998.95")
    assert_adds_up(book)


@pytest.mark.parametrize(("units", "paid"), [("4", "6"), ("-4", "-6")])
def test_a_dividend_is_paid_on_longs_and_charged_to_shorts(units: str, paid: str) -> None:
    book = book_at("100")
    book.fill("SPX", dec(units), dec(100), dec(0))
    cash = book.cash
    book.act("SPX", action(dividend="1.5"))
    assert (book.cash - cash, book.carry, book.quantity("SPX")) == (dec(paid), dec(paid), dec(units))
    book.mark("SPX", dec("98.5"))
    assert book.equity == dec(1000)
    assert_adds_up(book)


@pytest.mark.parametrize("side", ["1", "-1"])
def test_a_split_changes_units_and_price_and_nothing_else(side: str) -> None:
    book = book_at("100")
    book.fill("SPX", dec(side) * 6, dec(90), dec(0))
    before = (book.cash, book.equity, book.realized, book.unrealized, book.peak_equity)
    book.act("SPX", action(split="4"))
    assert (book.quantity("SPX"), book.positions["SPX"].last_price) == (dec(side) * 24, dec(25))
    assert book.positions["SPX"].average_price == dec("22.5")
    assert (book.cash, book.equity, book.realized, book.unrealized, book.peak_equity) == before


def test_a_dividend_is_paid_on_the_units_of_after_the_split() -> None:
    book = book_at("100")
    book.fill("SPX", dec(3), dec(100), dec(0))
    book.act("SPX", action(split="2", dividend="0.5"))
    assert (book.quantity("SPX"), book.carry) == (dec(6), dec(3))


def test_a_split_down_rounds_to_the_lot_and_the_tick_and_still_adds_up() -> None:
    book = book_at("100")
    book.fill("SPX", dec(10), dec("33.333333"), dec(0))
    book.act("SPX", action(split="0.3"))
    assert (book.quantity("SPX"), book.positions["SPX"].last_price) == (dec(3), dec("333.333333"))
    assert_adds_up(book)
    book.fill("SPX", dec(-3), dec(120), dec(0))
    assert book.realized == dec("26.66667")
    assert_adds_up(book)


def test_units_that_a_split_leaves_nothing_of_have_lost_their_cost() -> None:
    book = book_at("100")
    book.fill("SPX", dec("0.00000001"), dec(100), dec(0))
    book.act("SPX", action(split="0.5", dividend="3"))
    assert (book.quantity("SPX"), book.realized, book.carry) == (dec(0), dec("-0.000001"), dec(0))
    assert_adds_up(book)


def test_a_share_that_was_never_held_is_not_touched_by_what_happens_to_it() -> None:
    book = book_at("100")
    before = pack(book.snapshot())
    book.act("IBM", action(split="2", dividend="1"))
    assert pack(book.snapshot()) == before
    book.act("SPX", action(split="2", dividend="1"))
    assert (book.cash, book.quantity("SPX")) == (dec(1000), dec(0))


@pytest.mark.parametrize(("split", "dividend"), [("1E+16", "0"), ("1E-21", "0"), ("2", "1E+16"), ("2", "1E-21")])
def test_what_no_share_can_do_is_refused_and_changes_nothing(split: str, dividend: str) -> None:
    book = book_at("100")
    book.fill("SPX", dec(2), dec(100), dec(0))
    before = pack(book.snapshot())
    with pytest.raises(Invalid, match="of SPX is 1E"):
        book.act("SPX", action(split, dividend))
    assert pack(book.snapshot()) == before


@pytest.mark.parametrize("amount", ["0", "NaN", "Infinity", "1E+70", "1E-21"])
def test_a_charge_must_be_money(amount: str) -> None:
    book = book_at("100")
    with pytest.raises(Invalid, match="charge on SPX"):
        book.charge("SPX", dec(amount))
    assert book.cash == dec(1000)


def test_a_new_budget_begins_at_the_equity_of_now() -> None:
    book = book_at("100")
    book.fill("SPX", dec(1), dec(100), dec(0))
    book.mark("SPX", dec(160))
    book.mark("SPX", dec(70))
    assert (book.peak_equity, book.equity) == (dec(1060), dec(970))
    book.rebase_peak()
    assert book.peak_equity == dec(970)
    book.mark("SPX", dec(65))
    assert book.peak_equity == dec(970)


@pytest.mark.parametrize("part", ["cash", "realized", "fees", "carry", "value", "cost"])
def test_a_book_whose_cash_does_not_add_up_is_not_opened(part: str) -> None:
    book = book_at("100")
    book.fill("SPX", dec(3), dec(100), dec(1))
    state = book.snapshot()
    totals = book._totals
    book._totals = totals._replace(**{part: getattr(totals, part) + dec("0.000001")})
    with pytest.raises(
        Fatal,
        match=r"^the book does not add up: (its cash|the value|the cost).* is off by -?0.000001; stop the firm and .*$",
    ):
        Book.restored(book.snapshot())
    assert Book.restored(state).cash == dec(699)


def test_nothing_is_booked_into_a_book_that_does_not_add_up() -> None:
    book = book_at("100")
    book.fill("SPX", dec(3), dec(100), dec(1))
    book._totals = book._totals._replace(cash=dec(700))
    ways: list[Callable[[], None]] = [
        lambda: book.fill("SPX", dec(1), dec(100), dec(0)),
        lambda: book.charge("SPX", dec(1)),
        lambda: book.act("SPX", action("2")),
    ]
    for book_it in ways:
        before = pack(book.snapshot())
        with pytest.raises(Fatal, match=r"SPX.* was not booked: the book's cash would be off by 1; stop the"):
            book_it()
        assert pack(book.snapshot()) == before


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
split_events = st.tuples(st.just("split"), st.sampled_from("AB"), quantities, prices, fees)
dividend_events = st.tuples(st.just("dividend"), st.sampled_from("AB"), quantities, prices, fees)
charge_events = st.tuples(st.just("charge"), st.sampled_from("AB"), quantities, prices, fees)
close_events = st.tuples(st.just("close"), st.sampled_from("AB"), quantities, prices, fees)


any_events = st.one_of(fill_events, mark_events, close_events, split_events, dividend_events, charge_events)


@settings(max_examples=50, deadline=None)
@given(st.lists(any_events, max_size=30))
def test_the_identity_holds_at_every_event(events: list[tuple[str, str, Decimal, Decimal, Decimal]]) -> None:
    book = Book(dec(1_000_000))
    book.mark("A", dec(10))
    book.mark("B", dec("0.1"))
    for kind, symbol, quantity, price, fee in events:
        cash, equity, last = book.cash, book.equity, book._positions[symbol].last_price
        size = -book.quantity(symbol) if kind == "close" else quantity
        if kind == "mark":
            book.mark(symbol, price)
            assert book.peak_equity >= book.equity
        elif kind == "split":
            held = book.quantity(symbol)
            book.act(symbol, CorporateAction(split=price))
            assert abs(book.quantity(symbol)) <= abs(held) * price
            assert book.cash == cash
        elif kind == "dividend":
            book.act(symbol, CorporateAction(dividend=price))
            assert book.cash == cash + book.quantity(symbol) * price
        elif kind == "charge":
            book.charge(symbol, quantity)
            assert (book.cash, book.equity) == (cash + quantity, equity + quantity)
        elif size:
            book.fill(symbol, size, price, fee)
            with localcontext(WIDE):
                assert book.equity - equity == size * (last - price) - fee
        if kind == "close":
            assert symbol not in book.positions
        assert_adds_up(book)
        if not book.positions:
            assert book.unrealized == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(fill_events, mark_events, split_events, dividend_events), max_size=20))
def test_a_mirrored_book_gains_what_this_one_loses(events: list[tuple[str, str, Decimal, Decimal, Decimal]]) -> None:
    book, mirror = Book(dec(1_000_000)), Book(dec(1_000_000))
    for kind, symbol, quantity, price, fee in [("mark", each, dec(1), dec(10), dec(0)) for each in "AB"] + events:
        for each, sign in ((book, dec(1)), (mirror, dec(-1))):
            match kind:
                case "fill":
                    each.fill(symbol, quantity * sign, price, fee)
                case "mark":
                    each.mark(symbol, price)
                case "split":
                    each.act(symbol, CorporateAction(split=price))
                case _:
                    each.act(symbol, CorporateAction(dividend=price))
        with localcontext(WIDE):
            assert (book.realized, book.unrealized, book.carry) == tuple(
                -part for part in (mirror.realized, mirror.unrealized, mirror.carry)
            )
        assert book.fees == mirror.fees


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(fill_events, mark_events, dividend_events), min_size=1, max_size=12))
def test_a_restored_book_is_the_same_to_the_digit(events: list[tuple[str, str, Decimal, Decimal, Decimal]]) -> None:
    book = Book(dec(1_000_000))
    book.mark("A", dec(10))
    book.mark("B", dec("0.1"))
    for kind, symbol, quantity, price, fee in events:
        copy = Book.restored(unpack(pack(book.snapshot())))
        for each in (book, copy):
            if kind == "mark":
                each.mark(symbol, price)
            elif kind == "dividend":
                each.act(symbol, CorporateAction(split=dec(2), dividend=price))
            else:
                each.fill(symbol, quantity, price, fee)
        assert pack(copy.snapshot()) == pack(book.snapshot())
