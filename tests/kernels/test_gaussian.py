"""Gaussian beliefs against closed forms."""

import math
from statistics import NormalDist
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import gaussian as module
from kernels.arrays import Bools, Floats
from kernels.gaussian import LEAST_WEIGHT, Forecast, band_probabilities, forecast, initial, learn, reweigh, settle

START = initial(3, prior_variance=0.5, noise_rounds=10.0)
FACTORS = np.array([0.5, -0.2, 0.0])
ALL: Bools = np.ones(3, np.bool_)
TWO: Bools = np.array([True, False, True])
EQUAL = np.full(3, 1 / 3)
UNIT = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(np.array)


def learned(rounds: int, seed: int = 1, forgetting: float = 1.0) -> Floats:
    rng = np.random.default_rng(seed)
    state = START
    for _ in range(rounds):
        factors = rng.uniform(-1, 1, 3)
        target = 0.8 * factors[0] + rng.normal()
        state = learn(state, START, factors, ALL, target, forgetting=forgetting, importance=1.0)
    return state


def test_without_evidence_the_forecast_is_the_prior() -> None:
    pooled = forecast(START, START, FACTORS, ALL, EQUAL)
    assert pooled.mean == 0.0
    assert pooled.resolved == 0.0
    np.testing.assert_array_equal(pooled.means, np.zeros(3))
    np.testing.assert_allclose(pooled.variances, 1.0 + 0.5 * FACTORS**2)
    assert pooled.variance == pytest.approx(3 / np.sum(1 / pooled.variances))


def test_one_round_is_the_conjugate_update() -> None:
    state = learn(START, START, FACTORS, ALL, 2.0, forgetting=1.0, importance=1.0)
    np.testing.assert_allclose(state[0], 2.0 + FACTORS**2)
    np.testing.assert_allclose(state[1], 2.0 * FACTORS)
    np.testing.assert_allclose(state[2], 10.0 + 4.0)
    np.testing.assert_allclose(state[3], 11.0)
    pooled = forecast(state, START, FACTORS, ALL, EQUAL)
    np.testing.assert_allclose(pooled.means, FACTORS * state[1] / state[0])
    weights = 1 / pooled.variances
    assert pooled.mean == pytest.approx(float(np.average(pooled.means, weights=weights)))


def test_a_planted_coefficient_is_found_and_doubt_resolved() -> None:
    state = learned(4_000)
    np.testing.assert_allclose(state[1] / state[0], [0.8, 0.0, 0.0], atol=0.1)
    # Alone, a factor that explains nothing leaves all of the variance 1 + 0.64/3 as noise.
    np.testing.assert_allclose(state[2] / state[3], [1.0, 1.213, 1.213], atol=0.07)
    assert forecast(state, START, FACTORS, ALL, EQUAL).resolved > 0.99


def test_forgetting_leads_back_to_the_start() -> None:
    state = learned(500)
    for _ in range(400):
        state = learn(state, START, np.zeros(3), ALL, 0.0, forgetting=0.9, importance=1e-9)
    np.testing.assert_allclose(state, START, atol=1e-6)


def test_importance_counts_rounds() -> None:
    """Half a round twice is a round, up to the noise learned in between."""
    whole = learn(START, START, FACTORS, ALL, 0.4, forgetting=1.0, importance=1.0)
    half = START
    for _ in range(2):
        half = learn(half, START, FACTORS, ALL, 0.4, forgetting=1.0, importance=0.5)
    np.testing.assert_allclose(half, whole, rtol=0.05)


@settings(deadline=None)
@given(factors=UNIT, target=st.floats(-4, 4), flips=st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3))
def test_a_mirrored_round_gives_the_mirrored_forecast(factors: Floats, target: float, flips: list[float]) -> None:
    """Whether a factor flips in the mirror or not, what it says of the return does."""
    signs = np.array(flips)
    one = learn(START, START, factors, ALL, target, forgetting=0.99, importance=1.0)
    other = learn(START, START, signs * factors, ALL, -target, forgetting=0.99, importance=1.0)
    ours, theirs = forecast(one, START, factors, ALL, EQUAL), forecast(other, START, signs * factors, ALL, EQUAL)
    assert ours.mean == -theirs.mean
    assert ours.variance == theirs.variance
    assert ours.resolved == theirs.resolved
    assert 0.0 <= ours.resolved < 1.0
    weights = [
        reweigh(EQUAL, EQUAL, pooled, y, rate=0.3, forgetting=0.99) for pooled, y in ((ours, target), (theirs, -target))
    ]
    np.testing.assert_array_equal(weights[0], weights[1])


