"""The study of schedules: what it reads, and that all ways work the same orders."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from bus.errors import Invalid
from bus.messages import MarketUpdate, Quote, Side, Urgency
from research.schedules.__main__ import QUOTES, TRADES
from research.schedules.market import MINUTE_NS, read_market
from research.schedules.study import (
    HORIZON_BARS,
    WAYS,
    Sample,
    Way,
    against,
    decision_bars,
    interval,
    per_time,
    work,
)
from tests.execution.driver import dec, make_bar

TRADE_ROWS = """timestamp,open,high,low,close,volume
2018-04-04T00:00:00Z,10,11,9,10,5
2018-04-04T00:01:00Z,10,11,9,10.5,5
2018-04-04T00:03:00Z,11,11,9,10,0.10000000000000009
"""
QUOTE_ROWS = """timestamp,bid_open,bid_high,bid_low,bid_close,bid_size,ask_open,ask_high,ask_low,ask_close,ask_size
2018-04-04T00:00:00Z,9,9,9,9,1,10,10,10,10,2
2018-04-04T00:01:00Z,9.5,9,9,9,3,10.5,10,10,10,4
2018-04-04T00:02:00Z,9,9,9,9,5,10,10,10,10,6
2018-04-04T00:03:00Z,9.7,9,9,9,7,10.7,10,10,10,8
"""


def written(path: Path, text: str) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


def market(bars: int) -> list[MarketUpdate]:
    """A market that swings by a percent, with a book that shows ten units."""
    made = []
    for number in range(bars):
        bar = make_bar(number, "100", close="101" if number % 2 else "100", volume="100")
        quote = Quote(bid=dec("99.9"), ask=dec("100.1"), bid_size=dec(10), ask_size=dec(10))
        made.append(bar.model_copy(update={"quote": quote, "opened_ns": number * MINUTE_NS}))
    return made


def test_minutes_are_joined_with_the_quote_at_their_opening(tmp_path: Path) -> None:
    bars = read_market(written(tmp_path / "t.gz", TRADE_ROWS), written(tmp_path / "q.gz", QUOTE_ROWS), "BTC-USD")
    assert [(bar.bar, bar.open, bar.volume) for bar in bars] == [(0, dec(10), dec(5)), (1, dec(11), dec("0.1"))]
    assert bars[0].quote == Quote(bid=dec("9.5"), ask=dec("10.5"), bid_size=dec(1), ask_size=dec(2))
    assert bars[1].quote == Quote(bid=dec("9.7"), ask=dec("10.7"), bid_size=dec(5), ask_size=dec(6))
    assert bars[1].opened_ns - bars[0].opened_ns == 2 * MINUTE_NS


def test_a_row_that_is_no_bar_is_named(tmp_path: Path) -> None:
    quotes = written(tmp_path / "q.gz", QUOTE_ROWS)
    broken = written(tmp_path / "t.gz", TRADE_ROWS.replace("10.5,5", "much,5"))
    with pytest.raises(Invalid, match=r"t.gz line 3: .*expected timestamp, open, high, low, close, volume"):
        read_market(broken, quotes, "BTC-USD")
    other = written(tmp_path / "o.gz", TRADE_ROWS.replace("2018-04-04", "2019-04-04"))
    with pytest.raises(Invalid, match="no minute in common"):
        read_market(other, quotes, "BTC-USD")


def test_every_way_works_the_same_orders_to_an_end() -> None:
    bars = market(100)
    times = list(decision_bars(bars))
    assert times[0] == 60
    assert times[-1] + HORIZON_BARS + 1 < len(bars)
    samples = [sample for way in WAYS for side in Side for sample in work(bars, way, 0.1, side)]
    for way in WAYS:
        for side in Side:
            mine = [sample for sample in samples if (sample.way, sample.side) == (way.name, side)]
            assert [sample.at for sample in mine] == times
    assert {sample.filled for sample in samples if sample.way == "twap"} == {1.0}
    assert all(0.0 <= sample.filled <= 1.0 for sample in samples)


def test_an_order_at_once_pays_more_than_one_in_parts() -> None:
    bars = market(200)
    now, later = (per_time(both(bars, Way(name, name)), "shortfall") for name in ("immediate", "twap"))
    assert len(now) == len(later) == len(decision_bars(bars))
    assert now.mean() > later.mean() > 0.0


def both(bars: list[MarketUpdate], way: Way) -> list[Sample]:
    return [sample for side in Side for sample in work(bars, way, 0.2, side)]


def test_urgency_hurries() -> None:
    bars = market(100)
    low, urgent = (
        work(bars, Way(urgency.value, "adaptive", urgency), 0.9, Side.BUY) for urgency in (Urgency.LOW, Urgency.URGENT)
    )
    assert low[0].filled < urgent[0].filled


def test_an_interval_finds_what_is_there_and_nothing_else() -> None:
    swings = np.tile([-1.0, 1.0], 200)
    found, none = interval(1.0 + swings, 1), interval(swings, 1)
    assert found.mean == 1.0
    assert 0.5 < found.low < 1.0 < found.high < 1.5
    assert found.p_value < 0.001
    assert none.low < 0.0 < none.high
    assert none.p_value > 0.05


def test_a_comparison_is_made_on_the_same_orders() -> None:
    bars = market(200)
    samples = [sample for way in WAYS for sample in both(bars, way)]
    found = {other: (difference, adjusted) for other, difference, adjusted in against(samples, "immediate", 3)}
    assert list(found) == [way.name for way in WAYS if way.name != "immediate"]
    difference, adjusted = found["twap"]
    assert difference.low > 0.0
    assert difference.p_value <= adjusted <= 1.0


def test_real_minutes_with_quotes(market_data: Path) -> None:
    bars = read_market(market_data / TRADES, market_data / QUOTES, "BTC-USD")
    assert len(bars) == 2435
    assert [bar.bar for bar in bars] == list(range(2435))
    assert all(bar.quote is not None and bar.quote.ask >= bar.quote.bid for bar in bars)
    samples = work(bars[:400], WAYS[0], 0.02, Side.BUY)
    assert len(samples) == len(decision_bars(bars[:400]))
    assert {sample.filled for sample in samples} == {1.0}
