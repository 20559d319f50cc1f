"""The paper broker to the last digit: price, impact, share of volume, fee, and never kind."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import OrderStatus, Side
from bus.plain import pack, unpack
from execution.broker import BrokerEvent
from execution.money import TICK, ZERO
from execution.paper import PaperBroker
from execution.venue import Terms
from tests.execution.venue import (
    DAY_NS,
    MINUTE_NS,
    MOVED,
    bar,
    child,
    dec,
    fills,
    moved,
    paper,
    paper_config,
    quote,
    sent,
    shown,
    statuses,
)

BUY, SELL = Side.BUY, Side.SELL


def test_a_buy_pays_the_open_and_half_the_spread() -> None:
    broker = paper()
    assert sent(broker, child()) == [BrokerEvent("bd-o1-1", OrderStatus.ACCEPTED, symbol="SPX", side=BUY)]
    assert shown(broker, bar(1, "110", high="120", low="100")) == [
        BrokerEvent(
            "bd-o1-1",
            OrderStatus.FILLED,
            dec(100),
            dec("110.11"),
            dec("5.5055"),
            dec("11.00"),
            fill_id="bd-o1-1:1",
            symbol="SPX",
            side=BUY,
        )
    ]
    assert broker.account() == ({}, {"SPX": dec(100)})


def test_a_sell_gets_the_open_less_half_the_spread() -> None:
    broker = paper()
    sent(broker, child(side=SELL))
    (event,) = shown(broker, bar(1, "110", high="120", low="100"))
    assert (event.price, event.fee, event.slippage) == (dec("109.89"), dec("5.4945"), dec("11.00"))
    assert broker.account().positions == {"SPX": dec(-100)}


def test_an_open_outside_the_range_counts_as_the_worse_end() -> None:
    broker = paper(half_spread_bps="0")
    sent(broker, child("c1", "1"))
    assert fills(shown(broker, bar(1, "90", close="100", high="110", low="100"))) == [("1", "100")]
    sent(broker, child("c2", "1", side=SELL, sent=1))
    assert fills(shown(broker, bar(2, "120", high="110", low="100"))) == [("1", "110")]


def test_prices_round_against_us() -> None:
    broker = paper(half_spread_bps="0.01")
    sent(broker, child("c1", "1"))
    sent(broker, child("c2", "1", side=SELL))
    assert fills(shown(broker, bar(1, "0.3333333"))) == [("1", "0.333334"), ("1", "0.333332")]


def test_impact_follows_the_square_root_law_on_past_bars() -> None:
    # Volume .94 * 10,000 + .06 * 30,000 = 11,200; impact .0233460 * sqrt(448 / 11,200) = .0046692. All is fixed before
    # bar 2, whose own volume of 5,000 only bounds the fill.
    broker = paper(half_spread_bps="0")
    broker.on_bar(bar(1, "100", close="110", volume="30000"))
    sent(broker, child(quantity="448", sent=1))
    assert fills(shown(broker, bar(2, volume="5000"))) == [("448", "100.466923")]
    assert MOVED * math.sqrt(448 / 11_200) == pytest.approx(0.00466923, abs=1e-8)


def test_slices_of_one_order_pay_for_the_whole_of_it() -> None:
    prices = []
    for second in ("bd-o1-2", "bd-o2-1"):
        broker = moved(half_spread_bps="0")
        sent(broker, child("bd-o1-1", "500", sent=1))
        sent(broker, child(second, "500", sent=1))
        prices.append([float(event.price) / 110 - 1 for event in shown(broker, bar(2, "110"))])
    alone, whole = (MOVED * math.sqrt(units / 10_000) for units in (500, 1000))
    assert prices[0] == pytest.approx([alone, whole], abs=1e-7)
    assert prices[1] == pytest.approx([alone, alone], abs=1e-7)


def test_a_slice_sent_later_still_belongs_to_its_order() -> None:
    # Each slice trades 500 units; volatility falls by sqrt(.94) a bar in which nothing moves.
    broker = moved(half_spread_bps="0", fee_bps="0", minimum_fee="7", memory_bars=4)
    told = []
    for number in range(1, 20, 3):
        sent(broker, child(f"bd-o1-{number}", "500", sent=number))
        told += [event for ahead in (1, 2, 3) for event in shown(broker, bar(number + ahead, "110"))]
    assert [event.fee for event in told] == [dec(7)] + [dec(0)] * 6
    for k, event in enumerate(told):
        expected = MOVED * math.sqrt(0.94 ** (3 * k) * 500 * (k + 1) / 10_000)
        assert float(event.price) / 110 - 1 == pytest.approx(expected, abs=1e-7)


def test_later_bars_do_not_change_a_fill() -> None:
    events = []
    for close, volume in (("110", "5000"), ("50", "900000")):
        broker = moved()
        sent(broker, child(sent=1))
        events += shown(broker, bar(2, "105", close=close, high="110", low="50", volume=volume))
    assert events[0] == events[1]


def test_a_bar_shares_its_volume_among_orders_in_their_order() -> None:
    broker = paper()
    for number in range(3):
        sent(broker, child(f"c{number}", "700"))
    first, second = ([(e.client_order_id, e.quantity) for e in shown(broker, bar(n))] for n in (1, 2))
    assert first == [("c0", dec(700)), ("c1", dec(300))]
    assert second == [("c1", dec(400)), ("c2", dec(600))]


def test_the_share_of_a_bar_is_rounded_down_to_a_lot() -> None:
    broker = paper()
    sent(broker, child(quantity="1"))
    assert fills(shown(broker, bar(1, volume="0.123456789"))) == [("0.01234567", "100.1")]


@pytest.mark.parametrize("side", Side)
def test_no_digit_of_a_long_quantity_is_lost(side: Side) -> None:
    quantity = "123456789012345.12345678901234567891"
    broker = paper(max_volume_share="0.6")
    sent(broker, child(quantity=quantity, side=side))
    told = [event for number in (1, 2) for event in shown(broker, bar(number, volume="200000000000000"))]
    assert [str(event.quantity) for event in told] == ["120000000000000", "3456789012345.12345678901234567891"]
    assert broker.account().positions == {"SPX": dec(quantity if side is Side.BUY else f"-{quantity}")}


@pytest.mark.parametrize("names", [("bd-o1-1", "bd-o1-2"), ("bd-o1-1", "bd-o2-1")])
def test_the_minimum_fee_is_for_the_order_and_not_for_each_slice_or_fill(names: tuple[str, str]) -> None:
    # One bp of 100,000 is 10, below the minimum of 15; of 200,000 it is 20, of which 15 are paid.
    broker = paper(half_spread_bps="0", fee_bps="1", minimum_fee="15")
    for name in names:
        sent(broker, child(name, "1000"))
    fees = [event.fee for number in (1, 2) for event in shown(broker, bar(number))]
    assert fees == ([dec(15), dec(5)] if names[1] == "bd-o1-2" else [dec(15), dec(15)])


def test_an_order_expires_after_its_bars_and_keeps_what_it_filled() -> None:
    broker = paper()
    sent(broker, child(quantity="5000"))
    events = [event for number in range(1, 6) for event in shown(broker, bar(number))]
    assert statuses(events) == ["partial", "partial", "partial", "expired"]
    assert events[-1].reason == "not filled within 3 bars"
    assert broker.account() == ({}, {"SPX": dec(3000)})


def test_nothing_fills_at_a_bar_that_does_not_follow() -> None:
    broker = paper()
    sent(broker, child())
    assert shown(broker, bar(2)) == []
    assert statuses(shown(broker, bar(3))) == ["filled"]


def test_an_order_can_expire_across_a_hole() -> None:
    broker = paper()
    sent(broker, child())
    assert statuses(shown(broker, bar(9))) == ["expired"]


def test_a_market_that_never_traded_fills_nothing() -> None:
    broker = PaperBroker(paper_config())
    broker.on_bar(bar(0, volume="0"))
    sent(broker, child())
    assert shown(broker, bar(1)) == []
    assert statuses(shown(broker, bar(2))) == ["filled"]


def test_a_market_that_fell_silent_long_ago_fills_nothing() -> None:
    broker = PaperBroker(paper_config())
    for number in range(13_000):
        broker.on_bar(bar(number, volume="0" if number else "1"))
    sent(broker, child(sent=12_999))
    assert shown(broker, bar(13_000, volume="1e15")) == []


def test_a_price_that_would_round_to_nothing_is_no_price() -> None:
    broker = PaperBroker(paper_config())
    broker.on_bar(bar(0, "0.0000004"))
    sent(broker, child(side=SELL))
    assert shown(broker, bar(1, "0.0000004")) == []


@pytest.mark.parametrize(("side", "at", "beyond"), [(BUY, "100.1", "100.099999"), (SELL, "99.9", "99.900001")])
def test_a_limit_is_met_exactly_or_not_at_all(side: Side, at: str, beyond: str) -> None:
    broker = paper()
    sent(broker, child("c1", side=side, limit=at))
    sent(broker, child("c2", side=side, limit=beyond))
    assert [event.client_order_id for event in shown(broker, bar(1))] == ["c1"]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_limit_lets_as_many_units_trade_as_their_impact_allows(side: Side) -> None:
    # The limit lies .01 beyond the open, .001 of it half spread: .009 = .0233460 sqrt(Q / 10,000) gives Q = 1,486.1.
    broker = moved(max_volume_share="0.5")
    sent(broker, child(quantity="5000", side=side, sent=1, limit="111.1" if side is BUY else "108.9"))
    (event,) = shown(broker, bar(2, "110"))
    assert float(event.quantity) == pytest.approx(10_000 * (0.009 / MOVED) ** 2, rel=1e-4)
    assert abs(event.price - (dec("111.1") if side is BUY else dec("108.9"))) <= 2 * TICK
    assert event.status is OrderStatus.PARTIAL


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "0.0100039"), (Side.SELL, "0.0099961")])
def test_a_limit_between_two_ticks_is_met_at_the_last_tick_before_it(side: Side, limit: str) -> None:
    broker = PaperBroker(paper_config(half_spread_bps="0", max_volume_share="1"))
    broker.on_bar(bar(0, "0.01", high="0.011", low="0.01"))
    sent(broker, child(quantity="10000", side=side, limit=limit))
    (event,) = shown(broker, bar(1, "0.01"))
    assert event.price == (dec("0.010003") if side is Side.BUY else dec("0.009997"))
    assert 0 < event.quantity < 10_000


def test_a_market_that_hardly_ever_moved_reaches_any_size_within_a_limit() -> None:
    still = Terms(Side.BUY, dec(100), ZERO, 1.0, 1e-170, 1e4)
    assert (still.reach(dec(101)), still.reach(dec(100))) == (dec(10**15), ZERO)


def test_a_limit_stops_at_the_touch() -> None:
    broker = moved()
    sent(broker, child(sent=1, limit="110.2"))
    assert fills(shown(broker, bar(2, "110", quote=quote("109.9", "110.2", "7", "40")))) == [("40", "110.2")]
    assert broker.account().working == {"bd-o1-1": dec(60)}


@settings(max_examples=50, deadline=None)
@given(
    side=st.sampled_from(Side),
    prices=st.lists(st.decimals("0.01", "100000", places=4), min_size=4, max_size=4),
    quantity=st.decimals("0.00000001", "100000", places=8),
    volume=st.decimals("0.00000001", "1000000000", places=8),
    latency_ms=st.sampled_from([0, 5]),
    offered=st.none() | st.tuples(*[st.decimals("0.01", "100000", places=2)] * 4),
    limit=st.none() | st.decimals("0.01", "200000", places=4),
)
def test_no_fill_is_kind(
    side: Side,
    prices: list[Decimal],
    quantity: Decimal,
    volume: Decimal,
    latency_ms: int,
    offered: tuple[Decimal, ...] | None,
    limit: Decimal | None,
) -> None:
    opened, high, low, close = prices
    seen = bar(
        2,
        str(opened),
        close=str(close),
        high=str(max(high, low)),
        low=str(min(high, low)),
        volume=str(volume),
        quote=None if offered is None else quote(*map(str, offered)),
    )
    broker = moved(latency_ms=latency_ms)
    broker.submit(child(quantity=str(quantity), side=side, sent=1)._replace(limit_price=limit))
    broker.events()
    total = ZERO
    for event in shown(broker, seen):
        total += event.quantity
        least = opened if offered is None else min(offered[:2]) if side is SELL else max(offered[:2])
        assert event.price == event.price.quantize(TICK)
        assert event.fee >= 0
        if side is BUY:
            assert event.price >= max(seen.low, least)
            assert limit is None or event.price <= limit
            assert not latency_ms or event.price > seen.high
        else:
            assert event.price <= min(seen.high, least)
            assert limit is None or event.price >= limit
            assert not latency_ms or event.price < seen.low
    assert total <= min(quantity, volume / 10)


@settings(max_examples=50, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(-500, 500), st.integers(0, 20_000)), min_size=2, max_size=8),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
)
def test_a_mirrored_order_trades_the_same_units_on_the_other_side(
    moves: list[tuple[int, int]], sizes: list[int]
) -> None:
    traded = []
    for side in Side:
        broker = paper()
        units = []
        for number, (move, volume) in enumerate(moves, start=1):
            if number <= len(sizes):
                sent(broker, child(f"c{number}", str(sizes[number - 1]), side=side, sent=number - 1))
            opened = Decimal(100_000 + move) / 1000
            update = bar(number, str(opened), volume=str(volume))
            for event in shown(broker, update):
                edge = event.price - opened if side is BUY else opened - event.price
                units.append((event.client_order_id, event.status, event.quantity, edge if event.quantity else ZERO))
        traded.append(units)
    assert [unit[:3] for unit in traded[0]] == [unit[:3] for unit in traded[1]]
    for bought, sold in zip(*traded, strict=True):
        assert abs(bought[3] - sold[3]) <= 2 * TICK


CHANGES: dict[str, object] = {
    "half_spread_bps": "20",
    "fee_bps": "500",
    "minimum_fee": "300",
    "borrow_bps": "40",
    "impact_coefficient": 2.0,
    "max_volume_share": "0.2",
    "latency_bars": 1,
    "latency_ms": 5,
    "expire_bars": 1,
    "reject_rate": 0.5,
    "cancel_race": 0.5,
    "memory_bars": 6,
    "seed": 2,
}


@pytest.mark.parametrize("key", sorted(CHANGES))
def test_every_parameter_matters(key: str) -> None:
    results = []
    base: dict[str, object] = {"reject_rate": 0.2, "cancel_race": 0.8}
    for changes in ({}, {key: CHANGES[key]}):
        broker = moved(**(base | changes))
        story: list[object] = []
        for number in range(2, 60):
            sent(broker, child(f"bd-o{number}-1", "1500", side=SELL, sent=number - 1))
            sent(broker, child("bd-o2-1", "1500", side=SELL, sent=1))
            broker.cancel(f"bd-o{number - 1}-1")
            update = bar(number, "110", high="112", low="108")
            opened_ns = number * MINUTE_NS + number // 8 * DAY_NS
            story += [*shown(broker, update.model_copy(update={"opened_ns": opened_ns})), *broker.charges()]
            story += sent(broker, child("bd-o2-1", "1500", side=SELL, sent=1))
        results.append(story)
    assert results[0] != results[1]
    assert set(CHANGES) == set(type(paper_config()).model_fields)


def test_a_memory_shorter_than_an_order_lives_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_bars is 3: what rests must be known; expected 4 or more"):
        paper_config(memory_bars=3)
    assert paper_config(memory_bars=4).memory_bars == 4


def test_a_restored_venue_goes_on_the_same() -> None:
    changes: dict[str, object] = {"latency_ms": 5, "reject_rate": 0.1, "cancel_race": 0.5, "borrow_bps": "40"}
    broker = paper(**changes)
    copy = PaperBroker(paper_config(**changes))
    for number in range(1, 40):
        copy.restore(unpack(pack(broker.snapshot())))
        for each in (broker, copy):
            each.submit(
                child(f"bd-o{number // 2}-{number}", str(90 * number), side=list(Side)[number % 2], sent=number - 1)
            )
            each.cancel(f"bd-o{(number - 1) // 2}-{number - 1}")
            each.amend(f"bd-o{(number - 3) // 2}-{number - 3}", dec(40 * number))
            each.on_bar(bar(number, str(100 + number % 7), close=str(100 + number % 5), quote=quote("99", "101")))
        if number % 4 == 0:
            assert broker.events() == copy.events()
            assert broker.charges() == copy.charges()
        assert pack(copy.snapshot()) == pack(broker.snapshot())
    assert len(broker.account().positions) == 1