def test_what_is_absent_has_no_say_and_learns_nothing() -> None:
    state = learned(20)
    pooled = forecast(state, START, FACTORS, TWO, np.array([0.1, 0.8, 0.3]))
    alone = forecast(state[:, TWO], START[:, TWO], FACTORS[TWO], ALL[:2], np.array([0.25, 0.75]))
    assert (pooled.mean, pooled.variance) == pytest.approx((alone.mean, alone.variance))
    np.testing.assert_allclose(pooled.shares, [0.25, 0.0, 0.75])
    after = learn(state, START, FACTORS, TWO, 1.0, forgetting=0.9, importance=1.0)
    np.testing.assert_array_equal(after[:, 1], state[:, 1])
    assert (after[:, TWO] != state[:, TWO]).any(axis=0).all()
    weights = reweigh(EQUAL, EQUAL, pooled, 1.0, rate=0.5, forgetting=1.0)
    assert weights[1] == EQUAL[1]
    assert weights.sum() == pytest.approx(1.0)


def test_without_any_factor_nothing_is_forecast() -> None:
    pooled = forecast(learned(20), START, FACTORS, np.zeros(3, np.bool_), EQUAL)
    assert (pooled.mean, pooled.variance, pooled.resolved) == (0.0, 1.0, 0.0)
    np.testing.assert_array_equal(reweigh(EQUAL, EQUAL, pooled, 1.0, rate=0.5, forgetting=0.9), EQUAL)


def _loss(state: Floats, weights: Floats, target: float) -> float:
    """Return -ln N(target; M, V) of a pool whose weights need not sum to 1."""
    means = FACTORS * state[1] / state[0]
    variances = FACTORS**2 / state[0] + state[2] / state[3]
    variance = 1.0 / np.sum(weights / variances)
    mean = variance * np.sum(weights * means / variances)
    return float(0.5 * np.log(variance) + (target - mean) ** 2 / (2.0 * variance))


@pytest.mark.parametrize("target", [0.0, 0.7, -2.5])
def test_weights_step_down_the_gradient_of_the_log_score(target: float) -> None:
    """The step of Kivinen and Warmuth 1997, with the slope taken by differences from the log score itself."""
    state, weights, rate = learned(200), np.array([0.2, 0.5, 0.3]), 0.4
    pooled = forecast(state, START, FACTORS, ALL, weights)
    shifts = 1e-6 * np.eye(3)
    slopes = [(_loss(state, weights + up, target) - _loss(state, weights - up, target)) / 2e-6 for up in shifts]
    expected = weights * np.exp(-rate * np.array(slopes))
    moved = reweigh(weights, EQUAL, pooled, target, rate=rate, forgetting=1.0)
    np.testing.assert_allclose(moved, expected / expected.sum(), atol=1e-9)


def test_weights_find_the_factor_that_knows_and_forget_it_again() -> None:
    rng = np.random.default_rng(3)
    state, weights = learned(500), EQUAL
    for _ in range(600):
        factors = rng.uniform(-1, 1, 3)
        target = 0.8 * factors[0] + rng.normal()
        pooled = forecast(state, START, factors, ALL, weights)
        weights = reweigh(weights, EQUAL, pooled, target, rate=0.2, forgetting=0.999)
    assert weights[0] > 0.8
    nothing = forecast(START, START, np.zeros(3), ALL, weights)
    for _ in range(500):
        weights = reweigh(weights, EQUAL, nothing, 0.0, rate=0.0, forgetting=0.98)
    np.testing.assert_allclose(weights, EQUAL, atol=1e-3)


def test_a_weight_never_dies() -> None:
    pooled = Forecast(4.5, 1e-3, 0.0, np.array([0.0, 9.0]), np.array([1e-3, 1e-3]), np.array([0.5, 0.5]))
    start = np.array([0.5, 0.5])
    weights = reweigh(start, start, pooled, 0.0, rate=1.0, forgetting=1.0)
    assert weights.min() == pytest.approx(LEAST_WEIGHT, rel=1e-6)
    back = pooled._replace(means=np.array([9.0, 0.0]))
    for _ in range(3):
        weights = reweigh(weights, start, back, 0.0, rate=1.0, forgetting=0.99)
    assert weights[1] > 0.99


