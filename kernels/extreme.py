"""How rare a loss is: peaks over a threshold and the generalised Pareto distribution of their excesses.

Of n losses, those above the threshold u, k of them, exceed it by amounts that are, for a high u, nearly distributed as
P(X - u > y | X > u) = (1 + xi y / beta)^(-1/xi) (Pickands 1975; Balkema and de Haan 1974), exp(-y / beta) for xi = 0.
Hence P(X > x) = (k / n) (1 + xi (x - u) / beta)^(-1/xi) for x above u (McNeil, Frey and Embrechts 2015, 5.2).

Shape xi and scale beta by probability-weighted moments (Hosking and Wallis 1987): with y_(1) <= ... <= y_(k) and
p_j = (j - 0.35) / k, a0 = mean y, a1 = mean (1 - p_j) y_(j), xi = 2 - a0 / (a0 - 2 a1), beta = 2 a0 a1 / (a0 - 2 a1).
A shape below 0, a tail with an end, is taken as 0 with beta = a0: prices know no worst day.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

LEAST_PEAKS: Final = 10
_PLOTTING: Final = 0.35
_STRAIGHT: Final = 1e-9
"""A shape this small is 0: the power is then its own limit to all digits."""


class Pareto(NamedTuple):
    """Shape xi, without unit, and scale beta, in the unit of the losses."""

    shape: float
    scale: float


def fit_pareto(excesses: Floats) -> Pareto:
    """Fit a generalised Pareto distribution to excesses over a threshold, by probability-weighted moments.

    Parameters
    ----------
    excesses
        Positive, in any order, shape (k,), k >= ``LEAST_PEAKS``.

    Raises
    ------
    ValueError
        Too few, or a value that is not positive and finite.
    """
    if excesses.ndim != 1 or excesses.size < LEAST_PEAKS:
        raise ValueError(f"excesses of shape {excesses.shape}, expected {LEAST_PEAKS} or more in one row")
    if not (np.isfinite(excesses).all() and (excesses > 0.0).all()):
        raise ValueError("excesses must be positive and finite")
    return Pareto(*_fit_pareto(np.ascontiguousarray(excesses)))


def exceedance_probability(losses: Floats, loss: float, tail: float) -> float:
    """Return the probability that a loss exceeds ``loss``, judged by a sample of earlier losses.

    Below the threshold it is the share of the sample that exceeds it. NaN where losses tie so often that fewer than
    ``LEAST_PEAKS`` lie above the threshold: they do not tell how the tail thins out.

    Parameters
    ----------
    losses
        Earlier losses, gains negative, shape (n,), n * ``tail`` >= ``LEAST_PEAKS``.
    loss
        The one in question, finite.
    tail
        Share of the sample that lies above the threshold, in (0, 0.5].

    Raises
    ------
    ValueError
        Too small a sample, a tail out of range, or a value that is not finite.
    """
    if not 0.0 < tail <= 0.5 or losses.ndim != 1 or int(losses.size * tail) < LEAST_PEAKS:
        raise ValueError(f"{losses.size} losses and a tail of {tail}, expected {LEAST_PEAKS} in a tail of at most 0.5")
    if not (math.isfinite(loss) and np.isfinite(losses).all()):
        raise ValueError("losses must be finite")
    return float(_exceedance_probability(np.ascontiguousarray(losses), loss, int(losses.size * tail)))


def worse_than_latest(logs: Floats, position: float, tail: float) -> float:
    """Return the probability of a return worse for ``position`` than the latest one, judged by those before it.

    As ``exceedance_probability`` of losses, the returns against the position. NaN without a position and where the
    latest return is not against it.

    Parameters
    ----------
    logs
        Log closes, oldest first, shape (n + 2,), contiguous, n * ``tail`` >= ``LEAST_PEAKS``; finite.
    position
        Only its sign counts.
    tail
        Share of the sample that lies above the threshold, in (0, 0.5].

    Raises
    ------
    ValueError
        Too small a sample, a tail out of range, or a value that is not finite, where there is something to judge.

    Examples
    --------
    >>> logs = -np.cumsum([0.0, *range(1, 101), 5.0])
    >>> worse_than_latest(logs, 1.0, 0.1), worse_than_latest(logs, -1.0, 0.1)
    (0.95, nan)
    """
    if not 0.0 < tail <= 0.5 or logs.ndim != 1 or int((logs.size - 2) * tail) < LEAST_PEAKS:
        raise ValueError(f"{logs.size} log closes and a tail of {tail}, expected {LEAST_PEAKS} in a tail of at most .5")
    probability = float(_worse_than_latest(logs, position, int((logs.size - 2) * tail)))
    if probability < 0.0:
        raise ValueError("log closes must be finite")
    return probability


@kernel
def _worse_than_latest(logs: Floats, position: float, peaks: int) -> float:
    size = logs.size - 2
    latest = logs[size + 1] - logs[size]
    if not math.isfinite(latest):
        return -1.0
    if latest * position >= 0.0:
        return math.nan
    is_fall = latest < 0.0
    losses = np.empty(size)
    for i in range(size):
        losses[i] = logs[i] - logs[i + 1] if is_fall else logs[i + 1] - logs[i]
        if not math.isfinite(losses[i]):
            return -1.0
    return _exceedance_probability(losses, abs(latest), peaks)


@kernel
def _fit_pareto(excesses: Floats) -> tuple[float, float]:
    ordered = np.sort(excesses)
    count = ordered.size
    first = 0.0
    second = 0.0
    for j in range(count):
        first += ordered[j] / count
        second += (1.0 - (j + 1.0 - _PLOTTING) / count) * ordered[j] / count
    rest = first - 2.0 * second
    shape = 2.0 - first / rest if rest > 0.0 else 0.0
    if shape <= _STRAIGHT:
        return 0.0, first
    return shape, 2.0 * first * second / rest


@kernel
def _exceedance_probability(losses: Floats, loss: float, peaks: int) -> float:
    above = 0
    for each in losses:
        if each > loss:
            above += 1
    if above > peaks:
        return above / losses.size
    ordered = np.sort(losses)
    threshold = ordered[losses.size - peaks - 1]
    excesses = ordered[losses.size - peaks :] - threshold
    excesses = excesses[excesses > 0.0]
    if loss <= threshold:
        return above / losses.size
    if excesses.size < LEAST_PEAKS:
        return math.nan
    shape, scale = _fit_pareto(excesses)
    share = excesses.size / losses.size
    beyond = (loss - threshold) / scale
    if shape == 0.0:
        return float(share * math.exp(-beyond))
    return float(share * (1.0 + shape * beyond) ** (-1.0 / shape))
