"""The normal law, Student's t and chi-square: tails, quantiles, and what a loss beyond the quantile is on average.

A tail is P(X > x), which keeps its digits where the distribution function has rounded to 1. Quantiles are found by
Newton's method on the logarithm of the tail, within a bracket that each step narrows. Expected shortfall at level a,
with q the quantile (McNeil, Frey and Embrechts 2015, 2.3.4): normal phi(q) / (1 - a); Student's t with nu degrees of
freedom f(q) / (1 - a) * (nu + q^2) / (nu - 1).

Degrees of freedom of infinity are those of the normal law throughout.
"""

import math
from typing import Final

from kernels.incomplete import _incomplete_beta, _upper_gamma
from kernels.jit import kernel

_STEPS: Final = 200
_CLOSE: Final = 1e-14
_ROOT_TWO: Final = math.sqrt(2.0)
_LOG_ROOT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)


def tail_probability(x: float, freedom: float = math.inf) -> float:
    """Return P(X > x) of Student's t, or of the standard normal law.

    Parameters
    ----------
    x
        Finite.
    freedom
        Degrees of freedom, > 0; infinite is normal.
    """
    if not (math.isfinite(x) and freedom > 0.0):
        raise ValueError(f"x {x}, freedom {freedom}: expected a finite number and degrees of freedom > 0")
    return float(_tail_probability(x, freedom))


def quantile(level: float, freedom: float = math.inf) -> float:
    """Return the x that X does not exceed with probability ``level``, in (0, 1): value at risk of a standard loss.

    Examples
    --------
    >>> round(quantile(0.975), 4), round(quantile(0.975, 5.0), 4), round(quantile(0.975, 3.0), 4)
    (1.96, 2.5706, 3.1824)
    """
    if not (0.0 < level < 1.0 and freedom > 0.0):
        raise ValueError(f"level {level}, freedom {freedom}: expected (0, 1) and degrees of freedom > 0")
    return float(_quantile(level, freedom))


def standard_shortfall(level: float, freedom: float = math.inf) -> float:
    """Return E[X | X > quantile(level)] of Student's t with more than one degree of freedom, or of the normal law.

    Examples
    --------
    >>> round(standard_shortfall(0.975), 4), round(standard_shortfall(0.975, 5.0), 4)
    (2.3378, 3.5216)
    """
    if not (0.0 < level < 1.0 and freedom > 1.0):
        raise ValueError(f"level {level}, freedom {freedom}: expected (0, 1) and degrees of freedom > 1")
    return float(_standard_shortfall(level, freedom))


def chi_square_tail(x: float, freedom: float) -> float:
    """Return P(X > x) of chi-square with ``freedom`` > 0 degrees of freedom, for finite x; 1 for x <= 0."""
    if not (math.isfinite(x) and 0.0 < freedom < math.inf):
        raise ValueError(f"x {x}, freedom {freedom}: expected both finite, and degrees of freedom > 0")
    return float(_upper_gamma(0.5 * freedom, 0.5 * x)) if x > 0.0 else 1.0


@kernel
def _log_density(x: float, freedom: float) -> float:
    if math.isinf(freedom):
        return -0.5 * x * x - _LOG_ROOT_TWO_PI
    constant = math.lgamma(0.5 * (freedom + 1.0)) - math.lgamma(0.5 * freedom) - 0.5 * math.log(freedom * math.pi)
    return constant - 0.5 * (freedom + 1.0) * math.log1p(x * x / freedom)


@kernel
def _tail_probability(x: float, freedom: float) -> float:
    if math.isinf(freedom):
        return 0.5 * math.erfc(x / _ROOT_TWO)
    square = x * x
    share = freedom / (freedom + square) if square < math.inf else 0.0
    beyond = 0.5 * _incomplete_beta(0.5 * freedom, 0.5, share, 1.0 / (1.0 + freedom / square) if square > 0.0 else 0.0)
    return beyond if x >= 0.0 else 1.0 - beyond


@kernel
def _quantile(level: float, freedom: float) -> float:
    if level < 0.5:
        return -_upper_quantile(level, freedom)
    return _upper_quantile(1.0 - level, freedom)


@kernel
def _upper_quantile(tail: float, freedom: float) -> float:
    """The x >= 0 with P(X > x) = tail <= 1/2."""
    if tail >= 0.5:
        return 0.0
    wanted = math.log(tail)
    low = 0.0
    high = 1.0
    while _tail_probability(high, freedom) > tail and high < 1e150:
        low = high
        high *= 2.0
    x = 0.5 * (low + high)
    for _ in range(_STEPS):
        found = _tail_probability(x, freedom)
        if found > tail:
            low = x
        else:
            high = x
        following = x
        if found > 0.0:
            excess = math.log(found) - wanted
            following = x + excess * math.exp(math.log(found) - _log_density(x, freedom))
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - x) <= _CLOSE * x:
            return following
        x = following
    return x


@kernel
def _standard_shortfall(level: float, freedom: float) -> float:
    at = _quantile(level, freedom)
    mean = math.exp(_log_density(at, freedom)) / (1.0 - level)
    return mean if math.isinf(freedom) else mean * (freedom + at * at) / (freedom - 1.0)
