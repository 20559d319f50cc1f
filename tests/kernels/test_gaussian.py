"""Gaussian beliefs against closed forms."""

import math
from statistics import NormalDist
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import gaussian as module
from kernels.arrays import Floats
from kernels.gaussian import band_probabilities, forecast, initial, learn

START = initial(3, prior_variance=0.5, noise_rounds=10.0)
FACTORS = np.array([0.5, -0.2, 0.0])
UNIT = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(np.array)


def learned(rounds: int, seed: int = 1, forgetting: float = 1.0) -> Floats:
    rng = np.random.default_rng(seed)
    state = START
    for _ in range(rounds):
        factors = rng.uniform(-1, 1, 3)
        target = 0.8 * factors[0] + rng.normal()
        state = learn(state, START, factors, target, forgetting=forgetting, importance=1.0)
    return state


def test_without_evidence_the_forecast_is_the_prior() -> None:
    pooled = forecast(START, START, FACTORS)
    assert pooled.mean == 0.0
    assert pooled.resolved == 0.0
    np.testing.assert_array_equal(pooled.means, np.zeros(3))
    np.testing.assert_allclose(pooled.variances, 1.0 + 0.5 * FACTORS**2)
    assert pooled.variance == pytest.approx(3 / np.sum(1 / pooled.variances))


def test_one_round_is_the_conjugate_update() -> None:
    state = learn(START, START, FACTORS, 2.0, forgetting=1.0, importance=1.0)
    np.testing.assert_allclose(state[0], 2.0 + FACTORS**2)
    np.testing.assert_allclose(state[1], 2.0 * FACTORS)
    np.testing.assert_allclose(state[2], 10.0 + 4.0)
    np.testing.assert_allclose(state[3], 11.0)
    pooled = forecast(state, START, FACTORS)
    np.testing.assert_allclose(pooled.means, FACTORS * state[1] / state[0])
    weights = 1 / pooled.variances
    assert pooled.mean == pytest.approx(float(np.average(pooled.means, weights=weights)))


def test_a_planted_coefficient_is_found_and_doubt_resolved() -> None:
    state = learned(4_000)
    np.testing.assert_allclose(state[1] / state[0], [0.8, 0.0, 0.0], atol=0.1)
    # Alone, a factor that explains nothing leaves all of the variance 1 + 0.64/3 as noise.
    np.testing.assert_allclose(state[2] / state[3], [1.0, 1.213, 1.213], atol=0.07)
    assert forecast(state, START, FACTORS).resolved > 0.99


def test_forgetting_leads_back_to_the_start() -> None:
    state = learned(500)
    for _ in range(400):
        state = learn(state, START, np.zeros(3), 0.0, forgetting=0.9, importance=1e-9)
    np.testing.assert_allclose(state, START, atol=1e-6)


def test_importance_counts_rounds() -> None:
    """Half a round twice is a round, up to the noise learned in between."""
    whole = learn(START, START, FACTORS, 0.4, forgetting=1.0, importance=1.0)
    half = START
    for _ in range(2):
        half = learn(half, START, FACTORS, 0.4, forgetting=1.0, importance=0.5)
    np.testing.assert_allclose(half, whole, rtol=0.05)


@settings(deadline=None)
@given(factors=UNIT, target=st.floats(-4, 4), flips=st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3))
def test_a_mirrored_round_gives_the_mirrored_forecast(factors: Floats, target: float, flips: list[float]) -> None:
    """Whether a factor flips in the mirror or not, what it says of the return does."""
    signs = np.array(flips)
    one = learn(START, START, factors, target, forgetting=0.99, importance=1.0)
    other = learn(START, START, signs * factors, -target, forgetting=0.99, importance=1.0)
    ours, theirs = forecast(one, START, factors), forecast(other, START, signs * factors)
    assert ours.mean == -theirs.mean
    assert ours.variance == theirs.variance
    assert ours.resolved == theirs.resolved
    assert 0.0 <= ours.resolved < 1.0


def test_compiled_and_plain_agree() -> None:
    state = learned(50)
    plain = cast("Any", module._learn).py_func(state.copy(), START.copy(), FACTORS.copy(), 1.5, 0.99, 0.5)
    np.testing.assert_allclose(learn(state, START, FACTORS, 1.5, forgetting=0.99, importance=0.5), plain, atol=1e-13)
    mean, variance, resolved, means, variances = cast("Any", module._forecast).py_func(state, START, FACTORS)
    pooled = forecast(state, START, FACTORS)
    assert (pooled.mean, pooled.variance, pooled.resolved) == pytest.approx((mean, variance, resolved), abs=1e-13)
    np.testing.assert_allclose(pooled.means, means, atol=1e-13)
    np.testing.assert_allclose(pooled.variances, variances, atol=1e-13)


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
        forecast(START, START, np.zeros(2))
    for wrong in ({"forgetting": 0.0}, {"importance": 0.0}, {"target": math.nan}):
        given = {"target": 1.0, "forgetting": 1.0, "importance": 1.0, **wrong}
        with pytest.raises(ValueError, match="want"):
            learn(START, START, FACTORS, **given)
