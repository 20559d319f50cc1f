"""The paper broker to the last digit: price, impact, fee, share of volume, expiry."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.messages import OrderStatus, Side
from execution.broker import BrokerEvent
from execution.money import TICK
from execution.paper import PaperBroker
from tests.execution.driver import dec, make_bar, make_order, plain_config


def paper(**changes: object) -> PaperBroker:
    """A broker that has seen one bar that did not move, so that impact is 0 at the next."""
    broker = PaperBroker(plain_config(**changes))
    broker.on_bar(make_bar(0))
    return broker


def test_a_buy_pays_the_open_and_half_the_spread() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="100"))
    assert broker.on_bar(make_bar(1, "110", high="120", low="100")) == [
        BrokerEvent("c1", OrderStatus.FILLED, dec(100), dec("110.11"), dec("5.5055"), dec("11.00"))
    ]


def test_a_sell_gets_the_open_less_half_the_spread() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="100", side=Side.SELL))
    (event,) = broker.on_bar(make_bar(1, "110", high="120", low="100"))
    assert (event.price, event.fee, event.slippage) == (dec("109.89"), dec("5.4945"), dec("11.00"))


def test_the_price_may_leave_the_bar_against_us() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="1"))
    broker.submit("c2", make_order("o2", "1", side=Side.SELL))
    bought, sold = broker.on_bar(make_bar(1, "110"))
    assert (bought.price, sold.price) == (dec("110.11"), dec("109.89"))


def test_an_open_outside_the_range_counts_as_the_worse_end() -> None:
    broker = paper(half_spread_bps="0")
    broker.submit("c1", make_order(quantity="1"))
    broker.submit("c2", make_order("o2", "1", side=Side.SELL))
    bought, _ = broker.on_bar(make_bar(1, "90", close="100", high="110", low="100"))
    assert bought.price == dec(100)
    broker.submit("c3", make_order("o3", "1", side=Side.SELL))
    (sold,) = broker.on_bar(make_bar(2, "120", high="110", low="100"))
    assert sold.price == dec(110)


def test_prices_round_against_us() -> None:
    broker = paper(half_spread_bps="0.01")
    broker.submit("c1", make_order(quantity="1"))
    broker.submit("c2", make_order("o2", "1", side=Side.SELL))
    bought, sold = broker.on_bar(make_bar(1, "0.3333333"))
    assert (bought.price, sold.price) == (dec("0.333334"), dec("0.333332"))


def test_impact_follows_the_square_root_law_on_past_bars() -> None:
    # Bar 1 closes at 110 after 100: variance .06 ln(1.1)^2; volume .94 * 10,000 + .06 * 30,000 = 11,200. All is fixed
    # before bar 2, whose own volume of 5,000 only bounds the fill. sigma = .0233460, impact = sigma sqrt(448/11,200).
    broker = paper(half_spread_bps="0")
    broker.on_bar(make_bar(1, "100", close="110", volume="30000"))
    broker.submit("c1", make_order(quantity="448", bar=1))
    (event,) = broker.on_bar(make_bar(2, "100", volume="5000"))
    impact = math.sqrt(0.06) * math.log(1.1) * math.sqrt(448 / 11_200)
    assert impact == pytest.approx(0.0046692, abs=5e-8)
    assert event.price == dec("100.466923")
    assert abs(float(event.price) - 100 * (1 + impact)) < 2e-6


def test_slices_pay_for_the_whole_order() -> None:
    broker = paper(half_spread_bps="0")
    broker.on_bar(make_bar(1, "100", close="110"))
    broker.submit("c1", make_order(quantity="2000", bar=1))
    first, second = (broker.on_bar(make_bar(n, "110"))[0] for n in (2, 3))
    # The second bar's variance is .94 of the first one's, its cumulative quantity twice as much.
    assert float(second.price / 110 - 1) == pytest.approx(float(first.price / 110 - 1) * math.sqrt(2 * 0.94), rel=1e-5)


def test_later_bars_do_not_change_a_fill() -> None:
    fills = []
    for close, volume in (("110", "5000"), ("50", "900000")):
        broker = paper()
        broker.on_bar(make_bar(1, "100", close="104"))
        broker.submit("c1", make_order(quantity="100", bar=1))
        fills += broker.on_bar(make_bar(2, "105", close=close, high="110", low="50", volume=volume))
    assert fills[0] == fills[1]


def test_a_bar_shares_its_volume_among_orders_in_their_order() -> None:
    broker = paper()
    for number, quantity in enumerate(["700", "700", "700"]):
        broker.submit(f"c{number}", make_order(f"o{number}", quantity))
    first = [(event.client_order_id, event.quantity) for event in broker.on_bar(make_bar(1))]
    second = [(event.client_order_id, event.quantity) for event in broker.on_bar(make_bar(2))]
    assert first == [("c0", dec(700)), ("c1", dec(300))]
    assert second == [("c1", dec(400)), ("c2", dec(600))]


def test_the_share_of_a_bar_is_rounded_down_to_a_lot() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="1"))
    (event,) = broker.on_bar(make_bar(1, volume="0.123456789"))
    assert event.quantity == dec("0.01234567")


def test_the_minimum_fee_is_for_the_order_and_not_for_each_fill() -> None:
    broker = paper(half_spread_bps="0", fee_bps="1", minimum_fee="15")
    broker.submit("c1", make_order(quantity="2000"))
    # One bp of 100,000 is 10, below the minimum of 15; of 200,000 it is 20, of which 15 are paid.
    assert [broker.on_bar(make_bar(n))[0].fee for n in (1, 2)] == [dec(15), dec(5)]


def test_an_order_expires_after_its_bars_and_keeps_what_it_filled() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="5000"))
    events = [event for number in range(1, 6) for event in broker.on_bar(make_bar(number))]
    assert [event.status.value for event in events] == ["partial", "partial", "partial", "expired"]
    assert events[-1].reason == "not filled within 3 bars"
    assert broker.positions() == {"SPX": dec(3000)}


def test_nothing_fills_at_a_bar_that_does_not_follow() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="10"))
    assert broker.on_bar(make_bar(2)) == []
    assert [event.status for event in broker.on_bar(make_bar(3))] == [OrderStatus.FILLED]


def test_an_order_can_expire_across_a_hole() -> None:
    broker = paper()
    broker.submit("c1", make_order(quantity="10"))
    assert [event.status for event in broker.on_bar(make_bar(9))] == [OrderStatus.EXPIRED]


def test_a_market_that_never_traded_fills_nothing() -> None:
    broker = PaperBroker(plain_config())
    broker.on_bar(make_bar(0, volume="0"))
    broker.submit("c1", make_order(quantity="10"))
    assert broker.on_bar(make_bar(1)) == []
    assert len(broker.on_bar(make_bar(2))) == 1


def test_a_market_that_fell_silent_long_ago_fills_nothing() -> None:
    broker = PaperBroker(plain_config(expire_bars=100_000))
    for number in range(13_000):
        broker.on_bar(make_bar(number, volume="0" if number else "1"))
    broker.submit("c1", make_order(quantity="10"))
    assert broker.on_bar(make_bar(13_000, volume="1e15")) == []


def test_a_price_that_would_round_to_nothing_is_no_price() -> None:
    broker = PaperBroker(plain_config())
    broker.on_bar(make_bar(0, "0.0000004"))
    broker.submit("c1", make_order(quantity="10", side=Side.SELL))
    assert broker.on_bar(make_bar(1, "0.0000004")) == []


def test_an_impossible_quantity_is_refused() -> None:
    event = paper().submit("c1", make_order(quantity="1E+999"))
    assert event.status is OrderStatus.REFUSED
    assert event.reason.startswith("quantity is 1E+999")


@given(
    side=st.sampled_from(Side),
    prices=st.lists(st.decimals("0.01", "100000", places=4), min_size=4, max_size=4),
    quantity=st.decimals("0.00000001", "100000", places=8),
    volume=st.decimals("0.00000001", "1000000000", places=8),
)
def test_no_fill_is_kind(side: Side, prices: list[Decimal], quantity: Decimal, volume: Decimal) -> None:
    opened, high, low, close = prices
    bar = make_bar(2, volume=str(volume)).model_copy(
        update={"open": opened, "high": max(high, low), "low": min(high, low), "close": close}
    )
    broker = paper()
    broker.on_bar(make_bar(1, "100", close="120"))
    broker.submit("c1", make_order(quantity=str(quantity), side=side, bar=1))
    for event in broker.on_bar(bar):
        assert 0 < event.quantity <= max(volume / 10, Decimal(0))
        assert event.price == event.price.quantize(TICK)
        assert event.fee >= 1
        if side is Side.BUY:
            assert event.price > opened
            assert event.price >= bar.low
        else:
            assert event.price < opened
            assert event.price <= bar.high


CHANGES: dict[str, object] = {
    "half_spread_bps": "20",
    "fee_bps": "500",
    "minimum_fee": "300",
    "impact_coefficient": 2.0,
    "max_volume_share": "0.2",
    "expire_bars": 1,
}


@pytest.mark.parametrize("key", sorted(CHANGES))
def test_every_parameter_matters(key: str) -> None:
    results = []
    for changes in ({}, {key: CHANGES[key]}):
        broker = paper(**changes)
        broker.on_bar(make_bar(1, "100", close="110"))
        broker.submit("c1", make_order(quantity="5000", bar=1))
        results.append([event for number in range(2, 6) for event in broker.on_bar(make_bar(number, "110"))])
    assert results[0] != results[1]
