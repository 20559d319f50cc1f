"""Between book and broker nothing may be lost."""

from decimal import Decimal

import pytest

from bus.errors import Fatal, Invalid
from bus.message import Header
from bus.messages import Side
from execution.desk import Desk
from execution.paper import PaperBroker
from tests.execution.driver import dec, make_approval, make_bar, make_order, plain_config

HEADER = Header("risk:1", "market:7", "risk:0", "ORDER_APPROVED/1", "risk", "execution", 0, 5, 0, 2)


class ForgetfulBroker(PaperBroker):
    """A venue that loses a unit of every position."""

    def positions(self) -> dict[str, Decimal]:
        return {symbol: quantity - 1 for symbol, quantity in super().positions().items()}


def desk_with(broker: PaperBroker) -> Desk:
    desk = Desk(broker, dec(1_000_000))
    desk.on_bar(make_bar(0))
    desk.on_bar(make_bar(0, symbol="IBM"))
    return desk


def test_a_venue_that_disagrees_about_a_position_ends_the_process() -> None:
    desk = desk_with(ForgetfulBroker(plain_config()))
    desk.accept(make_approval(make_order(quantity="10")), HEADER)
    with pytest.raises(Fatal, match="SPX: the book holds 10 units and the broker 9"):
        desk.on_bar(make_bar(1))


def test_only_orders_of_the_same_symbol_and_side_count_as_working_with_an_order() -> None:
    desk = desk_with(PaperBroker(plain_config()))
    for name, quantity, side, symbol in [
        ("a", "1", Side.BUY, "SPX"),
        ("b", "20", Side.SELL, "SPX"),
        ("c", "300", Side.SELL, "IBM"),
        ("d", "4", Side.SELL, "SPX"),
    ]:
        desk.accept(make_approval(make_order(name, quantity, side=side, symbol=symbol)), HEADER)
    assert desk.standing(make_order("e", side=Side.SELL)) == (0, dec(0), dec(24))
    assert desk.standing(make_order("e", side=Side.BUY)) == (0, dec(0), dec(1))
    assert desk.standing(make_order("e", symbol="AIG")) == (None, dec(0), dec(0))


def test_without_a_bar_there_is_no_portfolio() -> None:
    with pytest.raises(Invalid, match="no bar was seen yet"):
        Desk(PaperBroker(plain_config()), dec(1_000_000)).portfolio()


def test_client_order_ids_derive_from_the_order() -> None:
    desk = desk_with(PaperBroker(plain_config()))
    report, header = desk.accept(make_approval(make_order("SPX-12-1")), HEADER)
    assert (report.client_order_id, header) == ("bd-SPX-12-1", HEADER)
