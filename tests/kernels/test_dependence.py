"""Tail dependence and correlation against known values, plain numpy and samples of known copulas."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kernels import dependence as module
from kernels.arrays import Floats
from kernels.dependence import (
    book_correlation,
    rank_correlation,
    student_tail_dependence,
    tail_dependence,
    weighted_covariance,
)

SEEDS = st.integers(0, 10_000)


def pair(seed: int, correlation: float, size: int, freedom: float = math.inf) -> tuple[Floats, Floats]:
    """Draw returns of two assets, normal or Student's t."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, size))
    mix = np.ones(size) if math.isinf(freedom) else np.sqrt(freedom / rng.chisquare(freedom, size))
    return one * mix, (correlation * one + math.sqrt(1 - correlation**2) * other) * mix


@pytest.mark.parametrize(("freedom", "expected"), [
    (2.0, (0.06, 0.18, 0.39, 0.72, 1.0)),
    (4.0, (0.01, 0.08, 0.25, 0.63, 1.0)),
    (10.0, (0.00, 0.01, 0.08, 0.46, 1.0)),
    (math.inf, (0.0, 0.0, 0.0, 0.0, 1.0)),
])  # fmt: skip
def test_table_of_the_t_copula(freedom: float, expected: tuple[float, ...]) -> None:
    """Embrechts, McNeil and Straumann (2002), table 1; McNeil, Frey and Embrechts (2015), table 7.1."""
    for correlation, value in zip((-0.5, 0.0, 0.5, 0.9, 1.0), expected, strict=True):
        assert round(student_tail_dependence(freedom, correlation), 2) == value


def test_t_copula_with_more_digits() -> None:
    assert student_tail_dependence(4.0, 0.5) == pytest.approx(0.253, abs=5e-4)
    assert student_tail_dependence(4.0, 0.0) == pytest.approx(0.076, abs=5e-4)
    assert student_tail_dependence(4.0, -1.0) == 0.0


@settings(deadline=None, max_examples=60)
@given(freedom=st.floats(0.5, 200.0), correlation=st.floats(-0.99, 0.99))
def test_t_copula_is_scipys_t_and_grows_with_the_company_kept(freedom: float, correlation: float) -> None:
    found = student_tail_dependence(freedom, correlation)
    at = -math.sqrt((freedom + 1) * (1 - correlation) / (1 + correlation))
    assert found == pytest.approx(float(2 * stats.t.cdf(at, freedom + 1)), rel=1e-10, abs=1e-14)
    assert 0.0 <= found < student_tail_dependence(freedom, correlation + 0.01) <= 1.0
    assert student_tail_dependence(freedom + 1.0, correlation) < found


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, size=st.integers(100, 300), share=st.sampled_from([0.05, 0.1, 0.25, 0.5]))
def test_the_count_is_that_of_ranks(seed: int, size: int, share: float) -> None:
    one, other = pair(seed, 0.5, size)
    count = math.floor(round(share * size, 9))
    ranks = (stats.rankdata(each) <= count for each in (one, other))
    expected = np.logical_and(*ranks).sum() / count
    found = tail_dependence(one, other, share)
    assert found == pytest.approx(expected, abs=1e-15)
    assert found == cast("Any", module._tail_dependence).py_func(one.copy(), other.copy(), count)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS)
def test_days_their_order_and_rising_functions_do_not_matter(seed: int) -> None:
    one, other = pair(seed, 0.6, 200)
    base = tail_dependence(one, other, 0.1)
    days = np.random.default_rng(seed).permutation(200)
    assert tail_dependence(one[days], other[days], 0.1) == base
    assert tail_dependence(other, one, 0.1) == base
    assert tail_dependence(np.exp(one), other**3, 0.1) == base
    assert 0.0 <= base <= 1.0 == tail_dependence(one, one, 0.1)
    assert tail_dependence(one, -one, 0.1) == 0.0


def test_at_a_finite_share_it_errs_upward() -> None:
    """Independent ranks give the share, normal ones with correlation 1/2 more than a fifth, instead of 0."""
    independent = tail_dependence(*pair(1, 0.0, 200_000), 0.05)
    assert independent == pytest.approx(0.05, abs=0.008)
    below = float(stats.multivariate_normal(cov=[[1, 0.5], [0.5, 1]]).cdf([stats.norm.ppf(0.05)] * 2)) / 0.05
    assert tail_dependence(*pair(2, 0.5, 200_000), 0.05) == pytest.approx(below, abs=0.015)
    assert below > 0.2
    heavy = tail_dependence(*pair(3, 0.5, 200_000, 4.0), 0.05)
    assert student_tail_dependence(4.0, 0.5) < heavy < 0.4
    assert below < heavy


def test_ties_at_the_border_stay_outside() -> None:
    one = np.arange(100.0)
    one[4:8] = 5.0
    with pytest.raises(ValueError, match="ties"):
        tail_dependence(one, np.arange(100.0), 0.05)
    one = np.arange(100.0)
    one[9:14] = 10.0
    assert tail_dependence(one, np.arange(100.0), 0.1) == 1.0
    with pytest.raises(ValueError, match="ties"):
        tail_dependence(np.zeros(200), one.repeat(2), 0.05)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, correlation=st.floats(-0.9, 0.9), digits=st.sampled_from([1, 8]))
