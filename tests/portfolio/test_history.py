"""Bars with their times, splits and dividends, and the length of a market's day."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import CorporateAction, MarketUpdate
from bus.plain import pack, unpack
from portfolio.history import Histories, History
from tests.gates.driver import DAY_NS, bar_of

HOUR_NS = DAY_NS // 24
MINUTE_NS = HOUR_NS // 60


def history(closes: Sequence[float], times: Sequence[int] | None = None, capacity: int = 50) -> History:
    """A history of daily bars, or of bars at ``times`` in days."""
    made = History(capacity)
    for bar, close in enumerate(closes):
        day = bar if times is None else times[bar]
        made.append(bar_of("AAA", bar, close, day * DAY_NS))
    return made


def acted(bar: int, close: float, split: str = "1", dividend: str = "0") -> MarketUpdate:
    """A daily bar before which something happened to the share."""
    action = CorporateAction(split=Decimal(split), dividend=Decimal(dividend))
    return bar_of("AAA", bar, close).model_copy(update={"action": action})


def returns_of(made: History) -> list[float]:
    worths = made.worths
    return [float(gain) for gain in worths[1:] / worths[:-1] - 1.0]


def test_it_keeps_the_newest_bars_with_their_times() -> None:
    made = history([float(close) for close in range(1, 12)], capacity=4)
    assert len(made) == 4
    np.testing.assert_array_equal(made.worths, [8.0, 9.0, 10.0, 11.0])
    np.testing.assert_array_equal(made.times, np.arange(7, 11) * DAY_NS)
    assert (made.bar, made.close) == (10, Decimal("11.0"))
    assert made.first_ns == 7 * DAY_NS
    assert [made.opened_ns(bar) for bar in (6, 7, 10, 11)] == [None, 7 * DAY_NS, 10 * DAY_NS, None]
    assert [made.bars_after(day * DAY_NS) for day in (5, 8, 10, 12)] == [4, 2, 0, 0]
    assert made.since(8 * DAY_NS) == {9 * DAY_NS: 10.0, 10 * DAY_NS: 11.0}
    assert made.since(10 * DAY_NS) == {}


@pytest.mark.parametrize("count", range(1, 13))
def test_times_belong_to_their_closes_wherever_the_ring_is(count: int) -> None:
    made = history([float(bar) + 1 for bar in range(count)], capacity=5)
    np.testing.assert_array_equal(made.times / DAY_NS + 1, made.worths)


def test_a_missing_bar_starts_it_anew_and_an_old_one_changes_nothing() -> None:
    made = history([1.0, 2.0, 3.0])
    before = made.revision
    for bar in (1, 2):
        assert not made.append(bar_of("AAA", bar, 9.0))
    np.testing.assert_array_equal(made.worths, [1.0, 2.0, 3.0])
    assert made.revision == before
    assert made.append(bar_of("AAA", 4, 5.0))
    np.testing.assert_array_equal(made.worths, [5.0])
    assert made.opened_ns(2) is None
    assert made.revision > before


def test_after_a_loss_nothing_is_held_but_the_place() -> None:
    made = history([1.0, 2.0, 3.0])
    made.clear()
    assert (len(made), made.bar, made.since(0)) == (0, 2, {})
    assert made.times.size == made.worths.size == 0
    assert made.first_ns > 10**18
    assert made.append(bar_of("AAA", 3, 4.0))
    np.testing.assert_array_equal(made.times, [3 * DAY_NS])


def test_a_split_is_no_loss() -> None:
    """Each unit at 100 became four at 26: a gain of 4 %."""
    made = history([100.0, 100.0])
    made.append(acted(2, 26.0, split="4"))
    made.append(bar_of("AAA", 3, 13.0))
    assert returns_of(made) == pytest.approx([0.0, 0.04, -0.5])
    assert made.close == Decimal("13.0")


def test_a_dividend_is_no_loss_either() -> None:
    """A share at 100 paid 5 and closed at 95: nothing was lost; one at 104 after it gained 9 %."""
    for close, gain in ((95.0, 0.0), (104.0, 0.09), (90.0, -0.05)):
        made = history([100.0])
        made.append(acted(1, close, dividend="5"))
        made.append(bar_of("AAA", 2, close * 1.1))
        assert returns_of(made) == pytest.approx([gain, 0.1])


def test_a_dividend_is_paid_on_each_unit_after_the_split() -> None:
    """Two units at 48 that paid 1 each stand where one stood at 100 less 2 %."""
    made = history([100.0])
    made.append(acted(1, 48.0, split="2", dividend="1"))
    assert returns_of(made) == pytest.approx([-0.02])


def test_an_action_before_the_first_bar_held_means_nothing() -> None:
    made = History(5)
    made.append(acted(0, 50.0, split="2", dividend="1"))
    assert made.worths.tolist() == [50.0]
    made.append(acted(2, 25.0, split="2"))
    assert made.worths.tolist() == [25.0]


@given(
    moves=st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=30),
    splits=st.dictionaries(st.integers(1, 30), st.sampled_from(["2", "0.1", "1.5", "7"])),
)
@settings(deadline=None, max_examples=50)
def test_no_return_held_ever_changes(moves: list[float], splits: dict[int, str]) -> None:
    """Not in the last bit, whatever happens to the share afterwards; and none of them sees the future."""
    made, price = History(100), 100.0
    seen: list[float] = []
    for bar, move in enumerate(moves):
        price = price * (1.0 + move) / float(splits.get(bar, "1"))
        made.append(acted(bar, price, split=splits.get(bar, "1")))
        assert returns_of(made)[:-1] == seen[: max(bar - 1, 0)]
        seen = returns_of(made)
    assert seen == pytest.approx(moves[1:], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("spacing_ns", "expected"), [
    (MINUTE_NS, 1440.0), (HOUR_NS, 24.0), (DAY_NS, 1.0), (7 * DAY_NS, 1.0),
])  # fmt: skip
def test_before_a_whole_day_was_seen_their_spacing_tells_the_bars_in_a_day(spacing_ns: int, expected: float) -> None:
    made = History(50)
    for bar in range(20):
        made.append(bar_of("AAA", bar, 100.0, bar * spacing_ns))
    assert made.bars_per_day == expected


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_bars_a_day_has_one(count: int) -> None:
    assert history([100.0] * count).bars_per_day == 1.0


def session(made: History, day: int, bars: int) -> None:
    """Show hourly bars from 14 o'clock on."""
    for hour in range(bars):
        made.append(bar_of("AAA", made.bar + 1, 100.0, day * DAY_NS + (14 + hour) * HOUR_NS))


