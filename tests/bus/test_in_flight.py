"""What counts as open: from the moment a gate lets an order go until the book shows it or it ended unfilled."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.in_flight import Exposure, InFlight, Passed, exposures
from bus.messages import Order, OrderStatus, Side
from bus.plain import pack, unpack
from tests.gates.driver import SECOND_NS, book_of, order, report_of

UNITS = st.integers(-20, 20).map(Decimal)
SIZES = st.integers(1, 20).map(Decimal)


def flying(*orders: Order, until_ns: int = 10 * SECOND_NS) -> InFlight:
    in_flight = InFlight()
    for each in orders:
        in_flight.add(Passed(each, (), f"talk-{each.order_id}", until_ns))
    return in_flight


def test_positions_working_orders_and_orders_in_flight_add_up() -> None:
    book = book_of(1, "AAA", 0, positions={"AAA": 5, "BBB": -3}, working=[order(Side.SELL, 2, order_id="w1")])
    in_flight = flying(order(Side.BUY, 7, order_id="f1"), order(Side.SELL, 4, symbol="CCC", order_id="f2"))
    assert exposures(book, in_flight) == {
        "AAA": Exposure(Decimal(5), Decimal(7), Decimal(2)),
        "BBB": Exposure(Decimal(-3)),
        "CCC": Exposure(Decimal(0), Decimal(0), Decimal(4)),
    }


def test_only_what_remains_of_a_working_order_is_open() -> None:
    sent = order(Side.BUY, 10, order_id="w1")
    book = book_of(1, "AAA", 0, positions={"AAA": 6}, working=[sent])
    book = book.model_copy(update={"working": (book.working[0].model_copy(update={"remaining": Decimal(4)}),)})
    assert exposures(book, InFlight())["AAA"] == Exposure(Decimal(6), Decimal(4), Decimal(0))


def test_the_greatest_exposure_is_the_further_end() -> None:
    exposure = Exposure(Decimal(2), Decimal(3), Decimal(9))
    assert (exposure.low, exposure.high, exposure.greatest) == (Decimal(-7), Decimal(5), Decimal(7))


@pytest.mark.parametrize(("held", "open_orders", "side", "quantity", "reduces"), [
    (5, 0, Side.SELL, 5, True),       # to zero
    (5, 0, Side.SELL, 6, False),      # through zero
    (5, 2, Side.SELL, 3, True),       # to zero if what is open fills first
    (5, 2, Side.SELL, 4, False),
    (5, 0, Side.BUY, 1, False),
    (0, 0, Side.SELL, 1, False),
    (-5, 0, Side.BUY, 5, True),
    (-5, 0, Side.BUY, 6, False),
    (-5, 2, Side.BUY, 4, False),
    (-5, 0, Side.SELL, 1, False),
])  # fmt: skip
def test_reducing_means_toward_zero_whatever_fills(
    held: int, open_orders: int, side: Side, quantity: int, reduces: bool
) -> None:
    exposure = Exposure(Decimal(held)).plus(side, Decimal(open_orders))
    assert exposure.is_reduced_by(order(side, quantity)) is reduces


@given(held=UNITS, buying=SIZES, selling=SIZES, side=st.sampled_from(Side), quantity=SIZES, share=st.integers(0, 4))
def test_a_reducing_order_never_leads_further_from_zero(
    held: Decimal, buying: Decimal, selling: Decimal, side: Side, quantity: Decimal, share: int
) -> None:
    exposure = Exposure(held, buying, selling)
    if exposure.is_reduced_by(order(side, quantity)):
        mine = exposure.selling if side is Side.SELL else exposure.buying
        filled = (mine + quantity) * share / 4
        after = held - filled if side is Side.SELL else held + filled
        assert abs(after) <= abs(held)
        assert after * held >= 0


def test_an_order_counts_until_the_book_shows_it_at_work() -> None:
    sent = order(order_id="f1")
    in_flight = flying(sent)
    in_flight.settle(book_of(1, "AAA", 0), SECOND_NS)
    assert list(in_flight) == [sent]
    in_flight.settle(book_of(2, "AAA", 0, working=[sent]), SECOND_NS)
    assert not in_flight


@pytest.mark.parametrize("status", [OrderStatus.REFUSED, OrderStatus.CANCELLED, OrderStatus.EXPIRED])
def test_an_order_that_ended_unfilled_no_longer_counts(status: OrderStatus) -> None:
    sent = order(order_id="f1")
    in_flight = flying(sent, order(order_id="f2"))
    in_flight.take_report(report_of(sent, status))
    assert [each.order_id for each in in_flight] == ["f2"]


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.PARTIAL])
def test_an_order_that_lives_goes_on_counting(status: OrderStatus) -> None:
    sent = order(order_id="f1")
    in_flight = flying(sent)
    in_flight.take_report(report_of(sent, status, filled=1))
    assert list(in_flight) == [sent]


def test_an_order_that_filled_counts_until_the_book_has_reached_the_fill() -> None:
    sent = order(order_id="f1")
    in_flight = flying(sent)
    in_flight.take_report(report_of(sent, OrderStatus.FILLED, bar=1, filled=10))
    in_flight.settle(book_of(2, "AAA", 0), SECOND_NS)
    in_flight.settle(book_of(3, "BBB", 1), SECOND_NS)
    assert list(in_flight) == [sent]
    in_flight.settle(book_of(4, "AAA", 1, positions={"AAA": 10}), SECOND_NS)
    assert not in_flight


def test_a_report_about_a_stranger_changes_nothing() -> None:
    in_flight = flying(order(order_id="f1"))
    in_flight.take_report(report_of(order(order_id="other"), OrderStatus.REFUSED))
    assert len(in_flight) == 1


def test_a_book_sent_after_the_order_could_begin_to_work_tells_the_truth_about_it() -> None:
    """However its reports were lost: what a later book does not show at work is over."""
    in_flight = flying(order(order_id="f1"), until_ns=10 * SECOND_NS)
    in_flight.settle(book_of(2, "BBB", 1), 10 * SECOND_NS)
    assert len(in_flight) == 1
    in_flight.settle(book_of(3, "BBB", 2), 10 * SECOND_NS + 1)
    assert not in_flight


def test_a_conversation_gives_up_its_oldest_order_first() -> None:
    in_flight = InFlight()
    for name, talk in (("f1", "t1"), ("f2", "t2"), ("f3", "t2")):
        in_flight.add(Passed(order(order_id=name), (), talk, SECOND_NS))
    found = in_flight.pop_conversation("t2")
    assert found is not None
    assert found.order.order_id == "f2"
    assert in_flight.pop_conversation("unknown") is None
    assert [each.order_id for each in in_flight] == ["f1", "f3"]


def test_a_restored_register_goes_on_alike() -> None:
    sent = order(order_id="f1")
    in_flight = flying(sent, order(order_id="f2"))
    in_flight.take_report(report_of(sent, OrderStatus.FILLED, bar=1, filled=10))
    other = InFlight()
    other.restore(unpack(pack(in_flight.snapshot())))
    assert other.snapshot() == in_flight.snapshot()
    other.settle(book_of(4, "AAA", 1), SECOND_NS)
    assert [each.order_id for each in other] == ["f2"]
