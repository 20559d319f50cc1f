import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kernels.arrays import Floats
from kernels.extreme import (
    LEAST_PEAKS,
    _exceedance_probability,
    _fit_pareto,
    _worse_than_latest,
    exceedance_probability,
    fit_pareto,
    worse_than_latest,
)

EXCESSES = st.integers(LEAST_PEAKS, 80).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(1e-4, 10.0)))


def pareto_sample(shape: float, scale: float, size: int, seed: int = 5) -> Floats:
    """Draw by inversion: y = beta ((1 - u)^-xi - 1) / xi."""
    left = np.random.default_rng(seed).uniform(size=size)
    draws: Floats = -scale * np.log(left) if shape == 0.0 else scale * (left**-shape - 1.0) / shape
    return draws


@pytest.mark.parametrize("shape", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("scale", [0.01, 2.0])
def test_parameters_of_known_samples_are_found(shape: float, scale: float) -> None:
    found = fit_pareto(pareto_sample(shape, scale, 200_000))
    assert found.shape == pytest.approx(shape, abs=0.015)
    assert found.scale == pytest.approx(scale, rel=0.02)


def test_a_tail_with_an_end_counts_as_an_exponential_one() -> None:
    excesses = np.random.default_rng(1).uniform(0.0, 2.0, 1000)
    assert fit_pareto(excesses) == pytest.approx((0.0, excesses.mean()), rel=1e-12)


@settings(deadline=None, max_examples=60)
@given(EXCESSES)
def test_it_is_hosking_and_walliss_estimator(excesses: Floats) -> None:
    y, k = np.sort(excesses), len(excesses)
    a0, a1 = y.mean(), np.mean((1 - (np.arange(1, k + 1) - 0.35) / k) * y)
    shape, scale = 2 - a0 / (a0 - 2 * a1), 2 * a0 * a1 / (a0 - 2 * a1)
    found = fit_pareto(excesses)
    if a0 - 2 * a1 > 1e-9 and shape > 1e-6:
        assert found == pytest.approx((shape, scale), rel=1e-6)
    else:
        assert found == pytest.approx((0.0, a0), rel=1e-6, abs=2e-6)
    assert _fit_pareto(excesses) == _fit_pareto.py_func(excesses)  # type: ignore[attr-defined]


@pytest.mark.parametrize("far", [0.05, 0.08, 0.12])
def test_far_out_it_is_the_true_probability(far: float) -> None:
    losses = pareto_sample(0.25, 0.01, 100_000)
    true = (1 + 0.25 * far / 0.01) ** (-1 / 0.25)
    assert exceedance_probability(losses, far, 0.1) == pytest.approx(true, rel=0.1)


def test_within_the_sample_it_is_the_share_beyond() -> None:
    losses = np.arange(1.0, 101.0)
    assert exceedance_probability(losses, 50.0, 0.1) == 0.5
    assert exceedance_probability(losses, 89.5, 0.1) == 0.11


def test_by_hand() -> None:
    losses = np.concatenate((np.zeros(90), np.arange(1.0, 11.0)))
    shape, scale = fit_pareto(np.arange(1.0, 11.0))
    assert shape == 0.0
    assert exceedance_probability(losses, 12.0, 0.1) == pytest.approx(0.1 * math.exp(-12.0 / scale))


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, 60, elements=st.floats(-0.2, 0.2)), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_worse_loss_is_never_likelier(losses: Floats, one: float, other: float) -> None:
    low, high = sorted((one, other))
    near, far = (exceedance_probability(losses, loss, 0.25) for loss in (low, high))
    assert math.isnan(far) or math.isnan(near) or 0.0 <= far <= near + 0.25
    threshold = np.sort(losses)[-16]
    if low > threshold and not math.isnan(far):
        assert far <= near
    plain = _exceedance_probability.py_func(losses, high, 15)  # type: ignore[attr-defined]
    assert far == pytest.approx(plain, nan_ok=True)


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, 62, elements=st.floats(-0.2, 0.2)), st.sampled_from([-2.0, 0.0, 3.0]))
def test_the_latest_move_is_judged_by_the_losses_before_it(steps: Floats, position: float) -> None:
    logs = np.cumsum(steps)
    returns = np.diff(logs)
    losses = -returns if returns[-1] < 0.0 else returns
    found = worse_than_latest(logs, position, 0.25)
    if returns[-1] * position < 0.0:
        assert found == pytest.approx(exceedance_probability(losses[:-1], float(losses[-1]), 0.25), nan_ok=True, abs=0)
    else:
        assert math.isnan(found)
    plain = _worse_than_latest.py_func(logs, position, 15)  # type: ignore[attr-defined]
    assert found == pytest.approx(plain, nan_ok=True)


@pytest.mark.parametrize(
    ("logs", "tail", "words"),
    [
        (np.zeros(101), 0.1, "tail"),
        (np.zeros(102), 0.6, "tail"),
        (np.zeros((102, 1)), 0.1, "tail"),
        (np.concatenate(([np.inf], np.zeros(100), [-1.0])), 0.1, "finite"),
        (np.concatenate((np.zeros(101), [np.nan])), 0.1, "finite"),
    ],
)
def test_closes_that_cannot_be_judged_are_refused(logs: Floats, tail: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        worse_than_latest(logs, 1.0, tail)


def test_ties_do_not_tell_how_a_tail_thins_out() -> None:
    assert math.isnan(exceedance_probability(np.zeros(100), 0.1, 0.1))
    assert math.isnan(exceedance_probability(np.array([0.0, 0.01] * 50), 0.1, 0.1))


@pytest.mark.parametrize(
    ("losses", "loss", "tail"),
    [
        (np.zeros(99), 0.1, 0.1),
        (np.zeros(100), math.inf, 0.1),
        (np.zeros(100), 0.1, 0.0),
        (np.zeros(100), 0.1, 0.6),
        (np.full(100, np.nan), 0.1, 0.1),
        (np.zeros((100, 1)), 0.1, 0.1),
    ],
)
def test_what_cannot_be_judged_is_refused(losses: Floats, loss: float, tail: float) -> None:
    with pytest.raises(ValueError, match="losses"):
        exceedance_probability(losses, loss, tail)


@pytest.mark.parametrize("excesses", [np.ones(9), np.zeros(20), np.full(20, np.inf), np.ones((20, 1))])
def test_what_are_no_excesses_is_refused(excesses: Floats) -> None:
    with pytest.raises(ValueError, match="excesses"):
        fit_pareto(excesses)
