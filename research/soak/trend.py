"""The slope of a measured series with an interval that its own memory does not narrow."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import t as student

BLOCKS: Final = 12
_CONFIDENCE: Final = 0.95


class Trend(NamedTuple):
    """Growth per hour: the estimate, and the ends of its 95 % interval."""

    per_hour: float
    low: float
    high: float


def trend(seconds: Sequence[float], values: Sequence[float], blocks: int = BLOCKS) -> Trend:
    """Fit a line through the means of consecutive blocks.

    Samples that follow each other closely are alike, so that a line through all of them would look surer than it is;
    the means of blocks much longer than that memory are nearly independent. The interval is Student's, with two
    degrees of freedom fewer than blocks.

    Parameters
    ----------
    seconds, values
        Times and what was measured then, in order.
    blocks
        How many means.

    Raises
    ------
    ValueError
        Fewer samples than blocks, or fewer than three blocks.
    """
    if blocks < 3 or len(values) < blocks:
        raise ValueError(
            f"{len(values)} samples in {blocks} blocks: at least three, and one sample in each, are needed"
        )
    x = np.array([np.mean(part) for part in np.array_split(np.asarray(seconds, dtype=float), blocks)]) / 3_600.0
    y = np.array([np.mean(part) for part in np.array_split(np.asarray(values, dtype=float), blocks)])
    spread = x - x.mean()
    slope = float(spread @ y / (spread @ spread))
    residuals = y - y.mean() - slope * spread
    error = math.sqrt(float(residuals @ residuals) / (blocks - 2) / float(spread @ spread))
    reach = float(student.ppf(0.5 + _CONFIDENCE / 2, blocks - 2)) * error
    return Trend(slope, slope - reach, slope + reach)
