"""Swings and ATR against a plain reading of their rules, bar by bar against the whole array, and mirrored."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import pivot
from kernels.arrays import Floats
from kernels.pivot import ATR, ATR_BARS, FALL, RISE, WIDTH, Leg, atr, initial, leg, series, update
from tests.seats.driver import walk


def zigzag(*closes: float, width: float = 0.5) -> Floats:
    """Bars of one width around closes."""
    mid = np.array(closes)
    return np.column_stack([mid, mid + width, mid - width, mid, np.full(len(mid), 100.0)])


def about(rows: Floats, level: float) -> Floats:
    """Mirror prices about a level, high and low swapped."""
    flipped = rows.copy()
    flipped[:, :4] = 2.0 * level - rows[:, [0, 2, 1, 3]]
    return flipped


def rough(seed: int, bars: int) -> Floats:
    """A walk in coarse ticks, so that highs tie, bars lack a range, prices halve and double, and mirrors are exact."""
    rows = walk(seed, bars, sigma=0.02)
    rows[:, :4] = np.round(rows[:, :4] * 2) / 2
    rows[::17, 1:4] = rows[::17, 3:4]
    rows[40:50, :4] *= 0.5
    return rows


def swings(rows: Floats) -> list[tuple[int, int, float, int]]:
    """Confirmed swings as (bar known at, kind, price, bar), straight from the rule."""
    found = []
    for t in range(4, len(rows)):
        kinds = []
        for kind, column in ((1, rows[:, 1]), (-1, -rows[:, 2])):
            centre = column[t - 2]
            if centre > column[t - 4 : t - 2].max() and centre >= column[t - 1 : t + 1].max():
                kinds.append((t, kind, kind * centre, t - 2))
        found += kinds if len(kinds) == 1 else []
    return found


def expected_legs(rows: Floats) -> tuple[Leg | None, Leg | None]:
    """The last rise and fall that stand, from the whole list of swings."""
    ordered: list[tuple[int, float, int]] = []
    legs: dict[int, Leg | None] = {1: None, -1: None}
    for _, kind, price, bar in swings(rows):
        if ordered and kind * price <= kind * ordered[-1][1]:
            continue
        if ordered and ordered[-1][0] == kind:
            ordered.pop()
        ordered.append((kind, price, bar))
        if len(ordered) > 1:
            legs[kind] = Leg(ordered[-2][1], ordered[-2][2], price, bar)
        other = legs[-kind]
        if other is not None and kind * price > kind * other.start:
            legs[-kind] = None
    return legs[1], legs[-1]


def fed(rows: Floats) -> Floats:
    state = initial()
    for row in rows:
        update(state, tuple(row.tolist()))
    return state


def test_a_swing_is_known_two_bars_later() -> None:
    rows = zigzag(105, 104, 100, 101, 102, 106, 110, 108, 107, 105, 103)
    legs = series(rows)
    assert np.isnan(legs[:8, RISE]).all()
    assert legs[8, RISE : RISE + 4].tolist() == [99.5, 2, 110.5, 6]
    assert leg(fed(rows), 1) == Leg(99.5, 2, 110.5, 6)
    assert leg(fed(rows), -1) is None


def test_swings_alternate_and_an_undercut_rise_is_void() -> None:
    up = [105, 104, 100, 101, 102, 106, 110, 108, 107]
    higher = zigzag(*up, 109, 113, 111, 110)
    assert leg(fed(higher), 1) == Leg(99.5, 2, 110.5, 6)._replace(start=106.5, start_bar=8, end=113.5, end_bar=10)
    kept = fed(zigzag(*up, 105, 102, 103, 104))
    assert (leg(kept, 1), leg(kept, -1)) == (Leg(99.5, 2, 110.5, 6), Leg(110.5, 6, 101.5, 10))
    broken = fed(zigzag(*up, 99, 98, 99, 100))
    assert (leg(broken, 1), leg(broken, -1)) == (None, Leg(110.5, 6, 97.5, 10))


@pytest.mark.parametrize("seed", range(8))
def test_legs_are_those_of_the_rules(seed: int) -> None:
    rows = rough(seed, 120)
    for size in (5, 20, 60, 119, 120):
        state = fed(rows[:size])
        assert (leg(state, 1), leg(state, -1)) == expected_legs(rows[:size])


def test_every_outcome_is_reached() -> None:
    missing = np.isnan(series(rough(1, 300))[:, [RISE, FALL]])
    found = {(bool(rise), bool(fall)) for rise, fall in missing}
    assert found == {(True, True), (True, False), (False, True), (False, False)}


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 80))
def test_bar_by_bar_is_the_array_and_the_future_changes_nothing(seed: int, cut: int) -> None:
    rows = rough(seed, 80)
    whole = series(rows)
    np.testing.assert_array_equal(series(rows[:cut]), whole[:cut])
    np.testing.assert_array_equal(fed(rows[:cut])[:WIDTH], whole[cut - 1] if cut else initial()[:WIDTH])
    np.testing.assert_allclose(cast("Any", pivot._series).py_func(rows, initial()), whole, rtol=1e-13)
    state = fed(rows[:cut]).copy()
    for row in rows[cut:]:
        update(state, row)
    assert state.tobytes() == fed(rows).tobytes()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_mirrored_prices_mirror_every_leg(seed: int) -> None:
    rows = rough(seed, 80)
    flipped = series(about(rows, 500.0))
    straight = series(rows)
    for side in (RISE, FALL):
        other = FALL if side == RISE else RISE
        np.testing.assert_array_equal(flipped[:, side : side + 3 : 2], 1_000.0 - straight[:, other : other + 3 : 2])
        np.testing.assert_array_equal(flipped[:, side + 1 : side + 4 : 2], straight[:, other + 1 : other + 4 : 2])
    np.testing.assert_allclose(flipped[:, ATR], straight[:, ATR], rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_legs_are_ordered_in_time_and_price(seed: int) -> None:
    legs = series(rough(seed, 80))
    for at, sign in ((RISE, 1.0), (FALL, -1.0)):
        there = legs[~np.isnan(legs[:, at])]
        assert (sign * there[:, at] < sign * there[:, at + 2]).all()
        assert (there[:, at + 1] < there[:, at + 3]).all()


def test_atr_is_wilders() -> None:
    rows = walk(5, 60)
    close = np.concatenate(([rows[0, 3]], rows[:-1, 3]))
    ranges = np.maximum(rows[:, 1], close) - np.minimum(rows[:, 2], close)
    ranges[0] = rows[0, 1] - rows[0, 2]
    expected = np.full(60, np.nan)
    expected[ATR_BARS - 1] = ranges[:ATR_BARS].mean()
    for i in range(ATR_BARS, 60):
        expected[i] = (13 * expected[i - 1] + ranges[i]) / 14
    np.testing.assert_allclose(series(rows)[:, ATR], expected, rtol=1e-12)
    assert atr(fed(rows)) == pytest.approx(expected[-1])
    assert math.isnan(atr(fed(rows[:13])))


def test_still_prices_have_no_swing_and_no_range() -> None:
    state = fed(zigzag(*[100.0] * 50, width=0.0))
    assert (leg(state, 1), leg(state, -1), atr(state)) == (None, None, 0.0)


def test_a_jump_is_taken_as_it_is() -> None:
    state = fed(zigzag(*[100.0] * 20, 180.0, 100.0, 100.0))
    assert atr(state) == pytest.approx((((1 * 13 + 80.5) / 14 * 13 + 80.5) / 14 * 13 + 1) / 14)


def test_a_swing_beyond_the_other_kind_waits() -> None:
    highs = np.array([110, 109, 108, 107, 106, 85, 86, 90, 88, 87, 80, 79, 78, 95, 93, 92.0])
    lows = np.array([105, 104, 100, 101, 102, 80, 79, 78, 77, 76, 70, 75, 76, 77, 78, 79.0])
    rows = np.column_stack([lows, highs, lows, lows, lows])
    assert swings(rows) == [(4, -1, 100.0, 2), (9, 1, 90.0, 7), (12, -1, 70.0, 10), (15, 1, 95.0, 13)]
    waiting = fed(rows[:10])
    assert (leg(waiting, 1), leg(waiting, -1)) == (None, None)
    assert leg(fed(rows), 1) == Leg(70.0, 10, 95.0, 13)


def test_an_outside_bar_is_no_swing() -> None:
    rows = zigzag(100, 100, 100, 100, 100)
    rows[2, 1:3] = 110.0, 90.0
    state = fed(rows)
    assert state[pivot._KIND] == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        (1.0, 2.0, 0.0, 1.0, 1.0),
        (1.0, math.nan, 1.0, 1.0, 1.0),
        (1.0, math.inf, 1.0, 1.0, 1.0),
        (1.0, 2.0, 1.0, 3.0, 1.0),
    ],
)
def test_a_wrong_bar_is_refused_and_changes_nothing(wrong: tuple[float, ...]) -> None:
    state = fed(walk(1, 20))
    before = state.tobytes()
    with pytest.raises(ValueError, match="expected"):
        update(state, wrong)
    assert state.tobytes() == before
    with pytest.raises(ValueError, match="expected"):
        series(np.array([wrong]))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        update(np.zeros(3), (1.0, 1.0, 1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="expected"):
        series(np.ones((3, 4)))
