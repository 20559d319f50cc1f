"""The forecast of a book's next day against plain numpy and scipy, and the pair that falls together most."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kernels.arrays import Floats
from kernels.dependence import rank_correlation, student_tail_dependence, tail_dependence
from portfolio.forecast import Forecast, Pair, forecast, worst_pair
from portfolio.tail import DECAY, EMPTY, LEVEL, START, UNMEASURED


def moves(holdings: int, n: int, seed: int = 1) -> Floats:
    """Returns with one common cause, fat tails and a volatility that doubles."""
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, n)
    returns: Floats = (0.5 * common + rng.standard_t(4, (holdings, n))) * np.where(np.arange(n) < n // 2, 0.005, 0.01)
    return returns


def plain_shortfall(losses: Floats) -> float:
    worst, size = np.sort(losses)[::-1], (1 - LEVEL) * losses.size
    whole = math.floor(size + 1e-9)
    return float((worst[:whole].sum() + (size - whole) * worst[whole]) / size)


def plain_filtered(returns: Floats) -> Floats:
    """Each return times the volatility after the last one over that forecast for it, by the sums of the definition."""
    scaled = np.empty((returns.shape[0], returns.shape[1] - START))
    for row, series in enumerate(returns):
        sigmas = []
        for i in range(START, series.size + 1):
            weights = DECAY ** np.arange(i - 1, -1, -1)
            sigmas.append(np.sqrt((weights * series[:i] ** 2).sum() / weights.sum()))
        scaled[row] = series[START:] * sigmas[-1] / np.array(sigmas[:-1])
    return scaled


@pytest.mark.parametrize("bars_per_day", [1.0, 6.5])
def test_the_figures_are_those_of_plain_numpy(bars_per_day: float) -> None:
    returns, held = moves(3, 500), np.array([0.6, -0.3, 0.4])
    found = forecast(returns, held, bars_per_day)
    day, losses = math.sqrt(bars_per_day), -(held @ returns[:, START:])
    filtered = -(held @ plain_filtered(returns))
    assert found.tail.historical == pytest.approx(day * plain_shortfall(losses), rel=1e-12)
    assert found.tail.filtered == pytest.approx(day * plain_shortfall(filtered), rel=1e-9)
    assert found.at_risk == pytest.approx(day * np.sort(filtered)[::-1][12], rel=1e-9)
    freedom, location, scale = stats.t.fit(losses)
    quantile = stats.t.ppf(LEVEL, freedom)
    factor = stats.t.pdf(quantile, freedom) / (1 - LEVEL) * (freedom + quantile**2) / (freedom - 1)
    assert found.tail.student == pytest.approx(day * (location + scale * factor), rel=2e-3)
    assert found.freedom == pytest.approx(freedom, rel=2e-2)


def test_known_degrees_of_freedom_are_kept() -> None:
    returns, held = moves(2, 300), np.array([0.5, 0.5])
    assert forecast(returns, held, 1.0, 5.0).freedom == 5.0
    fitted = forecast(returns, held, 1.0)
    again = forecast(returns, held, 1.0, fitted.freedom)
    assert again.tail.student == pytest.approx(fitted.tail.student, rel=1e-6)


def test_an_empty_book_risks_nothing() -> None:
    assert forecast(np.empty((0, 0)), np.empty(0), 1.0) == Forecast(0.0, EMPTY, None, None)


def test_one_return_less_than_enough_measures_nothing() -> None:
    held = np.ones(1)
    assert forecast(moves(1, START + 99), held, 1.0) == Forecast(None, UNMEASURED, None, None)
    assert forecast(moves(1, START + 100), held, 1.0).at_risk is not None
    assert forecast(moves(1, 300), np.array([math.nan]), 1.0) == Forecast(None, UNMEASURED, None, None)


def test_what_stood_still_and_then_moved_has_no_volatility_to_be_filtered_by() -> None:
    returns = moves(1, 300)
    returns[0, : START + 1] = 0.0
    found = forecast(returns, np.ones(1), 1.0)
    assert (found.at_risk, found.tail.filtered) == (None, None)
    assert found.tail.historical is not None


def test_what_hardly_moves_has_no_student_scale() -> None:
    returns = np.where(np.arange(300) % 3 == 0, 0.01, 0.0)[None, :]
    found = forecast(returns, np.ones(1), 1.0)
    assert (found.tail.student, found.freedom) == (None, None)
    assert found.tail.historical is not None


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1_000), holdings=st.integers(2, 6), n=st.integers(100, 300))
def test_the_worst_pair_is_the_worst_of_all(seed: int, holdings: int, n: int) -> None:
    returns = moves(holdings, n, seed)
    pairs = [(i, j) for i in range(holdings) for j in range(i + 1, holdings)]
    counted = [tail_dependence(returns[i], returns[j], 0.05) for i, j in pairs]
    first, second = pairs[int(np.argmax(counted))]
    copula = student_tail_dependence(4.0, rank_correlation(returns[first], returns[second]))
    assert worst_pair(returns, 4.0) == Pair(first, second, max(counted), copula)
    assert worst_pair(returns, None) == Pair(first, second, max(counted), None)


def test_the_direction_of_a_holding_counts() -> None:
    """A long and a short holding of the same thing never fall together."""
    one = moves(1, 400)[0]
    returns = np.stack([one, one])
    both, hedged = (forecast(returns, np.array([0.5, second]), 1.0).pair for second in (0.4, -0.4))
    assert both is not None
    assert hedged is not None
    assert (both.counted, both.copula) == (1.0, 1.0)
    assert (hedged.counted, hedged.copula) == (0.0, 0.0)


def test_one_holding_or_too_short_a_tail_makes_no_pair() -> None:
    assert worst_pair(moves(1, 300), 4.0) is None
    assert worst_pair(moves(2, 99), 4.0) is None
    tied = np.where(np.arange(300) < 4, -1.0, 0.0)
    assert worst_pair(np.stack([tied, tied]), 4.0) is None
