"""Schedules in whole lots, and Almgren and Chriss's own example (2000, section 4; MODELS 9's table)."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import schedule
from kernels.arrays import Floats, Ints
from kernels.schedule import (
    MOST_LOTS,
    Market,
    almgren_chriss,
    cost,
    pov,
    pov_child,
    shortfall,
    split,
    twap,
    urgency,
    volume_curve,
    vwap,
)

PAPER = Market(sigma=0.95, half_spread=0.0625, permanent=2.5e-7, temporary=2.5e-6)
LOTS = st.one_of(st.integers(0, 500), st.integers(0, MOST_LOTS))
WEIGHTS = st.lists(st.floats(0, 1e9), min_size=1, max_size=30).filter(lambda weights: max(weights) > 0)
AVERSIONS = st.floats(0, 1e-3)
VOLUMES = st.lists(st.integers(0, 10_000), max_size=30)


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("aversion", "expected_cost", "variance"),
    [(1e-6, 911_227, "3.641e+11"), (2e-6, 1_140_715, "2.019e+11"), (0.0, 662_500, "1.083e+12")],
)
def test_the_papers_cost_and_variance(aversion: float, expected_cost: int, variance: str) -> None:
    found = almgren_chriss(1e6, 5.0, 5, PAPER, aversion)
    assert round(found.expected_cost) == expected_cost
    assert f"{found.variance:.3e}" == variance


def test_the_papers_holdings() -> None:
    found = almgren_chriss(1e6, 5.0, 5, PAPER, 1e-6)
    assert np.round(found.holdings).astype(int).tolist() == [1_000_000, 541_956, 289_854, 147_897, 62_142, 0]
    assert found.kappa == pytest.approx(0.6071, abs=5e-5)
    assert shortfall(1_000_000, found).tolist() == [458_044, 252_101, 141_957, 85_756, 62_142]


def test_kappa_solves_the_papers_equation() -> None:
    for aversion in (1e-9, 1e-6, 1e-3):
        tau, kappa = 0.5, urgency(5.0, 10, PAPER, aversion)
        bare = aversion * 0.95**2 / (2.5e-6 - 2.5e-7 * tau / 2)
        assert 2 / tau**2 * (math.cosh(kappa * tau) - 1) == pytest.approx(bare, rel=1e-7)


@settings(deadline=None, max_examples=50)
@given(aversion=AVERSIONS, kicks=st.lists(st.floats(-0.01, 0.01), min_size=6, max_size=6))
def test_no_other_way_down_is_better(aversion: float, kicks: list[float]) -> None:
    best = almgren_chriss(1e6, 7.0, 7, PAPER, aversion)
    other = best.holdings.copy()
    other[1:-1] += 1e6 * np.array(kicks)
    other = np.minimum.accumulate(np.clip(other, 0, 1e6))
    expected, variance = cost(other, 7.0, PAPER)
    least = best.expected_cost + aversion * best.variance
    assert expected + aversion * variance >= least * (1 - 1e-12)


@settings(deadline=None, max_examples=50)
@given(first=AVERSIONS, second=AVERSIONS, intervals=st.integers(1, 40))
def test_more_aversion_costs_more_and_risks_less(first: float, second: float, intervals: int) -> None:
    calm, averse = (almgren_chriss(1e6, 5.0, intervals, PAPER, x) for x in sorted((first, second)))
    assert averse.expected_cost >= calm.expected_cost * (1 - 1e-12)
    assert averse.variance <= calm.variance * (1 + 1e-12)
    assert (averse.holdings <= calm.holdings + 1e-6).all()
    assert averse.kappa >= calm.kappa


@settings(deadline=None, max_examples=50)
@given(aversion=st.floats(0, 1e6), lots=LOTS, intervals=st.integers(1, 40))
def test_children_of_a_shortfall_schedule_sum_and_never_grow(aversion: float, lots: int, intervals: int) -> None:
    found = almgren_chriss(1e6, 5.0, intervals, PAPER, aversion)
    assert found.holdings[0] == 1e6
    assert found.holdings[-1] == 0.0
    children = shortfall(lots, found)
    assert sum(children.tolist()) == lots
    assert (np.diff(-np.diff(found.holdings)) <= 1e-6).all()
    if aversion > 1e-9:  # without aversion all children are equal but for rounding
        assert (np.diff(children) <= 0).all()


def test_no_aversion_is_the_straight_line_and_all_aversion_trades_at_once() -> None:
    line = almgren_chriss(1e6, 5.0, 5, PAPER, 0.0)
    assert line.kappa == 0.0
    np.testing.assert_allclose(line.holdings, [1e6, 8e5, 6e5, 4e5, 2e5, 0], rtol=1e-15)
    np.testing.assert_allclose(almgren_chriss(1e6, 5.0, 5, PAPER, 1e-16).holdings, line.holdings, rtol=1e-6)
    assert shortfall(100, almgren_chriss(1e6, 5.0, 5, PAPER, 1e300)).tolist() == [100, 0, 0, 0, 0]


@pytest.mark.parametrize("field", Market._fields)
def test_every_friction_counts(field: str) -> None:
    changed = PAPER._replace(**{field: getattr(PAPER, field) * 1.1})
    assert almgren_chriss(1e6, 5.0, 5, changed, 1e-6)[2:] != almgren_chriss(1e6, 5.0, 5, PAPER, 1e-6)[2:]


@settings(deadline=None, max_examples=100)
@given(lots=LOTS, weights=WEIGHTS)
def test_a_split_sums_exactly_and_keeps_its_quota(lots: int, weights: list[float]) -> None:
    shares = split(lots, weights).tolist()
    assert sum(shares) == lots
    assert min(shares) >= 0
    assert all(not share for share, weight in zip(shares, weights, strict=True) if not weight)
    for i, j in zip(range(len(weights)), range(1, len(weights)), strict=False):
        if weights[i] >= weights[j]:
            assert shares[i] >= shares[j]
    quotas = [lots * weight / sum(weights) for weight in weights]
    assert all(abs(share - quota) < 1 + 1e-9 * lots for share, quota in zip(shares, quotas, strict=True))


def test_known_splits() -> None:
    assert split(100, [25, 30, 45]).tolist() == [25, 30, 45]
    assert split(21, [53, 24, 23]).tolist() == [11, 5, 5]  # quotas 11.13 5.04 4.83
    assert split(0, [1.0, 2.0]).tolist() == [0, 0]
    assert split(MOST_LOTS, [1.0]).tolist() == [MOST_LOTS]


@settings(deadline=None, max_examples=100)
@given(lots=LOTS, intervals=st.integers(1, 400))
def test_twap_keeps_to_the_straight_line(lots: int, intervals: int) -> None:
    children = twap(lots, intervals).tolist()
    assert sum(children) == lots
    assert set(children) <= {lots // intervals, -(-lots // intervals)}
    done = 0
    for k, child in enumerate(children):
        done += child
        assert abs(2 * done * intervals - 2 * lots * (k + 1)) <= intervals


def test_a_curve_is_the_mean_share_of_whole_days() -> None:
    days = np.array([[10.0, 30.0], [300.0, 100.0], [0.0, 0.0], [np.nan, 5.0]])
    assert volume_curve(days).tolist() == [0.5, 0.5]
    assert vwap(10, np.array([0.6, 0.1, 0.3])).tolist() == [6, 1, 3]


@settings(deadline=None, max_examples=50)
@given(volumes=VOLUMES, lots=st.integers(0, 5_000), rate=st.floats(0.01, 1.0), cut=st.integers(0, 30))
def test_participation_is_causal_and_within_its_rate(volumes: list[int], lots: int, rate: float, cut: int) -> None:
    children = pov(lots, ints(volumes), rate)
    np.testing.assert_array_equal(children, cast("Any", schedule._pov).py_func(lots, ints(volumes), rate))
    before = np.concatenate(([0], np.cumsum(ints(volumes))))[: len(volumes)]
    np.testing.assert_array_equal(np.cumsum(children), np.minimum(np.floor(rate * before), lots))
    np.testing.assert_array_equal(pov(lots, ints(volumes[:cut]), rate), children[:cut])
    rest = volumes[:cut] + [7 * volume + 1 for volume in volumes[cut:]]
    np.testing.assert_array_equal(pov(lots, ints(rest), rate)[: cut + 1], children[: cut + 1])


@settings(deadline=None, max_examples=30)
@given(volumes=VOLUMES, lots=st.integers(0, 5_000), rate=st.floats(0.01, 1.0))
def test_one_child_at_a_time_is_the_same(volumes: list[int], lots: int, rate: float) -> None:
    done, seen, children = 0, 0, []
    for volume in volumes:
        children.append(pov_child(lots - done, done, seen, rate))
        done += children[-1]
        seen += volume
    assert children == pov(lots, ints(volumes), rate).tolist()


def test_a_rate_that_fell_waits_until_volume_catches_up() -> None:
    assert pov_child(lots_left=50, lots_done=50, volume=400, rate=0.1) == 0


@pytest.mark.parametrize("wrong", [[], [-1.0, 2.0], [0.0], [math.nan, 1.0], [math.inf]])
def test_wrong_weights_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        split(5, wrong)


@pytest.mark.parametrize(
    ("quantity", "horizon", "intervals", "market", "aversion"),
    [
        (0.0, 5.0, 5, PAPER, 0.0),
        (math.nan, 5.0, 5, PAPER, 0.0),
        (1e6, 0.0, 5, PAPER, 0.0),
        (1e6, 5.0, 0, PAPER, 0.0),
        (1e6, 5.0, 5, PAPER, -1.0),
        (1e6, 5.0, 5, PAPER, math.nan),
        (1e6, 5.0, 5, PAPER._replace(sigma=math.nan), 0.0),
        (1e6, 5.0, 5, PAPER._replace(permanent=5e-6), 0.0),
    ],
)
def test_a_wrong_parent_is_refused(
    quantity: float, horizon: float, intervals: int, market: Market, aversion: float
) -> None:
    with pytest.raises(ValueError, match="expected"):
        almgren_chriss(quantity, horizon, intervals, market, aversion)


@pytest.mark.parametrize(
    "wrong", [np.array([1.0]), np.array([2.0, 1.0]), np.array([1.0, 2.0, 0.0]), np.array([np.nan, 0.0])]
)
def test_a_wrong_way_down_is_refused(wrong: Floats) -> None:
    with pytest.raises(ValueError, match="expected"):
        cost(wrong, 1.0, PAPER)


@pytest.mark.parametrize(
    "wrong", [np.ones(3), np.ones((2, 0)), np.zeros((2, 3)), -np.ones((1, 2)), np.full((2, 2), np.inf)]
)
def test_days_that_tell_nothing_are_refused(wrong: Floats) -> None:
    with pytest.raises(ValueError, match="expected"):
        volume_curve(wrong)


def test_wrong_lots_volumes_and_rates_are_refused() -> None:
    for call in (
        lambda: twap(-1, 5),
        lambda: twap(5, 0),
        lambda: split(MOST_LOTS + 1, [1.0]),
        lambda: pov(5, ints([-1]), 0.1),
        lambda: pov(5, ints([MOST_LOTS, MOST_LOTS]), 0.1),
        lambda: pov(5, ints([1]), math.nan),
        lambda: pov_child(5, 0, 10, 1.5),
        lambda: pov_child(-1, 0, 10, 0.5),
    ):
        with pytest.raises(ValueError, match="expected"):
            cast("Any", call)()