def test_a_market_that_closes_has_as_many_bars_a_day_as_its_fullest_whole_date() -> None:
    made = History(8)
    seen = []
    for day, bars in enumerate((7, 7, 4, 7, 8, 1)):
        session(made, day, bars)
        seen.append(made.bars_per_day)
    assert seen == [24.0, 24.0, 7.0, 7.0, 7.0, 8.0]


def test_a_date_that_was_not_seen_from_beginning_to_end_does_not_count() -> None:
    """A market joined in its last hour, or lost for a while, is not one with a short day."""
    made = History(50)
    session(made, 0, 1)
    session(made, 1, 7)
    made.clear()
    session(made, 1, 1)
    session(made, 2, 2)
    assert made.bars_per_day == 24.0
    session(made, 3, 7)
    assert made.bars_per_day == 2.0
    session(made, 4, 1)
    assert made.bars_per_day == 7.0


def test_a_weekend_does_not_change_the_bars_in_a_day() -> None:
    days = [week * 7 + day for week in range(4) for day in range(5)]
    assert history([100.0] * 20, days).bars_per_day == 1.0


def test_a_shorter_window_takes_over_what_it_can_hold() -> None:
    long, short = history([float(close) for close in range(1, 40)]), History(5)
    short.restore(unpack(pack(long.snapshot())))
    assert short.worths.tolist() == [35.0, 36.0, 37.0, 38.0, 39.0]
    assert short.times.tolist() == [day * DAY_NS for day in range(34, 39)]
    assert short.append(bar_of("AAA", 39, 40.0, 39 * DAY_NS))
    assert short.worths.tolist() == [36.0, 37.0, 38.0, 39.0, 40.0]


def test_restored_histories_go_on_alike() -> None:
    first = Histories(5)
    for bar in range(8):
        first.append(acted(bar, float(bar + 1), split="2" if bar == 6 else "1"))
        first.append(bar_of("BBB", bar, float(bar + 2), bar * HOUR_NS * 5))
    second = Histories(5)
    second.restore(unpack(pack(first.snapshot())))
    for both in (first, second):
        both.append(acted(8, 9.5, dividend="0.25"))
        both.append(bar_of("BBB", 8, 9.5, 8 * HOUR_NS * 5))
    assert pack(second.snapshot()) == pack(first.snapshot())
    assert second.last_bar("AAA") == 8
    assert second.last_bar("CCC") is None
    assert second.opened_ns("CCC", 0) is None
    for symbol in ("AAA", "BBB"):
        one, other = first.get(symbol), second.get(symbol)
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one.worths, other.worths)
        np.testing.assert_array_equal(one.times, other.times)
        assert (one.close, one.bars_per_day) == (other.close, other.bars_per_day)
