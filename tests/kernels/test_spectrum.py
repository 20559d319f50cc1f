"""The absorption ratio and lag-1 autocorrelation against plain numpy, known markets, and degenerate ones."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import spectrum as module
from kernels.arrays import Floats
from kernels.spectrum import absorption_ratio, eigenvalues, lag1_autocorrelation


def returns_of(seed: int, length: int, assets: int, *, common: float = 1.0) -> Floats:
    rng = np.random.default_rng(seed)
    return common * rng.normal(0, 0.01, (length, 1)) + rng.normal(0, 0.01, (length, assets))


def plain_ratio(returns: Floats) -> float:
    assets = returns.shape[1]
    values = np.linalg.eigvalsh(np.cov(returns, rowvar=False, bias=True))[::-1]
    return float(values[: max(1, round(assets / 5))].sum() / values.sum())


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), length=st.integers(2, 80), assets=st.integers(2, 30), common=st.floats(0, 3))
def test_absorption_equals_numpy(seed: int, length: int, assets: int, common: float) -> None:
    returns = returns_of(seed, length, assets, common=common)
    found = absorption_ratio(returns.copy())
    assert found == pytest.approx(plain_ratio(returns), abs=1e-12)
    assert max(1, round(assets / 5)) / assets - 1e-12 <= found <= 1.0


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 64), rank=st.integers(0, 64))
def test_eigenvalues_equal_numpy(seed: int, count: int, rank: int) -> None:
    parts = np.random.default_rng(seed).normal(0, 1, (count, rank))
    matrix = parts @ parts.T
    matrix = (matrix + matrix.T) / 2
    kept = matrix.copy()
    scale = max(1.0, float(np.abs(matrix).max()))
    np.testing.assert_allclose(eigenvalues(matrix), np.linalg.eigvalsh(kept)[::-1], atol=1e-12 * scale * count)
    np.testing.assert_array_equal(matrix, kept)


def test_compiled_and_plain_agree() -> None:
    returns = returns_of(3, 40, 6)
    plain = cast("Any", module._absorption_ratio).py_func(returns.copy())
    assert absorption_ratio(returns) == pytest.approx(plain, abs=1e-14)
    matrix = np.cov(returns, rowvar=False)
    plain_values = cast("Any", module._eigenvalues).py_func(matrix.copy())
    np.testing.assert_allclose(eigenvalues(matrix), plain_values, atol=1e-17)
    x = returns[:, 0].copy()
    assert lag1_autocorrelation(x) == pytest.approx(cast("Any", module._lag1_autocorrelation).py_func(x), abs=1e-14)


def test_a_matrix_of_known_eigenvalues() -> None:
    np.testing.assert_allclose(eigenvalues(np.array([[2.0, 1.0], [1.0, 2.0]])), [3.0, 1.0], atol=1e-15)
    np.testing.assert_array_equal(eigenvalues(np.diag([1.0, -5.0, 3.0])), [3.0, 1.0, -5.0])
    assert eigenvalues(np.array([[7.0]])) == [7.0]


def test_one_source_of_movement_absorbs_everything() -> None:
    move = np.random.default_rng(1).normal(0, 0.01, 50)
    assert absorption_ratio(np.outer(move, [1.0, -2.0, 0.5, 3.0])) == pytest.approx(1.0, abs=1e-12)


def test_two_assets_of_equal_variance_absorb_by_their_correlation() -> None:
    """Eigenvalues are 1 + rho and 1 - rho: the ratio is (1 + |rho|) / 2."""
    first, second = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    other = 0.6 * first + 0.8 * second
    assert absorption_ratio(np.stack((first, other), axis=1)) == pytest.approx(0.8, abs=1e-12)
    assert absorption_ratio(np.stack((first, second), axis=1)) == pytest.approx(0.5, abs=1e-12)


def test_a_market_in_step_absorbs_more() -> None:
    ratios = [absorption_ratio(returns_of(5, 500, 10, common=common)) for common in (0.0, 0.5, 1.0, 3.0)]
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.3
    assert ratios[-1] > 0.9


@pytest.mark.parametrize(("assets", "share"), [(2, 1 / 2), (5, 1 / 5), (7, 1 / 7), (8, 2 / 8), (10, 2 / 10)])
def test_where_nothing_varies_the_ratio_is_the_least(assets: int, share: float) -> None:
    assert absorption_ratio(np.full((20, assets), 0.01)) == share


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-200, 1e-12, 1.0, 1e12, 1e200]))
def test_units_and_signs_do_not_matter(seed: int, scale: float) -> None:
    returns = returns_of(seed, 30, 5)
    assert absorption_ratio(-scale * returns) == pytest.approx(absorption_ratio(returns), abs=1e-12)
    x = returns[:, 0].copy()
    assert lag1_autocorrelation(-scale * x) == pytest.approx(lag1_autocorrelation(x), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(x=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60).map(np.array))
def test_autocorrelation_equals_numpy(x: Floats) -> None:
    found = lag1_autocorrelation(x)
    assert -1.0 <= found <= 1.0
    rest = x - x.mean()
    if np.ptp(x) > 1e-3:
        assert found == pytest.approx(float(rest[1:] @ rest[:-1] / (rest @ rest)), abs=1e-6)


def test_autocorrelation_of_known_series() -> None:
    assert lag1_autocorrelation(np.array([1.0, -1.0, 1.0, -1.0])) == -0.75
    assert lag1_autocorrelation(np.full(9, 0.1)) == 0.0
    rng = np.random.default_rng(2)
    x = np.zeros(20_000)
    for i in range(1, len(x)):
        x[i] = 0.7 * x[i - 1] + rng.normal()
    assert lag1_autocorrelation(x) == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize("returns", [
    np.zeros((10, 1)), np.zeros((1, 3)), np.zeros(10), np.zeros((10, 65)), np.full((10, 2), math.nan),
    np.array([[1.0, 2.0], [math.inf, 3.0]]),
])  # fmt: skip
def test_returns_without_a_ratio_are_refused(returns: Floats) -> None:
    with pytest.raises(ValueError, match="returns"):
        absorption_ratio(returns)


@pytest.mark.parametrize("matrix", [
    np.zeros((2, 3)), np.zeros(4), np.zeros((65, 65)), np.array([[1.0, 2.0], [3.0, 4.0]]), np.full((2, 2), math.nan),
])  # fmt: skip
def test_matrices_without_real_eigenvalues_are_refused(matrix: Floats) -> None:
    with pytest.raises(ValueError, match="matrix"):
        eigenvalues(matrix)


@pytest.mark.parametrize("x", [np.zeros(1), np.zeros((2, 2)), np.array([1.0, math.nan])])
def test_series_without_an_autocorrelation_are_refused(x: Floats) -> None:
    with pytest.raises(ValueError, match="series"):
        lag1_autocorrelation(x)
