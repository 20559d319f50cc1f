"""The paper broker where a bar has a quote: the touch first, then its impact."""

import pytest

from bus.errors import Invalid
from bus.messages import Side
from bus.plain import pack
from tests.execution.venue import bar, child, dec, fills, moved, paper, quote, sent, shown

BUY, SELL = Side.BUY, Side.SELL


def test_the_touch_fills_first_and_the_rest_pays_its_impact() -> None:
    # 40 offered at the ask; the whole 100 have an impact of .0233460 * sqrt(100 / 10,000) = .0023346 on it.
    broker = moved()
    sent(broker, child(sent=1))
    events = shown(broker, bar(2, "110", quote=quote("109.9", "110.2", "7", "40")))
    assert fills(events) == [("40", "110.2"), ("60", "110.457275")]
    assert [event.fill_id for event in events] == ["bd-o1-1:1", "bd-o1-1:2"]
    assert [event.slippage for event in events] == [dec("8.0"), dec("27.43650")]


def test_a_sell_takes_the_bid() -> None:
    broker = moved()
    sent(broker, child(sent=1, side=SELL))
    events = shown(broker, bar(2, "110", quote=quote("109.9", "110.2", "7", "40")))
    assert fills(events) == [("7", "109.9"), ("93", "109.643425")]


def test_what_is_offered_at_the_touch_is_offered_once_in_a_bar() -> None:
    broker = moved(impact_coefficient=0.5)
    sent(broker, child("c1", "30", sent=1))
    sent(broker, child("c2", "30", sent=1))
    events = shown(broker, bar(2, "110", quote=quote("109.9", "110.2", "7", "40")))
    assert fills(events) == [("30", "110.2"), ("10", "110.2"), ("20", "110.270458")]


def test_the_touch_is_bounded_by_the_share_of_volume() -> None:
    broker = paper()
    sent(broker, child())
    assert fills(shown(broker, bar(1, volume="50", quote=quote("99", "101")))) == [("5", "101")]


@pytest.mark.parametrize(("side", "price"), [(BUY, "102"), (SELL, "98")])
def test_a_crossed_quote_counts_at_its_worse_end(side: Side, price: str) -> None:
    broker = paper()
    sent(broker, child(side=side))
    assert fills(shown(broker, bar(1, quote=quote("102", "98")))) == [("100", price)]


@pytest.mark.parametrize(("side", "price"), [(BUY, "105"), (SELL, "105")])
def test_a_quote_beyond_the_bar_in_our_favour_is_not_believed(side: Side, price: str) -> None:
    broker = paper()
    sent(broker, child(side=side))
    kind = quote("94", "95") if side is BUY else quote("115", "116")
    assert fills(shown(broker, bar(1, "105", quote=kind))) == [("100", price)]


@pytest.mark.parametrize("changes", [{"bid": "1E+16"}, {"ask": "1E-21"}, {"bid_size": "1E+16"}, {"ask_size": "1E-21"}])
def test_a_quote_that_cannot_be_is_refused_and_changes_nothing(changes: dict[str, str]) -> None:
    broker = paper()
    broker.submit(child())
    before = pack(broker.snapshot())
    values = {"bid": "99", "ask": "101", "bid_size": "5", "ask_size": "5"} | changes
    with pytest.raises(Invalid, match=next(iter(changes)).replace("_", " ")):
        broker.on_bar(bar(1, quote=quote(**values)))
    assert pack(broker.snapshot()) == before
