"""Calibration: exact errors by hand, what chance makes of it, and too little to tell."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.ablation.calibration import LEAST_ROUNDS, MOST_BINS, calibration


def test_equal_forecasts_share_a_bin_and_their_error_is_the_bias() -> None:
    forecasts = np.tile([0.2, 0.5, 0.3], (200, 1))
    outcomes = np.repeat([0, 1, 2], [60, 80, 60])
    found = calibration(forecasts, outcomes)
    assert found is not None
    assert found.bins == 1
    assert found.error == pytest.approx((0.1 + 0.1 + 0.0) / 3, abs=1e-12)
    spread = sum(math.sqrt(p * (1 - p) / 200) for p in (0.2, 0.5, 0.3)) / 3
    assert found.chance == pytest.approx(math.sqrt(2 / math.pi) * spread, rel=1e-12)


def test_two_kinds_of_forecasts_are_told_apart_by_hand() -> None:
    # Half the rounds say .8 up of which 1/2 rise, half say .2 up of which 1/2 rise: each bin is off by .3.
    forecasts = np.concatenate([np.tile([0.1, 0.1, 0.8], (100, 1)), np.tile([0.4, 0.4, 0.2], (100, 1))])
    outcomes = np.concatenate([np.repeat([2, 1, 0], [50, 25, 25]), np.repeat([2, 1, 0], [50, 25, 25])])
    found = calibration(forecasts, outcomes)
    assert found is not None
    assert found.bins == 2
    assert found.error == pytest.approx((0.15 + 0.15 + 0.30) / 3, abs=1e-12)


def test_a_calibrated_forecaster_shows_what_chance_makes_and_a_biased_one_more() -> None:
    rng = np.random.default_rng(3)
    forecasts = rng.dirichlet([6.0, 8.0, 6.0], 20_000)
    outcomes = (rng.random(20_000)[:, None] > forecasts.cumsum(axis=1)).sum(axis=1)
    found = calibration(forecasts, outcomes)
    assert found is not None
    assert found.bins == MOST_BINS
    assert 0.6 * found.chance < found.error < 1.4 * found.chance
    bold = forecasts**2 / (forecasts**2).sum(axis=1, keepdims=True)
    boasting = calibration(bold, outcomes)
    assert boasting is not None
    assert boasting.error > 5 * boasting.chance


def test_too_few_rounds_for_two_bins_say_nothing() -> None:
    forecasts = np.tile([0.2, 0.5, 0.3], (2 * LEAST_ROUNDS - 1, 1))
    assert calibration(forecasts, np.zeros(len(forecasts), dtype=np.int64)) is None
    assert calibration(np.empty((0, 3)), np.empty(0, dtype=np.int64)) is None


@settings(deadline=None, max_examples=30)
@given(st.integers(100, 700), st.integers(0, 2**31))
def test_it_lies_between_no_error_and_certain_error_and_mirrors(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forecasts, outcomes = rng.dirichlet([2.0, 3.0, 2.0], count), rng.integers(0, 3, count)
    found, mirrored = calibration(forecasts, outcomes), calibration(forecasts[:, ::-1].copy(), 2 - outcomes)
    assert found is not None
    assert mirrored is not None
    assert 0.0 <= found.error <= 1.0
    assert 1 <= found.bins <= min(MOST_BINS, count // LEAST_ROUNDS)
    assert mirrored.error == pytest.approx(found.error, abs=1e-12)
