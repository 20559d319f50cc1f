"""How losses keep company: in the tail, counted and by Student's copula, and everywhere, by weighted correlation.

Lower-tail dependence is lambda = lim P(V <= q | U <= q) for q to 0, of ranks U and V in (0, 1). Counted at one q it is
lambda_q = C(q, q) / q, which is not the limit: independent ranks give q and normal ones of any correlation more than
their limit of 0, so that it errs upward, the safe side, and by less the smaller q. Of k days in the tail its standard
error is about sqrt(lambda (1 - lambda) / k): at 5 % of 1,000 days 0.06 for 0.25.

The copula of Student's t with nu degrees of freedom and correlation rho has lambda = 2 t_(nu+1)(-sqrt((nu + 1)(1 - rho)
/ (1 + rho))) (Demarta and McNeil 2005; McNeil, Frey and Embrechts 2015, 7.2.4); the normal copula, nu infinite, has 0.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel
from kernels.law import _tail_probability

LEAST_OBSERVATIONS: Final = 100
LEAST_TAIL: Final = 5


def tail_dependence(first: Floats, second: Floats, share: float) -> float:
    """Return the empirical lower-tail coefficient of two series of returns, in [0, 1].

    A day is in the tail of a series if its return is below all but the floor(share n) lowest. Returns that tie at that
    border stay outside, and the coefficient is the number of days in both tails over that of the smaller one.

    Parameters
    ----------
    first, second
        Returns on the same days, in any order of days, shape (n,), n >= ``LEAST_OBSERVATIONS``.
    share
        q, in (0, 0.5], with floor(q n) >= ``LEAST_TAIL``; 0.05 as a rule.

    Raises
    ------
    ValueError
        Shapes that do not fit, too few days, a share out of range, a value that is not finite, or a series with so
        many ties that fewer than ``LEAST_TAIL`` days are in its tail.
    """
    _check_pair(first, second)
    # A share is decimal: 0.05 of 300 days is 15, whatever its nearest binary fraction says.
    count = math.floor(share * first.size + 1e-9) if 0.0 < share <= 0.5 else 0
    if count < LEAST_TAIL:
        raise ValueError(f"a share of {share} of {first.size} days, expected {LEAST_TAIL} days and at most half")
    found = float(_tail_dependence(np.ascontiguousarray(first), np.ascontiguousarray(second), count))
    if math.isnan(found):
        raise ValueError(f"ties leave fewer than {LEAST_TAIL} days in a tail")
    return found


def student_tail_dependence(freedom: float, correlation: float) -> float:
    """Return lambda of the copula of Student's t; upper and lower are the same.

    Parameters
    ----------
    freedom
        nu, > 0; infinite is the normal copula.
    correlation
        rho, in [-1, 1].

    Examples
    --------
    >>> round(student_tail_dependence(4.0, 0.5), 3), round(student_tail_dependence(4.0, 0.0), 3)
    (0.253, 0.076)
    """
    if not (freedom > 0.0 and -1.0 <= correlation <= 1.0):
        raise ValueError(f"freedom {freedom}, correlation {correlation}: expected > 0 and [-1, 1]")
    if correlation == 1.0:
        return 1.0
    if correlation == -1.0 or math.isinf(freedom):
        return 0.0
    at = math.sqrt((freedom + 1.0) * (1.0 - correlation) / (1.0 + correlation))
    return 2.0 * float(_tail_probability(at, freedom + 1.0))


def rank_correlation(first: Floats, second: Floats) -> float:
    """Return rho = sin(pi tau / 2) of Kendall's tau, the correlation of an elliptical copula whatever the marginals.

    tau is (concordant - discordant) pairs over all pairs, ties counting neither way (Lindskog, McNeil and Schmock
    2003), which draws rho towards 0. Shapes and laws are those of `tail_dependence`.
    """
    _check_pair(first, second)
    return math.sin(0.5 * math.pi * float(_kendall(np.ascontiguousarray(first), np.ascontiguousarray(second))))


def weighted_covariance(returns: Floats, decay: float) -> Floats:
    """Return the EWMA covariance of returns around 0, shape (symbols, symbols), the last day weighing most.

    Sigma = sum_i q^(n-1-i) r_i r_i' / sum_i q^(n-1-i) (RiskMetrics 1996), symmetric and without negative eigenvalues.

    Parameters
    ----------
    returns
        In time order, shape (symbols, n), n >= ``LEAST_OBSERVATIONS``.
    decay
        q, in (0, 1]; 1 weighs all days alike.
    """
    if returns.ndim != 2 or returns.shape[1] < LEAST_OBSERVATIONS or not np.isfinite(returns).all():
        raise ValueError(
            f"returns of shape {returns.shape}, expected (symbols, n), n >= {LEAST_OBSERVATIONS}, all finite"
        )
    if not 0.0 < decay <= 1.0:
        raise ValueError(f"decay must lie in (0, 1], got {decay}")
    return _weighted_covariance(np.ascontiguousarray(returns), decay)


def book_correlation(covariance: Floats, held: Floats, holding: int) -> float:
    """Return the correlation of one holding's return with that of the book, in [-1, 1].

    (Sigma w)_s / sqrt(Sigma_ss w' Sigma w) for the book w of signed fractions of equity. To ask about an order for what
    the book does not hold yet, hand in the book without it.

    Raises
    ------
    ValueError
        Shapes that do not fit, a value that is not finite, or a book or holding that does not move: such a correlation
        is undefined.
    """
    if covariance.shape != (held.size, held.size) or held.ndim != 1 or not 0 <= holding < held.size:
        raise ValueError(f"covariance {covariance.shape}, holdings {held.shape}, holding {holding} do not fit")
    if not (np.isfinite(covariance).all() and np.isfinite(held).all()):
        raise ValueError("covariance and holdings must be finite")
    with_book = covariance @ held
    square = float(covariance[holding, holding]) * float(held @ with_book)
    if not square > 0.0:
        raise ValueError(f"the book or holding {holding} does not move: its correlation is undefined")
    return min(1.0, max(-1.0, float(with_book[holding]) / math.sqrt(square)))


def _check_pair(first: Floats, second: Floats) -> None:
    if first.ndim != 1 or first.shape != second.shape or first.size < LEAST_OBSERVATIONS:
        raise ValueError(
            f"returns of {first.shape} and {second.shape}, expected the same {LEAST_OBSERVATIONS} days or more"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("returns must be finite")


@kernel
def _tail_dependence(first: Floats, second: Floats, count: int) -> float:
    border = np.sort(first)[count]
    other_border = np.sort(second)[count]
    below = 0
    other_below = 0
    both = 0
    for i in range(first.size):
        is_below = first[i] < border
        is_other_below = second[i] < other_border
        below += is_below
        other_below += is_other_below
        both += is_below and is_other_below
    smaller = min(below, other_below)
    return both / smaller if smaller >= LEAST_TAIL else math.nan


@kernel
def _kendall(first: Floats, second: Floats) -> float:
    n = first.size
    score = 0
    for i in range(n):
        for j in range(i):
            one = int(first[i] > first[j]) - int(first[i] < first[j])
            other = int(second[i] > second[j]) - int(second[i] < second[j])
            score += one * other
    return score / (0.5 * n * (n - 1))


@kernel
def _weighted_covariance(returns: Floats, decay: float) -> Floats:
    symbols, n = returns.shape
    total = 0.0
    weight = 1.0
    weights = np.empty(n)
    for i in range(n - 1, -1, -1):
        weights[i] = weight
        total += weight
        weight *= decay
    covariance = np.empty((symbols, symbols))
    for s in range(symbols):
        for other in range(s + 1):
            found = 0.0
            for i in range(n):
                found += weights[i] * (returns[s, i] * returns[other, i])
            covariance[s, other] = covariance[other, s] = found / total
    return covariance
