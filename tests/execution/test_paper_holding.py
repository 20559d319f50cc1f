"""What holding costs and brings at the paper broker: borrowing, splits, dividends."""

import pytest

from bus.messages import CorporateAction, OrderStatus, Side
from execution.broker import Charge
from execution.paper import PaperBroker
from tests.execution.venue import (
    DAY_NS,
    bar,
    charged,
    child,
    dec,
    fills,
    moved,
    paper,
    paper_config,
    sent,
    shown,
    statuses,
)

BUY, SELL = Side.BUY, Side.SELL


def short(**changes: object) -> PaperBroker:
    """A venue with 100 units of SPX sold short at 100 on daily bars."""
    broker = PaperBroker(paper_config(**{"half_spread_bps": "0", **changes}))
    broker.on_bar(bar(0, step_ns=DAY_NS))
    sent(broker, child(side=SELL))
    assert statuses(shown(broker, bar(1, step_ns=DAY_NS))) == ["filled"]
    return broker


def test_a_short_pays_for_each_night_at_the_last_close() -> None:
    # 100 units at 100, 3.65 % a year: one a night.
    broker = short(borrow_bps="365")
    assert broker.charges() == []
    assert charged(broker, bar(2, "120", step_ns=DAY_NS)) == [
        Charge("SPX-2-borrow", "SPX", dec(-1), "borrowed for 1 nights")
    ]
    weekend = bar(3, step_ns=DAY_NS).model_copy(update={"opened_ns": 5 * DAY_NS})
    assert [charge.amount for charge in charged(broker, weekend)] == [dec("-3.6")]
    assert broker.charges() == []


def test_the_fee_for_borrowing_rounds_against_us() -> None:
    assert charged(short(borrow_bps="1"), bar(2, step_ns=DAY_NS))[0].amount == dec("-0.00274")


def test_a_day_trade_and_a_long_borrow_nothing() -> None:
    broker = paper(borrow_bps="365")
    sent(broker, child(side=SELL))
    assert charged(broker, bar(1)) == []
    assert charged(broker, bar(2)) == []
    long = PaperBroker(paper_config(borrow_bps="365"))
    long.on_bar(bar(0, step_ns=DAY_NS))
    sent(long, child())
    assert [charged(long, bar(number, step_ns=DAY_NS)) for number in (1, 2)] == [[], []]


@pytest.mark.parametrize(("side", "held"), [(BUY, "300"), (SELL, "-300")])
def test_a_split_multiplies_what_is_held_and_ends_what_rests(side: Side, held: str) -> None:
    broker = paper()
    sent(broker, child("c1", side=side))
    broker.on_bar(bar(1))
    sent(broker, child("c2", "10", side=side, sent=1))
    broker.events()
    (event,) = shown(broker, bar(2, "33.3", action=CorporateAction(split=dec(3))))
    assert (event.client_order_id, event.status) == ("c2", OrderStatus.CANCELLED)
    assert event.reason == "cancelled by the venue: SPX split 3 for 1"
    assert broker.account() == ({}, {"SPX": dec(held)})


def test_a_split_is_no_move_of_the_market() -> None:
    broker = paper(impact_coefficient=1.0)
    broker.on_bar(bar(1, "50", volume="20000", action=CorporateAction(split=dec(2))))
    sent(broker, child(sent=1))
    assert fills(shown(broker, bar(2, "50"))) == [("100", "50.05")]


def test_what_an_order_traded_before_a_split_counts_in_units_of_after_it() -> None:
    prices = []
    for split in ("1", "4"):
        broker = moved(half_spread_bps="0")
        sent(broker, child("bd-o1-1", "500", sent=1))
        broker.on_bar(bar(2, "110"))
        action = CorporateAction(split=dec(split))
        broker.on_bar(bar(3, str(dec(110) / dec(split)), volume=str(10_000 * dec(split)), action=action))
        sent(broker, child("bd-o1-2", str(500 * dec(split)), sent=3))
        price = str(dec(110) / dec(split))
        prices += shown(broker, bar(4, price, volume=str(10_000 * dec(split))))[-1:]
    assert float(prices[0].price) == pytest.approx(4 * float(prices[1].price), abs=4e-6)


def test_a_dividend_is_no_move_of_the_market_and_leaves_units_alone() -> None:
    broker = paper()
    sent(broker, child())
    assert statuses(shown(broker, bar(1, "90", action=CorporateAction(dividend=dec(10))))) == ["filled"]
    sent(broker, child("c2", sent=1))
    assert fills(shown(broker, bar(2, "90"))) == [("100", "90.09")]
    assert broker.charges() == []


def test_a_split_down_leaves_whole_lots() -> None:
    broker = paper()
    sent(broker, child(quantity="10"))
    broker.on_bar(bar(1))
    broker.on_bar(bar(2, "300", action=CorporateAction(split=dec("0.33333333333"))))
    assert broker.account().positions == {"SPX": dec("3.33333333")}
