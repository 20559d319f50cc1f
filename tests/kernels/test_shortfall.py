"""Volatility-filtered history and Student's t: plain numpy, scipy's fit, planted volatility, and the laws."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kernels import shortfall as module
from kernels.arrays import Floats
from kernels.law import standard_shortfall
from kernels.shortfall import (
    LEAST_FREEDOM,
    LEAST_OBSERVATIONS,
    MOST_FREEDOM,
    Student,
    filtered_returns,
    filtered_shortfall,
    fit_student,
    refit_student,
    student_shortfall,
)
from kernels.tail import expected_shortfall

SEEDS = st.integers(0, 10_000)
DECAY = 0.94
START = 20


def sample(seed: int, size: int = 300, freedom: float = 4.0) -> Floats:
    return np.random.default_rng(seed).standard_t(freedom, size) * 0.01 + 0.0002


def plain_filter(returns: Floats, decay: float, start: int) -> Floats:
    """The formula, a weighted mean of the squares before each day."""
    n = returns.shape[1]
    ahead = np.array([
        [np.sqrt(np.average(row[:i] ** 2, weights=decay ** np.arange(i)[::-1])) for i in range(start, n + 1)]
        for row in returns
    ])  # fmt: skip
    scaled: Floats = returns[:, start:] * (ahead[:, -1:] / ahead[:, :-1])
    return scaled


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, decay=st.sampled_from([0.5, 0.94, 0.99]), start=st.integers(1, 40))
def test_the_filter_is_that_of_plain_numpy(seed: int, decay: float, start: int) -> None:
    returns = np.stack((sample(seed, 145), sample(seed + 1, 145)))
    found = filtered_returns(returns.copy(), decay=decay, start=start)
    np.testing.assert_allclose(found, plain_filter(returns, decay, start), rtol=1e-9)
    np.testing.assert_array_equal(found, cast("Any", module._filtered_returns).py_func(returns.copy(), decay, start))
    whole = filtered_shortfall(-returns[0], 0.975, decay=decay, start=start)
    assert whole == pytest.approx(expected_shortfall(-found[0], 0.975), rel=1e-12)


def test_by_hand() -> None:
    """Quiet days and one of twice their size, last: now its forecast is of square (1 - q) 4 + q, in their unit."""
    returns = np.tile([0.01, -0.01], 1_000)
    returns[-1] = -0.02
    scaled = filtered_returns(returns[None, :], decay=0.9, start=500)[0]
    now = math.sqrt(0.1 * 4 + 0.9 * 1)
    np.testing.assert_allclose(np.abs(scaled[:-1]), 0.01 * now, rtol=1e-12)
    assert scaled[-1] == pytest.approx(-0.02 * now, rel=1e-12)


def test_a_day_is_scaled_by_what_was_known_before_it() -> None:
    """A change of day i changes no forecast up to i: the ratios of earlier days to one another stay."""
    returns = sample(3, 200)[None, :]
    other = returns.copy()
    other[0, 150] *= 30.0
    one, two = (filtered_returns(each, decay=DECAY, start=START)[0, : 150 - START] for each in (returns, other))
    np.testing.assert_allclose(one / one[0], two / two[0], rtol=1e-12)


def test_a_truncated_history_is_that_history() -> None:
    """Later days only rescale what is already there, all of it alike."""
    returns = sample(4, 400)[None, :]
    long = filtered_returns(returns, decay=DECAY, start=START)[0]
    short = filtered_returns(returns[:, :250], decay=DECAY, start=START)[0]
    ratio = long[: short.size] / short
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)


def test_quadrupled_volatility_is_seen_where_plain_history_sleeps() -> None:
    rng = np.random.default_rng(5)
    losses = np.concatenate((rng.normal(0, 0.005, 900), rng.normal(0, 0.02, 60)))
    right = 0.02 * standard_shortfall(0.975)
    plain = expected_shortfall(losses, 0.975)
    filtered = filtered_shortfall(losses, 0.975, decay=DECAY, start=START)
    assert filtered == pytest.approx(right, rel=0.2)
    assert plain < 0.8 * right
    calm = np.concatenate((losses[::-1], rng.normal(0, 0.005, 200)))
    assert filtered_shortfall(calm, 0.975, decay=DECAY, start=START) < expected_shortfall(calm, 0.975)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, scale=st.floats(1e-6, 1e6))
def test_shortfall_has_the_unit_of_the_losses_and_a_mirror(seed: int, scale: float) -> None:
    losses = sample(seed)
    base = filtered_shortfall(losses, 0.975, decay=DECAY, start=START)
    assert filtered_shortfall(losses * scale, 0.975, decay=DECAY, start=START) == pytest.approx(base * scale, rel=1e-9)
    scaled = filtered_returns(losses[None, :], decay=DECAY, start=START)
    np.testing.assert_array_equal(filtered_returns(-losses[None, :], decay=DECAY, start=START), -scaled)


def test_rows_do_not_touch_each_other_and_decay_and_start_matter() -> None:
    returns = np.stack([sample(seed) for seed in range(3)])
    found = filtered_returns(returns, decay=DECAY, start=START)
    for s in range(3):
        np.testing.assert_array_equal(found[s], filtered_returns(returns[s : s + 1], decay=DECAY, start=START)[0])
    assert not np.allclose(found, filtered_returns(returns, decay=0.97, start=START))
    assert filtered_returns(returns, decay=DECAY, start=30).shape == (3, 270)


def test_what_never_moved_risks_nothing() -> None:
    assert filtered_shortfall(np.zeros(200), 0.975, decay=DECAY, start=START) == 0.0


def test_a_first_move_after_the_start_has_no_measure() -> None:
    losses = np.zeros(200)
    losses[60] = 0.05
    with pytest.raises(ValueError, match=r"rows \[0\] move after"):
        filtered_shortfall(losses, 0.975, decay=DECAY, start=START)


@pytest.mark.parametrize(("losses", "decay", "start", "complaint"), [
    (np.ones(LEAST_OBSERVATIONS + START - 1), DECAY, START, "100 days"),
    (np.ones(200), DECAY, 0, "start"),
    (np.ones(200), 1.0, START, "decay"),
    (np.ones(200), math.nan, START, "decay"),
    (np.full(200, math.nan), DECAY, START, "finite"),
    (np.ones((2, 200)), DECAY, START, "one row"),
])  # fmt: skip
def test_what_cannot_be_filtered_is_refused(losses: Floats, decay: float, start: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        filtered_shortfall(losses, 0.975, decay=decay, start=start)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("freedom", [2.5, 4.0, 8.0])
def test_the_fit_is_scipys_or_better(seed: int, freedom: float) -> None:
    losses = sample(seed, 1_000, freedom)
    found = fit_student(losses)
    peer = stats.t.fit(losses)
    assert stats.t.logpdf(losses, *found).sum() >= stats.t.logpdf(losses, *peer).sum() - 1e-6
    assert found == pytest.approx(peer, rel=2e-2, abs=1e-5)


def test_planted_parameters_are_found() -> None:
    found = fit_student(sample(1, 100_000, 4.0))
    assert found.freedom == pytest.approx(4.0, rel=0.03)
    assert found.location == pytest.approx(0.0002, abs=1e-4)
    assert found.scale == pytest.approx(0.01, rel=0.01)
    right = 0.0002 + 0.01 * standard_shortfall(0.975, 4.0)
    assert found.shortfall(0.975) == pytest.approx(right, rel=0.02)


def test_the_ends_of_the_freedom() -> None:
    rng = np.random.default_rng(2)
    assert fit_student(rng.standard_cauchy(1_000)).freedom == pytest.approx(LEAST_FREEDOM, rel=1e-9)
    flat = fit_student(rng.uniform(-1, 1, 1_000))
    assert flat.freedom == pytest.approx(MOST_FREEDOM, rel=1e-9)
    assert flat.scale == pytest.approx(1 / math.sqrt(3), rel=0.05)


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, shift=st.floats(-10, 10), scale=st.floats(1e-3, 1e3))
def test_the_fit_moves_with_the_losses(seed: int, shift: float, scale: float) -> None:
    losses = sample(seed)
    base = fit_student(losses)
    moved = fit_student(losses * scale + shift)
    assert moved.location == pytest.approx(base.location * scale + shift, abs=1e-3 * scale)
    assert moved.scale == pytest.approx(base.scale * scale, rel=1e-3)
    assert student_shortfall(losses * scale, 0.975) == pytest.approx(scale * base.shortfall(0.975), rel=1e-4)
    shuffled = np.random.default_rng(seed).permutation(losses)
    assert student_shortfall(shuffled, 0.975) == student_shortfall(losses, 0.975)
    assert fit_student(-losses).location == pytest.approx(-base.location, abs=1e-4 * base.scale)


def test_the_compiled_fit_is_the_plain_one() -> None:
    losses = np.sort(sample(7, 120)) * 100.0
    plain = cast("Any", module._profile).py_func(losses.copy(), 4.0, 0.0, 1.0)
    assert module._profile(losses.copy(), 4.0, 0.0, 1.0) == pytest.approx(plain, rel=1e-10)
    compiled = module._fit_student(losses.copy())
    assert compiled == pytest.approx(cast("Any", module._fit_student).py_func(losses.copy()), rel=1e-6)
    constants = Student(5.0, 1.0, 2.0)
    assert constants.shortfall(0.975) == pytest.approx(1.0 + 2.0 * 3.5216, abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, freedom=st.floats(LEAST_FREEDOM, 50.0))
def test_with_the_freedom_known_scale_and_location_are_the_likeliest(seed: int, freedom: float) -> None:
    losses = sample(seed)
    found = refit_student(losses, freedom)
    best = stats.t.logpdf(losses, *found).sum()
    for location, scale in ((1e-4, 0.0), (-1e-4, 0.0), (0.0, 1e-4), (0.0, -1e-4)):
        other = stats.t.logpdf(losses, freedom, found.location + location, found.scale + scale).sum()
        assert other < best
    whole = fit_student(losses)
    assert refit_student(losses, whole.freedom) == pytest.approx(whole, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("freedom", [1.0, 2_000.0, math.nan])
def test_a_freedom_out_of_range_is_refused(freedom: float) -> None:
    with pytest.raises(ValueError, match="freedom"):
        refit_student(sample(1), freedom)


@pytest.mark.parametrize(("losses", "complaint"), [
    (np.arange(99.0), "100 or more"),
    (np.ones((2, 100)), "one row"),
    (np.zeros(100), "half"),
    (np.concatenate((np.zeros(50), np.arange(50.0))), "half"),
    (np.append(np.arange(99.0), math.nan), "finite"),
    (np.append(np.arange(99.0), math.inf), "finite"),
])  # fmt: skip
def test_what_has_no_fit_is_refused(losses: Floats, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        student_shortfall(losses, 0.975)


def test_a_level_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        student_shortfall(sample(1), 1.0)
