"""Was value at risk exceeded as often as it said, and independently of yesterday? Two likelihood-ratio tests.

Kupiec (1995): of n days x were exceedances, and 1 - a of them should be:

    LR_pof = 2 [x ln(x/n) + (n-x) ln(1 - x/n) - x ln(1-a) - (n-x) ln a], chi-square of 1 degree of freedom.

Christoffersen (1998): with n_ij the days of state j after a day of state i, 1 being an exceedance,

    LR_ind = 2 [sum_ij n_ij ln(n_ij / n_i.) - n_.0 ln(n_.0 / n) - n_.1 ln(n_.1 / n)], 1 degree of freedom,
    LR_cc = LR_pof + LR_ind, 2 degrees.

0 ln 0 = 0. Coverage counts all n days, as is usual, independence the n - 1 pairs. The laws are those of many days:
where exceedances are rare, the p-values are rough.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Bools, Floats
from kernels.jit import kernel
from kernels.law import chi_square_tail

LEAST_OBSERVATIONS: Final = 100


class LikelihoodRatio(NamedTuple):
    """The statistic, >= 0, and the probability of a greater one if the model is right."""

    statistic: float
    p_value: float


def exceedances(losses: Floats, at_risk: Floats) -> Bools:
    """Return on which days the loss was greater than the value at risk forecast for it, both of shape (n,)."""
    if losses.ndim != 1 or losses.shape != at_risk.shape:
        raise ValueError(f"losses {losses.shape} and forecasts {at_risk.shape}: expected one row each, of one length")
    if not (np.isfinite(losses).all() and np.isfinite(at_risk).all()):
        raise ValueError("losses and forecasts must be finite")
    found: Bools = losses > at_risk
    return found


def kupiec(exceeded: int, days: int, level: float) -> LikelihoodRatio:
    """Test whether the proportion of exceedances is that of ``level``.

    Parameters
    ----------
    exceeded
        Exceedances, 0 to ``days``.
    days
        Observations, >= ``LEAST_OBSERVATIONS``.
    level
        a, the confidence of value at risk, in (0, 1).

    Examples
    --------
    >>> round(kupiec(6, 252, 0.99).statistic, 3)
    3.499
    """
    if not (0 <= exceeded <= days and days >= LEAST_OBSERVATIONS):
        raise ValueError(f"{exceeded} of {days} days, expected at most all of {LEAST_OBSERVATIONS} or more")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    inside = days - exceeded
    expected = exceeded * math.log1p(-level) + inside * math.log(level)
    return _ratio(_entropy(exceeded, inside) - expected, 1)


def independence(exceeded: Bools) -> LikelihoodRatio:
    """Test whether an exceedance is as likely after an exceedance as after another day.

    Without exceedances, or with nothing else, there is no sign of dependence: 0, and a p-value of 1.

    Parameters
    ----------
    exceeded
        In time order, shape (n,), n >= ``LEAST_OBSERVATIONS``.
    """
    calm, into, out, still = _transitions(_days(exceeded))
    return _ratio(_entropy(calm, into) + _entropy(out, still) - _entropy(calm + out, into + still), 1)


def conditional_coverage(exceeded: Bools, level: float) -> LikelihoodRatio:
    """Test both at once: the right proportion, and independence; see `kupiec` and `independence`."""
    days = _days(exceeded)
    statistic = kupiec(int(days.sum()), days.size, level).statistic + independence(days).statistic
    return LikelihoodRatio(statistic, chi_square_tail(statistic, 2.0))


def _days(exceeded: Bools) -> Bools:
    if exceeded.ndim != 1 or exceeded.size < LEAST_OBSERVATIONS or exceeded.dtype != np.bool_:
        raise ValueError(
            f"{exceeded.dtype} of shape {exceeded.shape}, expected {LEAST_OBSERVATIONS} or more true or false"
        )
    return np.ascontiguousarray(exceeded)


def _ratio(log_likelihood: float, freedom: int) -> LikelihoodRatio:
    """Half the statistic; rounding must not make it negative."""
    statistic = max(0.0, 2.0 * log_likelihood)
    return LikelihoodRatio(statistic, chi_square_tail(statistic, float(freedom)))


def _entropy(one: int, other: int) -> float:
    """Return the greatest log likelihood of so many of one kind and of the other."""
    return sum(count * math.log(count / (one + other)) for count in (one, other) if count)


@kernel
def _transitions(exceeded: Bools) -> tuple[int, int, int, int]:
    """n00, n01, n10, n11."""
    calm = into = out = still = 0
    for i in range(1, exceeded.size):
        if exceeded[i - 1]:
            still += exceeded[i]
            out += not exceeded[i]
        else:
            into += exceeded[i]
            calm += not exceeded[i]
    return calm, into, out, still
