from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Fatal
from bus.messages import CorporateAction, Quote
from market.bar import Bar
from market.feed import Feed, digest_of
from market.series import Series


def series(symbol: str, *opened_ns: int, price: str = "1.50") -> Series:
    value = Decimal(price)
    bars = tuple(Bar(moment, value, value, value, value, Decimal(3)) for moment in opened_ns)
    return Series(symbol, "test", bars, len(bars), len(bars))


def order_of(feed: Feed) -> list[tuple[int, str, int]]:
    updates = [feed.take() for _ in range(len(feed))]
    return [(update.opened_ns, update.symbol, update.bar) for update in updates]


def test_bars_are_merged_by_time_then_symbol_and_numbered_per_symbol() -> None:
    feed = Feed([series("B", 1, 2, 4), series("A", 2, 3)])
    assert order_of(feed) == [(1, "B", 0), (2, "A", 0), (2, "B", 1), (3, "A", 1), (4, "B", 2)]
    assert feed.is_at_end
    assert feed.latest == ("B", 2)


def test_an_update_carries_the_bar_exactly() -> None:
    update = Feed([series("A", 5)]).take()
    assert (str(update.close), update.volume, update.opened_ns) == ("1.50", Decimal(3), 5)


def test_an_update_carries_the_quote_and_the_action() -> None:
    quote, action = (Decimal(1), Decimal(2), Decimal(3), Decimal(4)), (Decimal(2), Decimal("0.5"))
    plain = series("A", 5)
    (bar,) = plain.bars
    full = replace(plain, bars=(bar._replace(quote=quote, action=action),))
    update = Feed([full]).take()
    assert update.quote == Quote(bid=quote[0], ask=quote[1], bid_size=quote[2], ask_size=quote[3])
    assert update.action == CorporateAction(split=Decimal(2), dividend=Decimal("0.5"))
    assert digest_of([full]) != digest_of([plain])


@given(st.dictionaries(st.sampled_from("ABCD"), st.sets(st.integers(0, 30), min_size=1), min_size=1))
def test_nothing_is_lost_and_order_holds(times: dict[str, set[int]]) -> None:
    feed = Feed([series(symbol, *sorted(moments)) for symbol, moments in times.items()])
    order = order_of(feed)
    assert order == sorted(order)
    for symbol, moments in times.items():
        mine = [(moment, bar) for moment, name, bar in order if name == symbol]
        assert mine == list(zip(sorted(moments), range(len(moments)), strict=True))


def test_digest_tells_any_difference() -> None:
    base = digest_of([series("A", 1, 2)])
    assert base == digest_of([series("A", 1, 2)])
    others = [[series("B", 1, 2)], [series("A", 1, 3)], [series("A", 1)], [series("A", 1, 2, price="1.5")]]
    assert base not in [digest_of(other) for other in others]
    assert len(base) == 64


def test_a_snapshot_is_taken_back_on_the_same_data_only() -> None:
    feed = Feed([series("A", 1, 2)])
    feed.take()
    same = Feed([series("A", 1, 2)])
    same.restore(feed.snapshot())
    assert same.take().bar == 1
    with pytest.raises(Fatal, match=r"snapshot was taken on data of sha256 .* begin a new run directory"):
        Feed([series("A", 1, 2, 3)]).restore(feed.snapshot())
