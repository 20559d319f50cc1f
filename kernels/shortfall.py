"""Expected shortfall by two models beside plain history: history rescaled to today's volatility, and Student's t.

Volatility-filtered history (Hull and White 1998; Barone-Adesi, Giannopoulos and Vosper 1999): day i's return is worth
r_i* = r_i sigma_now / sigma_i, with sigma_i the forecast for day i made from the days before it, and the shortfall is
that of the r*. The forecast is the EWMA of squares, sigma_i^2 = sum_k q^(k-1) r_(i-k)^2 / sum_k q^(k-1), k from 1: no
return is scaled by itself. The first days only start the forecast.

Student's t (McNeil, Frey and Embrechts 2015, 2.3.4 and 6.2): losses are mu + s X with X Student of nu degrees of
freedom, ES = mu + s f(q) / (1 - a) * (nu + q^2) / (nu - 1). Fitted by maximum likelihood: for each nu, mu and s by the
weights (nu + 1) / (nu + z^2) with the step of Kent, Tyler and Vardi (1994), s^2 = sum w (x - mu)^2 / sum w; nu by the
likelihood so profiled, over 1 / nu, on a grid and then by golden section.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel
from kernels.law import standard_shortfall
from kernels.tail import checked_level, expected_shortfall

LEAST_OBSERVATIONS: Final = 100
LEAST_FREEDOM: Final = 2.05
"""The variance of a day's loss is finite: with fewer, no volatility could be forecast either."""
MOST_FREEDOM: Final = 1_000.0
"""Above this the law is normal to a part in a thousand."""
_GRID: Final = 16
_NARROWINGS: Final = 24
_STEPS: Final = 200
_SETTLED: Final = 1e-7
"""The likelihood is flat at its maximum: it is then right to fourteen digits."""
_GOLDEN: Final = 0.5 * (math.sqrt(5.0) - 1.0)


class Student(NamedTuple):
    """Degrees of freedom, without unit; location and scale, in the unit of the losses. The scale is no deviation."""

    freedom: float
    location: float
    scale: float

    def shortfall(self, level: float) -> float:
        """Return the expected shortfall at ``level``, in (0, 1)."""
        return self.location + self.scale * standard_shortfall(level, self.freedom)


def filtered_returns(returns: Floats, *, decay: float, start: int) -> Floats:
    """Return each row's returns at today's volatility, without the first ``start`` days, shape (symbols, n - start).

    Losses of a book are linear in them: they are scenarios for any order. A row that has not moved yet has no
    volatility; its zeros stay zeros.

    Parameters
    ----------
    returns
        Of each symbol, in time order, shape (symbols, n), n - start >= ``LEAST_OBSERVATIONS``.
    decay
        q, weight of a day's square relative to the next one's, in (0, 1).
    start
        Days that only start the forecast, >= 1.

    Raises
    ------
    ValueError
        Too few days, a value that is not finite, a parameter out of range, or a row that moves after ``start`` or more
        days without any move: its return has no volatility to be measured by.
    """
    if returns.ndim != 2 or returns.shape[1] - start < LEAST_OBSERVATIONS or start < 1:
        raise ValueError(
            f"returns {returns.shape} and start {start}: expected (symbols, n) with {LEAST_OBSERVATIONS} days or more "
            "after a start of at least 1"
        )
    if not 0.0 < decay < 1.0:
        raise ValueError(f"decay must lie in (0, 1), got {decay}")
    if not np.isfinite(returns).all():
        raise ValueError("returns must be finite")
    scaled = _filtered_returns(np.ascontiguousarray(returns), decay, start)
    if not np.isfinite(scaled).all():
        rows = np.flatnonzero(~np.isfinite(scaled).all(axis=1)).tolist()
        raise ValueError(f"rows {rows} move after {start} days or more without a move: no volatility to scale by")
    return scaled


def filtered_shortfall(losses: Floats, level: float, *, decay: float, start: int) -> float:
    """Return the expected shortfall of losses, shape (n,), in time order, each at today's volatility.

    See `filtered_returns`, whose laws hold, and `tail.expected_shortfall`.
    """
    if losses.ndim != 1:
        raise ValueError(f"losses must be one row, got shape {losses.shape}")
    return expected_shortfall(filtered_returns(losses[None, :], decay=decay, start=start)[0], level)


def fit_student(losses: Floats) -> Student:
    """Fit Student's t to losses by maximum likelihood, degrees of freedom in [``LEAST_FREEDOM``, ``MOST_FREEDOM``].

    Parameters
    ----------
    losses
        In any order and unit, shape (n,), n >= ``LEAST_OBSERVATIONS``.

    Raises
    ------
    ValueError
        Too few, a value that is not finite, or half of them equal: the likelihood of a law about a value that
        recurs so often has no maximum.
    """
    standard, middle, spread = _standard(losses)
    freedom, location, scale = _fit_student(standard)
    return Student(freedom, middle + spread * location, spread * scale)


