"""The stationary bootstrap against what Politis and Romano prove of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrays import Floats
from kernels.bootstrap import mean_interval, stationary_means


def autoregression(size: int, memory: float, seed: int) -> Floats:
    """Return a series in which each value remembers the last."""
    noise = np.random.default_rng(seed).normal(size=size)
    values = np.empty(size)
    values[0] = noise[0]
    for index in range(1, size):
        values[index] = memory * values[index - 1] + noise[index]
    return values


def exact_variance(values: Floats, mean_block: float) -> float:
    """Return the variance of the resampled mean, Politis and Romano 1994, lemma 1."""
    size, stop = len(values), 1.0 / mean_block
    centred = values - values.mean()
    total = float(centred @ centred) / size
    for lag in range(1, size):
        share = lag / size
        factor = (1.0 - share) * (1.0 - stop) ** lag + share * (1.0 - stop) ** (size - lag)
        total += 2.0 * factor * float(centred[:-lag] @ centred[lag:]) / size
    return total / size


def circular_variance(values: Floats, mean_block: float) -> float:
    """Return the same from its definition: resampled values ``lag`` apart share a block with chance (1-p)^lag."""
    size, stop = len(values), 1.0 / mean_block
    centred = values - values.mean()
    covariances = [float(centred @ np.roll(centred, lag)) / size for lag in range(size)]
    total = size * covariances[0]
    total += 2.0 * sum((size - lag) * (1.0 - stop) ** lag * covariances[lag] for lag in range(1, size))
    return total / size**2


@pytest.mark.parametrize("mean_block", [1.0, 4.0, 12.5])
@pytest.mark.parametrize("memory", [0.0, 0.7, -0.5])
def test_the_spread_of_the_means_is_the_proven_one(mean_block: float, memory: float) -> None:
    values = autoregression(80, memory, 3)
    wanted = exact_variance(values, mean_block)
    assert wanted == pytest.approx(circular_variance(values, mean_block), rel=1e-9)
    means = stationary_means(values, mean_block, 40_000, np.random.default_rng(11))
    assert float(means.var()) == pytest.approx(wanted, rel=0.04)
    assert float(means.mean()) == pytest.approx(float(values.mean()), abs=4.0 * (wanted / 40_000) ** 0.5)


def test_blocks_widen_the_interval_of_a_series_with_memory() -> None:
    values = autoregression(400, 0.8, 5)

    def width(mean_block: float) -> float:
        low, high = mean_interval(
            values, mean_block=mean_block, draws=2_000, level=0.95, generator=np.random.default_rng(0)
        )
        return high - low

    assert width(20.0) > 2.0 * width(1.0)


def test_the_interval_covers_a_true_mean_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        values = autoregression(300, 0.4, seed)
        low, high = mean_interval(values, mean_block=10.0, draws=400, level=0.9, generator=np.random.default_rng(seed))
        covered += low <= 0.0 <= high
    assert 165 <= covered <= 192


def test_a_constant_series_leaves_no_doubt() -> None:
    values = np.full(50, 0.1)
    interval = mean_interval(values, mean_block=3.0, draws=100, level=0.95, generator=np.random.default_rng(0))
    assert interval == (0.1, 0.1)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    mean_block=st.floats(1.0, 200.0),
    draws=st.integers(1, 50),
    seed=st.integers(0, 2**32),
)
def test_means_lie_within_the_series_and_repeat(values: list[float], mean_block: float, draws: int, seed: int) -> None:
    series = np.array(values)
    means = stationary_means(series, mean_block, draws, np.random.default_rng(seed))
    assert means.shape == (draws,)
    slack = 1e-9 * (1.0 + float(np.abs(series).max()))
    assert float(series.min()) - slack <= means.min()
    assert means.max() <= float(series.max()) + slack
    again = stationary_means(series, mean_block, draws, np.random.default_rng(seed))
    np.testing.assert_array_equal(means, again)


def test_a_long_series_is_resampled_in_parts() -> None:
    values = autoregression(60_000, 0.0, 1)
    means = stationary_means(values, 2.0, 80, np.random.default_rng(2))
    assert float(means.std()) == pytest.approx(exact_of_noise(values), rel=0.3)


def exact_of_noise(values: Floats) -> float:
    """Return the standard error of a mean of values without memory."""
    return float(values.std() / len(values) ** 0.5)


@pytest.mark.parametrize(
    ("values", "mean_block", "draws", "level"),
    [
        ([], 2.0, 10, 0.95),
        ([1.0, float("nan")], 2.0, 10, 0.95),
        ([1.0, 2.0], 0.9, 10, 0.95),
        ([1.0, 2.0], float("nan"), 10, 0.95),
        ([1.0, 2.0], 2.0, 0, 0.95),
        ([1.0, 2.0], 2.0, 10, 1.0),
    ],
)
def test_what_makes_no_sense_is_refused(values: list[float], mean_block: float, draws: int, level: float) -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError):
        mean_interval(np.array(values), mean_block=mean_block, draws=draws, level=level, generator=generator)
