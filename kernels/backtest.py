"""Was expected shortfall forecast well? The second test of Acerbi and Szekely (2014), with its traffic light.

Over T days of losses L, value at risk V and expected shortfall E at level a,

    Z2 = 1 - sum_t L_t 1{L_t > V_t} / (T (1 - a) E_t),

0 in expectation where the model is right, negative where losses were worse, by their size or their number. At T = 250
and a = 97.5 % a right model undercuts -0.70 with probability 5 % and -1.80 with 0.01 % where losses are normal. With 3
degrees of freedom of Student's t it is -0.82 and -4.48: the first bound hardly depends on the tail, the second does.
`critical_value` finds them for any T, a and tail.
"""

import math
from typing import Final, Literal

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel
from kernels.law import _standard_shortfall, _upper_quantile
from kernels.tail import checked_level

Light = Literal["green", "yellow", "red"]

YELLOW: Final = -0.70
RED: Final = -1.80
LEAST_OBSERVATIONS: Final = 100


def z2(losses: Floats, at_risk: Floats, shortfall: Floats, level: float) -> float:
    """Return the statistic Z2 of forecasts and what came.

    Parameters
    ----------
    losses
        Positive for a loss, shape (T,), T >= ``LEAST_OBSERVATIONS``.
    at_risk, shortfall
        Forecast for each day before it, in the unit of the losses, shape (T,); shortfall > 0 and at least value at
        risk.
    level
        a, the confidence of both, in (0, 1).

    Raises
    ------
    ValueError
        Shapes that do not fit, too few days, a value that is not finite, or forecasts that cannot be.
    """
    if losses.ndim != 1 or losses.size < LEAST_OBSERVATIONS or not losses.shape == at_risk.shape == shortfall.shape:
        raise ValueError(
            f"losses {losses.shape}, forecasts {at_risk.shape} and {shortfall.shape}: expected the same "
            f"{LEAST_OBSERVATIONS} days or more"
        )
    if not (np.isfinite(losses).all() and np.isfinite(at_risk).all() and np.isfinite(shortfall).all()):
        raise ValueError("losses and forecasts must be finite")
    if not ((shortfall > 0.0).all() and (shortfall >= at_risk).all()):
        raise ValueError("expected shortfall must be positive, and at least value at risk")
    found: float = _z2(losses, at_risk, shortfall, checked_level(level))
    return found


def light(statistic: float, yellow: float = YELLOW, red: float = RED) -> Light:
    """Return the colour of Z2: green above ``yellow``, red at ``red`` or below.

    Examples
    --------
    >>> light(0.3), light(-0.70), light(-1.80)
    ('green', 'yellow', 'red')
    """
    if not (math.isfinite(statistic) and red < yellow):
        raise ValueError(f"statistic {statistic}, bounds {yellow} and {red}: expected a number, and red below yellow")
    if statistic > yellow:
        return "green"
    return "yellow" if statistic > red else "red"


def critical_value(
    days: int, level: float, significance: float, *, draws: int, generator: np.random.Generator,
    freedom: float = math.inf,
) -> float:  # fmt: skip
    """Return the Z2 that a right model undercuts with probability ``significance``, by simulation.

    Only exceedances enter Z2: their number is drawn from its binomial law, their sizes from the tail of the law by
    inversion. Rounded up to a whole draw: the k-th lowest, k = ceil(significance * draws).

    Parameters
    ----------
    days
        T, >= ``LEAST_OBSERVATIONS``.
    level, significance
        Both in (0, 1).
    draws
        Simulated records of T days, at least 10 / significance, so that ten lie below.
    generator
        Source of randomness; the same one in the same state gives the same value.
    freedom
        Degrees of freedom of Student's t, > 1; infinite is normal.
    """
    if days < LEAST_OBSERVATIONS or not (0.0 < significance < 1.0 and freedom > 1.0):
        raise ValueError(f"{days} days, significance {significance}, freedom {freedom}: expected 100, (0, 1), > 1")
    if draws * significance < 10.0:
        raise ValueError(f"{draws} draws at {significance}: ten must be expected below")
    counts = generator.binomial(days, 1.0 - checked_level(level), draws)
    shares = generator.random(int(counts.sum()))
    statistics = _simulated(counts, shares, days, level, freedom)
    place = math.ceil(significance * draws) - 1
    return float(np.partition(statistics, place)[place])


@kernel
def _z2(losses: Floats, at_risk: Floats, shortfall: Floats, level: float) -> float:
    total = 0.0
    for t in range(losses.size):
        if losses[t] > at_risk[t]:
            total += losses[t] / shortfall[t]
    return 1.0 - total / (losses.size * (1.0 - level))


@kernel
def _simulated(counts: Ints, shares: Floats, days: int, level: float, freedom: float) -> Floats:
    """Z2 of each record; ``shares`` in [0, 1) are places of its exceedances within the tail."""
    tail = 1.0 - level
    expected = days * tail * _standard_shortfall(level, freedom)
    statistics = np.empty(counts.size)
    place = 0
    for draw in range(counts.size):
        total = 0.0
        for _ in range(counts[draw]):
            total += _upper_quantile(tail * (1.0 - shares[place]), freedom)
            place += 1
        statistics[draw] = 1.0 - total / expected
    return statistics
