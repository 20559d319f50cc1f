"""Whether what was said with probability p happened in a share p of the cases."""

import math
from typing import Final

import numpy as np

from bus.message import Part
from kernels.arrays import Floats, Ints

MOST_BINS: Final = 10
LEAST_ROUNDS: Final = 50
"""Fewest rounds that a bin may have on average; two bins are the fewest that say anything."""


class Calibration(Part):
    """The expected calibration error of forecasts, and what chance alone makes of it; both are probabilities.

    ``chance`` is the error that perfectly calibrated forecasts of the same values would show on average if rounds were
    independent. Rounds whose horizons overlap are not, so it is a lower bound. ``bins`` is the number used for the
    outcome that has the fewest.
    """

    error: float
    chance: float
    bins: int


def calibration(forecasts: Floats, outcomes: Ints) -> Calibration | None:
    """Return the class-wise expected calibration error, None with too few rounds for two bins.

    For each outcome k, rounds are put into bins by the probability that was given to k, as many in each as ties allow
    (equal forecasts share a bin), and

        error_k = sum_b |sum_{i in b} p_ik - sum_{i in b} [y_i = k]| / n,

    its mean over k is the error (Nixon et al. 2019, Measuring Calibration in Deep Learning, static and adaptive
    calibration error). A calibrated forecaster's difference in a bin is normal with variance sum p (1 - p), whose mean
    absolute value is sqrt(2 / pi) of its standard deviation.

    Parameters
    ----------
    forecasts
        Probabilities of each outcome, shape (n, 3).
    outcomes
        Index of what happened, shape (n,).
    """
    count = len(outcomes)
    bins = min(MOST_BINS, count // LEAST_ROUNDS)
    if bins < 2:
        return None
    error = chance = 0.0
    fewest = bins
    for k, said in enumerate(forecasts.T):
        places = np.searchsorted(np.unique(np.quantile(said, np.arange(1, bins) / bins)), said)
        differences = np.bincount(places, weights=said - (outcomes == k))
        variances = np.bincount(places, weights=said * (1.0 - said))
        error += float(np.abs(differences).sum()) / count
        chance += math.sqrt(2.0 / math.pi) * float(np.sqrt(variances).sum()) / count
        fewest = min(fewest, len(np.unique(places)))
    classes = forecasts.shape[1]
    return Calibration(error=error / classes, chance=chance / classes, bins=fewest)