def refit_student(losses: Floats, freedom: float) -> Student:
    """Fit location and scale alone, for degrees of freedom in [``LEAST_FREEDOM``, ``MOST_FREEDOM``] found before.

    A twentieth of the work of `fit_student`, whose laws hold: enough for a book that one order changes.
    """
    if not LEAST_FREEDOM <= freedom <= MOST_FREEDOM:
        raise ValueError(f"freedom must lie in [{LEAST_FREEDOM}, {MOST_FREEDOM}], got {freedom}")
    standard, middle, spread = _standard(losses)
    _, location, scale = _profile(standard, freedom, 0.0, 1.0)
    return Student(freedom, middle + spread * location, spread * scale)


def student_shortfall(losses: Floats, level: float) -> float:
    """Return the expected shortfall of Student's t fitted to ``losses``; see `fit_student`, whose laws hold."""
    return fit_student(losses).shortfall(checked_level(level))


def _standard(losses: Floats) -> tuple[Floats, float, float]:
    """Check losses; return them sorted, from their median and in units of the mean distance from it, and both of these.

    Sorted, the fit does not depend on their order to the last bit; in such units it is the same for losses of any size.
    """
    if losses.ndim != 1 or losses.size < LEAST_OBSERVATIONS:
        raise ValueError(f"losses of shape {losses.shape}, expected {LEAST_OBSERVATIONS} or more in one row")
    if not np.isfinite(losses).all():
        raise ValueError("losses must be finite")
    ordered = np.sort(losses)
    half = (losses.size + 1) // 2
    if (ordered[half - 1 :] == ordered[: ordered.size - half + 1]).any():
        raise ValueError("half of the losses are equal: they tell no scale")
    middle = float(ordered[ordered.size // 2])
    spread = float(np.abs(ordered - middle).mean())
    return (ordered - middle) / spread, middle, spread


@kernel
def _filtered_returns(returns: Floats, decay: float, start: int) -> Floats:
    """Rows scaled; NaN where a return other than 0 meets a forecast of 0."""
    rows, n = returns.shape
    scaled = np.zeros((rows, n - start))
    deviations = np.empty(n + 1)
    for s in range(rows):
        squares = 0.0
        weight = 0.0
        largest = 0.0
        for i in range(n):
            largest = max(largest, abs(returns[s, i]))
        if largest == 0.0:
            continue
        for i in range(n):
            deviations[i] = math.sqrt(squares / weight) if weight > 0.0 else 0.0
            share = returns[s, i] / largest
            squares = decay * squares + share * share
            weight = decay * weight + 1.0
        now = math.sqrt(squares / weight)
        for i in range(start, n):
            if returns[s, i] != 0.0:
                scaled[s, i - start] = returns[s, i] * (now / deviations[i]) if deviations[i] > 0.0 else math.nan
    return scaled


@kernel
def _fit_student(losses: Floats) -> tuple[float, float, float]:
    narrow = 1.0 / MOST_FREEDOM
    wide = 1.0 / LEAST_FREEDOM
    step = (wide - narrow) / (_GRID - 1)
    place = 0
    best = -math.inf
    location = 0.0
    scale = 1.0
    for i in range(_GRID):
        likelihood, location, scale = _profile(losses, 1.0 / (narrow + i * step), location, scale)
        if likelihood > best:
            best = likelihood
            place = i
    low = narrow + max(place - 1, 0) * step
    high = narrow + min(place + 1, _GRID - 1) * step
    inner = high - _GOLDEN * (high - low)
    outer = low + _GOLDEN * (high - low)
    at_inner, location, scale = _profile(losses, 1.0 / inner, location, scale)
    at_outer, location, scale = _profile(losses, 1.0 / outer, location, scale)
    for _ in range(_NARROWINGS):
        if at_inner >= at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _GOLDEN * (high - low)
            at_inner, location, scale = _profile(losses, 1.0 / inner, location, scale)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _GOLDEN * (high - low)
            at_outer, location, scale = _profile(losses, 1.0 / outer, location, scale)
    found = 0.5 * (low + high)
    for end in (narrow, wide):
        if abs(found - end) < 1e-5:
            found = end
    freedom = 1.0 / found
    _, location, scale = _profile(losses, freedom, location, scale)
    return freedom, location, scale


@kernel
def _profile(losses: Floats, freedom: float, location: float, scale: float) -> tuple[float, float, float]:
    """Log likelihood over n, location and scale of the best law with so many degrees of freedom, from a first guess."""
    n = losses.size
    square = scale * scale
    for _ in range(_STEPS):
        weights = 0.0
        first = 0.0
        second = 0.0
        for i in range(n):
            gap = losses[i] - location
            weight = (freedom + 1.0) / (freedom + gap * gap / square)
            weights += weight
            first += weight * gap
            second += weight * gap * gap
        shift = first / weights
        moved = second / weights - shift * shift
        location += shift
        change = abs(moved / square - 1.0) + abs(shift) / math.sqrt(square)
        square = moved
        if change <= _SETTLED:
            break
    total = 0.0
    for i in range(n):
        gap = losses[i] - location
        total += math.log1p(gap * gap / (square * freedom))
    constant = math.lgamma(0.5 * (freedom + 1.0)) - math.lgamma(0.5 * freedom) - 0.5 * math.log(freedom * math.pi)
    likelihood = constant - 0.5 * math.log(square) - 0.5 * (freedom + 1.0) * total / n
    return likelihood, location, math.sqrt(square)