def test_rank_correlation_is_kendalls(seed: int, correlation: float, digits: int) -> None:
    one, other = (np.round(each, digits) for each in pair(seed, correlation, 120))
    signs = np.sign(np.subtract.outer(one, one)) * np.sign(np.subtract.outer(other, other))
    tau = signs.sum() / (120 * 119)
    assert rank_correlation(one, other) == pytest.approx(math.sin(math.pi / 2 * tau), abs=1e-12)
    assert rank_correlation(one, -other) == pytest.approx(-rank_correlation(one, other), abs=1e-12)
    assert module._kendall(one, other) == pytest.approx(cast("Any", module._kendall).py_func(one, other), abs=1e-15)


def test_rank_correlation_finds_the_copulas_under_heavy_tails() -> None:
    assert rank_correlation(*pair(4, 0.5, 4_000, 2.5)) == pytest.approx(0.5, abs=0.04)
    one, other = pair(5, 0.3, 500)
    assert rank_correlation(one, other) == rank_correlation(np.exp(3 * one), other)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, decay=st.sampled_from([0.9, 0.94, 0.99, 1.0]))
def test_covariance_is_the_weighted_mean_of_products(seed: int, decay: float) -> None:
    returns = np.random.default_rng(seed).standard_t(4, (4, 130)) * 0.01
    weights = decay ** np.arange(130)[::-1]
    expected = (returns * weights) @ returns.T / weights.sum()
    found = weighted_covariance(returns.copy(), decay)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(found, found.T)
    assert np.linalg.eigvalsh(found).min() > -1e-15
    plain = cast("Any", module._weighted_covariance).py_func(returns.copy(), decay)
    np.testing.assert_allclose(found, plain, rtol=1e-12)
    order = np.random.default_rng(seed).permutation(4)
    np.testing.assert_array_equal(weighted_covariance(returns[order], decay), found[np.ix_(order, order)])


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, holding=st.integers(0, 3))
def test_correlation_with_the_book_is_that_of_its_returns(seed: int, holding: int) -> None:
    rng = np.random.default_rng(seed)
    returns, held = rng.normal(0, 0.01, (4, 150)), rng.normal(0, 0.3, 4)
    covariance = weighted_covariance(returns, 1.0)
    whole = held @ returns
    expected = (returns[holding] @ whole) / math.sqrt((returns[holding] @ returns[holding]) * (whole @ whole))
    found = book_correlation(covariance, held, holding)
    assert found == pytest.approx(expected, abs=1e-12)
    assert book_correlation(covariance, -held, holding) == pytest.approx(-found, abs=1e-12)
    assert book_correlation(covariance, 3.0 * held, holding) == pytest.approx(found, abs=1e-12)


def test_a_book_of_one_is_its_holding() -> None:
    covariance = weighted_covariance(np.random.default_rng(1).normal(0, 0.01, (2, 120)), 0.94)
    assert book_correlation(covariance, np.array([0.3, 0.0]), 0) == pytest.approx(1.0, abs=1e-15)
    assert book_correlation(covariance, np.array([-0.3, 0.0]), 0) == pytest.approx(-1.0, abs=1e-15)
    for held in (np.zeros(2), np.array([math.nan, 0.1])):
        with pytest.raises(ValueError, match=r"undefined|finite"):
            book_correlation(covariance, held, 0)
    with pytest.raises(ValueError, match="undefined"):
        book_correlation(np.diag([0.0, 1.0]), np.ones(2), 0)
    for holding in (-1, 2):
        with pytest.raises(ValueError, match="do not fit"):
            book_correlation(covariance, np.ones(2), holding)


@pytest.mark.parametrize(("one", "other", "share", "complaint"), [
    (np.arange(99.0), np.arange(99.0), 0.1, "100 days"),
    (np.arange(100.0), np.arange(101.0), 0.1, "the same"),
    (np.arange(100.0), np.arange(100.0), 0.049, "5 days"),
    (np.arange(100.0), np.arange(100.0), 0.51, "at most half"),
    (np.arange(100.0), np.arange(100.0), math.nan, "5 days"),
    (np.full(100, math.nan), np.arange(100.0), 0.1, "finite"),
])  # fmt: skip
def test_what_has_no_tail_in_common_is_refused(one: Floats, other: Floats, share: float, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        tail_dependence(one, other, share)


@pytest.mark.parametrize(("freedom", "correlation"), [(0.0, 0.5), (math.nan, 0.5), (4.0, 1.1), (4.0, math.nan)])
def test_what_is_no_copula_is_refused(freedom: float, correlation: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        student_tail_dependence(freedom, correlation)


def test_what_has_no_correlation_is_refused() -> None:
    with pytest.raises(ValueError, match="100 days"):
        rank_correlation(np.arange(20.0), np.arange(20.0))
    for returns in (np.zeros((2, 99)), np.zeros(200), np.full((1, 200), math.inf)):
        with pytest.raises(ValueError, match="expected"):
            weighted_covariance(returns, 0.94)
    for decay in (0.0, 1.01, math.nan):
        with pytest.raises(ValueError, match="decay"):
            weighted_covariance(np.zeros((2, 200)), decay)
