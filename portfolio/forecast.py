"""What the next day may bring to a book as it stands: value at risk, expected shortfall, and what falls together.

Losses are fractions of equity, positive for a loss. The three estimators, their level and their scenarios are those of
`portfolio.tail`; open orders do not count, and no bar after the end of the day does.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from bus.messages import Tail
from kernels.arrays import Floats
from kernels.dependence import LEAST_TAIL, rank_correlation, student_tail_dependence
from kernels.shortfall import LEAST_OBSERVATIONS, Student, filtered_returns, fit_student, refit_student
from kernels.tail import expected_shortfall, value_at_risk
from portfolio.tail import DECAY, EMPTY, LEVEL, START, UNMEASURED

TAIL_SHARE: Final = 0.05
"""The share of bars counted as the tail in which two holdings fall together."""


class Pair(NamedTuple):
    """Two holdings by their places, and their lower-tail coefficient, counted and by Student's copula."""

    first: int
    second: int
    counted: float
    copula: float | None


class Forecast(NamedTuple):
    """The day ahead; None is what cannot be measured.

    ``at_risk`` is value at risk by history at today's volatility, ``pair`` the two holdings that fall together most,
    ``freedom`` the degrees of freedom of Student's t for the losses of the book.
    """

    at_risk: float | None
    tail: Tail
    pair: Pair | None = None
    freedom: float | None = None


def forecast(returns: Floats, held: Floats, bars_per_day: float, freedom: float | None = None) -> Forecast:
    """Forecast the next day of a book.

    Parameters
    ----------
    returns
        Joint simple returns of what is held, in time order, shape (holdings, n). The first 20 only start the forecast
        of volatility; with fewer than 100 more nothing can be measured.
    held
        Value of each holding as a fraction of equity, signed and not 0, shape (holdings,); NaN where there is none.
    bars_per_day
        Bars in a day, >= 1; a day's risk is that of a bar times its square root.
    freedom
        Degrees of freedom of Student's t found before, for the book as it was; None fits them.
    """
    if not held.size:
        return Forecast(0.0, EMPTY)
    if returns.shape[1] - START < LEAST_OBSERVATIONS or not np.isfinite(held).all():
        return Forecast(None, UNMEASURED)
    day, seen = math.sqrt(bars_per_day), returns[:, START:]
    losses = -(held @ seen)
    filtered, student = _filtered(returns, held), _fitted(losses, freedom)
    tail = Tail(
        historical=day * expected_shortfall(losses, LEVEL),
        filtered=None if filtered is None else day * expected_shortfall(filtered, LEVEL),
        student=None if student is None else day * student.shortfall(LEVEL),
    )
    at_risk = None if filtered is None else day * value_at_risk(filtered, LEVEL)
    freedom = None if student is None else student.freedom
    return Forecast(at_risk, tail, worst_pair(np.sign(held)[:, None] * seen, freedom), freedom)


def _filtered(returns: Floats, held: Floats) -> Floats | None:
    """Return the losses at today's volatility; None where a holding stood still and then moved."""
    try:
        losses: Floats = -(held @ filtered_returns(returns, decay=DECAY, start=START))
    except ValueError:
        return None
    return losses


def _fitted(losses: Floats, freedom: float | None) -> Student | None:
    """Return Student's t for the losses; None where too many are equal to tell its scale."""
    try:
        return fit_student(losses) if freedom is None else refit_student(losses, freedom)
    except ValueError:
        return None


def worst_pair(returns: Floats, freedom: float | None) -> Pair | None:
    """Return the two holdings with the largest lower-tail coefficient at 5 %, of equal ones the first.

    All pairs are counted at once, each as `kernels.dependence.tail_dependence` does. None where there is no pair, or
    none with enough returns in both tails.

    Parameters
    ----------
    returns
        Of what is held, in the direction in which it is held, shape (holdings, n).
    freedom
        Degrees of freedom of the copula; None leaves it out.
    """
    holdings, n = returns.shape
    count = math.floor(TAIL_SHARE * n + 1e-9)
    if holdings < 2 or count < LEAST_TAIL:
        return None
    below = (returns < np.partition(returns, count, axis=1)[:, count : count + 1]).astype(np.float64)
    sizes = below.sum(axis=1)
    smaller = np.minimum(sizes[:, None], sizes)
    counted = np.where(smaller >= LEAST_TAIL, (below @ below.T) / np.maximum(smaller, 1.0), -1.0)
    counted[np.tri(holdings, dtype=np.bool_)] = -1.0
    first, second = divmod(int(counted.argmax()), holdings)
    worst = float(counted[first, second])
    if worst < 0.0:
        return None
    if freedom is None:
        return Pair(first, second, worst, None)
    correlation = rank_correlation(returns[first], returns[second])
    return Pair(first, second, worst, student_tail_dependence(freedom, correlation))
