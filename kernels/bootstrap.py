"""The stationary block bootstrap: how sure a mean is when neighbours in time depend on each other."""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats

_CELLS_AT_ONCE: Final = 1 << 20


def stationary_means(values: Floats, mean_block: float, draws: int, generator: np.random.Generator) -> Floats:
    """Return the mean of each of ``draws`` resamples of a series.

    A resample joins blocks of the series, closed to a circle; each begins anywhere, and its length is geometric with
    mean ``mean_block``, the last one cut to fit (Politis and Romano 1994, The Stationary Bootstrap). A block length of
    1 is the bootstrap of independent values.

    Parameters
    ----------
    values
        The series in time order, shape (n,), n >= 1, finite.
    mean_block
        Mean block length in observations, >= 1.
    draws
        Number of resamples, >= 1.
    generator
        Source of randomness; the same one in the same state gives the same means.

    Returns
    -------
    Floats
        Means, shape (draws,), in the unit of ``values``.

    Raises
    ------
    ValueError
        The series is empty, not one-dimensional or not finite, or a parameter is below 1.
    """
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"the series must be one-dimensional, finite and not empty; its shape is {values.shape}")
    if not mean_block >= 1.0 or draws < 1:
        raise ValueError(f"mean_block and draws must be at least 1, they are {mean_block} and {draws}")
    size = len(values)
    centre = float(values.mean())
    prefix = np.concatenate([[0.0], np.cumsum(np.tile(values - centre, 2))])
    blocks = size / mean_block
    width = math.ceil(blocks + 4.0 * math.sqrt(blocks)) + 8
    means = np.empty(draws)
    step = max(1, _CELLS_AT_ONCE // width)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        lengths = _block_lengths(rows, width, size, mean_block, generator)
        begins = generator.integers(0, size, size=lengths.shape)
        means[start : start + rows] = centre + (prefix[begins + lengths] - prefix[begins]).sum(axis=1) / size
    return means


def mean_interval(
    values: Floats, *, mean_block: float, draws: int, level: float, generator: np.random.Generator
) -> tuple[float, float]:
    """Return the percentile interval of the mean of a series at ``level``, such as 0.95; see ``stationary_means``."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, it is {level}")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(stationary_means(values, mean_block, draws, generator), [tail, 1.0 - tail])
    return float(low), float(high)


def _block_lengths(
    rows: int, width: int, size: int, mean_block: float, generator: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Draw block lengths, each row summing to ``size``; blocks past the end have length 0."""
    ends = np.cumsum(generator.geometric(1.0 / mean_block, size=(rows, width)), axis=1)
    while ends[:, -1].min() < size:
        more = np.cumsum(generator.geometric(1.0 / mean_block, size=(rows, width)), axis=1)
        ends = np.concatenate([ends, ends[:, -1:] + more], axis=1)
    return np.diff(np.minimum(ends, size), axis=1, prepend=0)