def test_compiled_and_plain_agree() -> None:
    state = learned(50)
    plain = cast("Any", module._learn).py_func(state.copy(), START.copy(), FACTORS.copy(), TWO.copy(), 1.5, 0.99, 0.5)
    np.testing.assert_allclose(
        learn(state, START, FACTORS, TWO, 1.5, forgetting=0.99, importance=0.5), plain, atol=1e-13
    )
    weights = np.array([0.2, 0.5, 0.3])
    pooled = forecast(state, START, FACTORS, TWO, weights)
    table = np.empty((3, 3))
    parts = cast("Any", module._forecast).py_func(
        state.copy(), START.copy(), FACTORS.copy(), TWO.copy(), weights.copy(), table
    )
    assert (pooled.mean, pooled.variance, pooled.resolved) == pytest.approx(parts, abs=1e-13)
    np.testing.assert_allclose([pooled.means, pooled.variances, pooled.shares], table, atol=1e-13)
    again = cast("Any", module._reweigh).py_func(
        weights.copy(), EQUAL.copy(), *table, parts[0], parts[1], 1.5, 0.2, 0.99
    )
    moved = reweigh(weights, EQUAL, pooled, 1.5, rate=0.2, forgetting=0.99)
    np.testing.assert_allclose(moved, again, atol=1e-13)


@settings(deadline=None, max_examples=50)
@given(factors=UNIT, target=st.floats(-4, 4), rounds=st.integers(0, 30), importance=st.floats(0.1, 1))
def test_a_round_in_one_call_is_its_steps_to_the_last_bit(
    factors: Floats, target: float, rounds: int, importance: float
) -> None:
    state, weights = learned(rounds), np.array([0.2, 0.5, 0.3])
    ours, plain = (state.copy(), weights.copy()), (state.copy(), weights.copy())
    rates = 0.99, importance, 0.05 * importance
    settle(
        ours[0], START, ours[1], EQUAL, factors, TWO, target, forgetting=rates[0], importance=rates[1], rate=rates[2]
    )
    cast("Any", module._settle).py_func(plain[0], START, plain[1], EQUAL, factors, TWO, target, *rates)
    pooled = forecast(state, START, factors, TWO, weights)
    expected = (
        learn(state, START, factors, TWO, target, forgetting=0.99, importance=importance),
        reweigh(weights, EQUAL, pooled, target, rate=rates[2], forgetting=0.99),
    )
    for got, again, step in zip(ours, plain, expected, strict=True):
        np.testing.assert_array_equal(got, step)
        np.testing.assert_allclose(got, again, atol=1e-13)


@settings(deadline=None)
@given(mean=st.floats(-3, 3), variance=st.floats(0.05, 9), band=st.floats(0.01, 3))
def test_band_probabilities_are_those_of_the_normal_law(mean: float, variance: float, band: float) -> None:
    law = NormalDist(mean, math.sqrt(variance))
    down, flat, up = band_probabilities(mean, variance, band)
    assert down == pytest.approx(law.cdf(-band), abs=1e-11)
    assert up == pytest.approx(1 - law.cdf(band), abs=1e-11)
    assert down + flat + up == pytest.approx(1.0, abs=1e-11)
    assert band_probabilities(-mean, variance, band) == (up, flat, down)


def test_band_probabilities_far_out_stay_positive() -> None:
    assert min(band_probabilities(50.0, 1.0, 0.5)) == 1e-12


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        initial(0, prior_variance=1.0, noise_rounds=1.0)
    with pytest.raises(ValueError, match="must be > 0"):
        band_probabilities(0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="expected"):
        forecast(START, START, np.zeros(2), ALL, EQUAL)
    with pytest.raises(ValueError, match="expected"):
        forecast(START, START, FACTORS, ALL[:2], EQUAL)
    pooled = forecast(START, START, FACTORS, ALL, EQUAL)
    with pytest.raises(ValueError, match="expected those"):
        reweigh(EQUAL[:2], EQUAL, pooled, 0.0, rate=0.1, forgetting=1.0)
    for rate, target in ((-0.1, 0.0), (0.1, math.inf)):
        with pytest.raises(ValueError, match="want"):
            reweigh(EQUAL, EQUAL, pooled, target, rate=rate, forgetting=1.0)
    for wrong in ({"forgetting": 0.0}, {"importance": 0.0}, {"target": math.nan}, {"rate": -0.1}):
        given = {"target": 1.0, "forgetting": 1.0, "importance": 1.0, "rate": 0.1, **wrong}
        with pytest.raises(ValueError, match="want"):
            settle(START.copy(), START, EQUAL.copy(), EQUAL, FACTORS, ALL, **given)
    with pytest.raises(ValueError, match="the same"):
        settle(START, START, EQUAL, EQUAL[:2], FACTORS, ALL, 1.0, forgetting=1.0, importance=1.0, rate=0.1)
    for wrong in ({"forgetting": 0.0}, {"importance": 0.0}, {"target": math.nan}):
        given = {"target": 1.0, "forgetting": 1.0, "importance": 1.0, **wrong}
        with pytest.raises(ValueError, match="want"):
            learn(START, START, FACTORS, ALL, **given)
