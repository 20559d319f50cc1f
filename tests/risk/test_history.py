"""Bars with their times, and the returns that several symbols share."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from bus.plain import pack, unpack
from risk.history import Histories, History, joint_returns
from tests.gates.driver import DAY_NS, bar_of

MINUTE_NS = 60 * 1_000_000_000


def history(closes: Sequence[float], times: Sequence[int] | None = None, capacity: int = 50) -> History:
    """A history of daily bars, or of bars at ``times`` in days."""
    made = History(capacity)
    for bar, close in enumerate(closes):
        day = bar if times is None else times[bar]
        made.append(bar_of("AAA", bar, close, day * DAY_NS))
    return made


def test_it_keeps_the_newest_bars_with_their_times() -> None:
    made = history([float(close) for close in range(1, 12)], capacity=4)
    assert len(made) == 4
    np.testing.assert_array_equal(made.closes, [8.0, 9.0, 10.0, 11.0])
    np.testing.assert_array_equal(made.times, np.arange(7, 11) * DAY_NS)
    assert (made.bar, made.close) == (10, Decimal("11.0"))
    assert [made.opened_ns(bar) for bar in (6, 7, 10, 11)] == [None, 7 * DAY_NS, 10 * DAY_NS, None]
    assert [made.bars_after(day * DAY_NS) for day in (5, 8, 10, 12)] == [4, 2, 0, 0]


@pytest.mark.parametrize("count", range(1, 13))
def test_times_belong_to_their_closes_wherever_the_ring_is(count: int) -> None:
    made = history([float(bar) + 1 for bar in range(count)], capacity=5)
    np.testing.assert_array_equal(made.times / DAY_NS + 1, made.closes)


def test_a_missing_bar_starts_it_anew_and_an_old_one_changes_nothing() -> None:
    made = history([1.0, 2.0, 3.0])
    for bar in (1, 2):
        assert not made.append(bar_of("AAA", bar, 9.0))
    np.testing.assert_array_equal(made.closes, [1.0, 2.0, 3.0])
    assert made.append(bar_of("AAA", 4, 5.0))
    np.testing.assert_array_equal(made.closes, [5.0])
    assert made.opened_ns(2) is None


def test_after_a_loss_nothing_is_held_but_the_place() -> None:
    made = history([1.0, 2.0, 3.0])
    made.clear()
    assert (len(made), made.bar) == (0, 2)
    assert made.times.size == made.closes.size == 0
    assert made.append(bar_of("AAA", 3, 4.0))
    np.testing.assert_array_equal(made.times, [3 * DAY_NS])


def test_returns_of_one_symbol() -> None:
    returns, bars_per_day = joint_returns([history([100.0, 110.0, 99.0])])
    np.testing.assert_allclose(returns, [[0.1, -0.1]])
    assert bars_per_day == 1.0


def test_symbols_share_the_times_both_have() -> None:
    """A day that one symbol lacks makes the other's return longer."""
    one = history([100.0, 110.0, 121.0, 100.0], [0, 1, 2, 3])
    other = history([10.0, 11.0, 22.0], [0, 2, 3])
    returns, bars_per_day = joint_returns([one, other])
    np.testing.assert_allclose(returns, [[0.21, 100 / 121 - 1], [0.1, 1.0]])
    assert bars_per_day == 1.0


def test_a_symbol_one_bar_behind_loses_one_bar() -> None:
    returns, _ = joint_returns([history([1.0, 2.0, 3.0]), history([1.0, 2.0])])
    assert returns.shape == (2, 1)


@pytest.mark.parametrize("closes", [[], [1.0]])
def test_less_than_two_shared_bars_give_no_return(closes: list[float]) -> None:
    returns, bars_per_day = joint_returns([history([1.0, 2.0, 3.0]), history(closes)])
    assert returns.shape == (2, 0)
    assert bars_per_day == 1.0


@pytest.mark.parametrize(("spacing_ns", "expected"), [
    (MINUTE_NS, 1440.0), (60 * MINUTE_NS, 24.0), (DAY_NS, 1.0), (7 * DAY_NS, 1.0),
])  # fmt: skip
def test_bars_in_a_day_follow_from_their_spacing(spacing_ns: int, expected: float) -> None:
    made = History(50)
    for bar in range(20):
        made.append(bar_of("AAA", bar, 100.0, bar * spacing_ns))
    assert joint_returns([made])[1] == expected


def test_a_weekend_does_not_change_the_bars_in_a_day() -> None:
    days = [week * 7 + day for week in range(4) for day in range(5)]
    assert joint_returns([history([100.0] * 20, days)])[1] == 1.0


def test_restored_histories_go_on_alike() -> None:
    first = Histories(5)
    for bar in range(8):
        first.append(bar_of("AAA", bar, float(bar + 1)))
        first.append(bar_of("BBB", bar, float(bar + 2)))
    second = Histories(5)
    second.restore(unpack(pack(first.snapshot())))
    for both in (first, second):
        both.append(bar_of("AAA", 8, 9.5))
    assert second.last_bar("AAA") == 8
    assert second.last_bar("CCC") is None
    assert second.opened_ns("CCC", 0) is None
    for symbol in ("AAA", "BBB"):
        one, other = first.get(symbol), second.get(symbol)
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one.closes, other.closes)
        np.testing.assert_array_equal(one.times, other.times)
        assert one.close == other.close
