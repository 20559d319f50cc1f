"""Stops and targets: known levels, order, mirrored shorts, and stages that sum."""

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernels.bracket import (
    EXTENSIONS,
    RETRACEMENTS,
    extensions,
    levels,
    retracements,
    staged,
    staged_lots,
    stop_multiple,
    trailed,
)
from kernels.pivot import Leg, Sign

UP = Leg(100.0, 3, 120.0, 9)
PRICES = st.floats(1.0, 1e4)
SIDES: list[Sign] = [1, -1]


def about(level: float, leg: Leg) -> Leg:
    return leg._replace(start=2 * level - leg.start, end=2 * level - leg.end)


def test_known_levels_of_a_rise() -> None:
    assert retracements(UP) == pytest.approx((115.28, 112.36, 110.0, 107.64, 104.28), abs=1e-9)
    assert extensions(UP) == pytest.approx((125.44, 132.36, 152.36), abs=1e-9)
    found = levels(1, 110.0, UP, 2.0)
    assert found.is_valid
    assert (found.multiple, found.stop) == (2.5, 100.0)  # 1.8 %: 110 - 2.5 * 2 = 105, the swing low lies below
    assert (found.targets, found.retracements) == (extensions(UP), retracements(UP))
    assert levels(1, 101.0, UP, 2.0).stop == 96.0


def test_known_levels_of_a_fall() -> None:
    fall = Leg(120.0, 3, 100.0, 9)
    assert retracements(fall) == pytest.approx((104.72, 107.64, 110.0, 112.36, 115.72), abs=1e-9)
    assert extensions(fall) == pytest.approx((94.56, 87.64, 67.64), abs=1e-9)
    found = levels(-1, 110.0, fall, 1.0)
    assert (found.is_valid, found.stop, found.multiple) == (True, 120.0, 2.0)
    assert levels(-1, 119.0, fall, 1.0).stop == 121.0


@pytest.mark.parametrize(
    ("percent", "multiple"),
    [(0.0, 2.0), (1.499, 2.0), (1.5, 2.5), (2.999, 2.5), (3.0, 3.0), (4.999, 3.0), (5.0, 3.5), (80.0, 3.5)],
)
def test_the_multiple_at_each_limit(percent: float, multiple: float) -> None:
    assert stop_multiple(percent) == multiple


@pytest.mark.parametrize(
    ("side", "entry", "leg", "atr"),
    [
        (1, 126.0, UP, 1.0),  # beyond the first target
        (1, 100.0, UP, 0.0),  # no distance to the stop
        (-1, 110.0, UP, 1.0),  # a short sale in a rise
        (1, 110.0, Leg(120.0, 3, 100.0, 9), 1.0),  # a purchase in a fall
        (1, 50.0, Leg(120.0, 3, 100.0, 9), 1.0),  # the same, below all its targets
        (1, 110.0, Leg(100.0, 9, 120.0, 3), 1.0),  # the high before the low
        (1, 110.0, UP, 40.0),  # a stop below 0
        (-1, 150.0, Leg(200.0, 3, 100.0, 9), 1.0),  # a target below 0
        (1, 110.0, Leg(math.nan, 0, 120.0, 9), 1.0),
    ],
)
def test_levels_out_of_order_are_not_valid(side: Sign, entry: float, leg: Leg, atr: float) -> None:
    assert not levels(side, entry, leg, atr).is_valid


@settings(deadline=None, max_examples=100)
@given(start=st.floats(50, 150), end=st.floats(50, 150), atr=st.floats(0, 20), side=st.sampled_from(SIDES))
def test_valid_levels_lie_in_order(start: float, end: float, atr: float, side: Sign) -> None:
    entry, leg = 100.0, Leg(start, 0, end, 5)
    found = levels(side, entry, leg, atr)
    if not found.is_valid:
        return
    ordered = [side * price for price in (found.stop, entry, *found.targets)]
    assert ordered == sorted(set(ordered))
    assert side * (entry - found.stop) >= found.multiple * atr - 1e-9 * entry
    assert side * found.stop <= side * start
    assert all(min(start, end) <= price <= max(start, end) for price in found.retracements)


@settings(deadline=None, max_examples=100)
@given(start=PRICES, end=PRICES, entry=st.floats(2e4, 3e4), atr=st.floats(0, 500), side=st.sampled_from(SIDES))
def test_a_short_sale_is_the_mirror(start: float, end: float, entry: float, atr: float, side: Sign) -> None:
    leg = Leg(entry - 5e3 + start, 0, entry - 5e3 + end, 5)
    one = levels(side, entry, leg, atr)
    other = levels(-side, entry, about(entry, leg), atr)
    margins = [abs(price - entry) for price in (one.stop, *one.targets)]
    assume(min(margins) > 1e-6 and min(one.stop, *one.targets, other.stop, *other.targets) > 0.0)
    assert abs(start - end) < 1e-6 or one.is_valid == other.is_valid
    assert other.multiple == one.multiple
    mirror = [2 * entry - price for price in (one.stop, *one.targets, *one.retracements)]
    assert [other.stop, *other.targets, *other.retracements] == pytest.approx(mirror, rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(closes=st.lists(st.floats(50, 150), min_size=1, max_size=20), atr=st.floats(0, 10), side=st.sampled_from(SIDES))
def test_a_trailing_stop_never_gives_ground(closes: list[float], atr: float, side: Sign) -> None:
    stop = 100.0 - side * 60.0
    for close in closes:
        moved = trailed(side, stop, close, atr)
        assert side * moved >= side * stop
        assert side * moved <= max(side * stop, side * close)
        stop = moved


@settings(deadline=None, max_examples=60)
@given(lots=st.integers(0, 10**12), first=st.floats(0, 1), second=st.floats(0, 1))
def test_stages_sum_and_a_stronger_trend_waits_longer(lots: int, first: float, second: float) -> None:
    weak, strong = sorted((first, second))
    assert sum(staged(weak)) == 100
    assert staged_lots(lots, weak).sum() == lots
    assert staged(strong)[0] <= staged(weak)[0]
    assert staged(strong)[2] >= staged(weak)[2]


def test_every_stage_is_reached_at_its_limit() -> None:
    found = [staged(strength) for strength in (0.0, 0.25, 0.2501, 0.4, 0.4001, 1.0)]
    assert found == [(60, 25, 15), (60, 25, 15), (40, 30, 30), (40, 30, 30), (25, 30, 45), (25, 30, 45)]
    assert staged_lots(7, 0.5).tolist() == [2, 2, 3]


def test_there_is_a_stage_for_each_target() -> None:
    assert len(EXTENSIONS) == len(staged(0.5)) == 3
    assert list(RETRACEMENTS) == sorted(RETRACEMENTS)


@pytest.mark.parametrize(
    ("side", "price", "atr"),
    [(0, 100.0, 1.0), (1, 0.0, 1.0), (1, math.nan, 1.0), (1, 100.0, math.nan), (-1, 100.0, -1.0)],
)
def test_wrong_input_is_refused(side: Any, price: float, atr: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        levels(side, price, UP, atr)
    with pytest.raises(ValueError, match="expected"):
        trailed(side, 90.0, price, atr)


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan])
def test_a_wrong_strength_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        staged(strength)
