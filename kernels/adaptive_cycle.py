"""What a window of log prices says of the adaptive cycle: potential, connectedness of one series, resilience.

Of the last n closes and the n returns that led to them:

- potential, the rank of the last close in the window;
- connectedness, (1 + rho) / 2 with rho the lag-1 autocorrelation of the returns;
- volatility, the standard deviation of the returns;
- resilience, .7 (1 - rank of the volatility among earlier values) + .3 (1 - max(rho_d, 0)), with rho_d the lag-1
  autocorrelation of the drawdown, the log of the window's high so far over the close.

A rank is the share of the others that lie below, those equal counting half.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel
from kernels.spectrum import _lag1_autocorrelation

WIDTH: Final = 4
POTENTIAL: Final = 0
CONNECTEDNESS: Final = 1
VOLATILITY: Final = 2
RESILIENCE: Final = 3
_UNSOUND: Final = 4
_TIE: Final = 1e-9
"""Values closer than this, as a part of themselves, are equal, so that rounding ranks nothing."""
_STILL: Final = 1e-13
"""Volatility below this is what float64 leaves of log prices that do not move."""
_OF_VOLATILITY: Final = 0.7
_OF_DRAWDOWN: Final = 0.3


def read_window(logs: Floats, earlier: Floats) -> Floats:
    """Return (potential, connectedness, volatility, resilience) at the last of a window of log closes.

    Parameters
    ----------
    logs
        Log closes, oldest first, shape (n + 1,), n >= 3; finite.
    earlier
        Volatilities of the same window at earlier bars, in any order, shape (m,), m >= 0; finite.

    Returns
    -------
    Floats
        Shape (4,). All NaN where prices did not move; resilience NaN where there are no earlier volatilities.

    Raises
    ------
    ValueError
        A wrong shape or a value that is not finite.
    """
    if logs.ndim != 1 or logs.size < 4 or earlier.ndim != 1:
        raise ValueError(f"log closes of shape {logs.shape} and volatilities of {earlier.shape}, expected (4+,), (m,)")
    reading = _read_window(np.ascontiguousarray(logs), np.ascontiguousarray(earlier))
    if reading[_UNSOUND] != 0.0:
        raise ValueError("log closes and volatilities must be finite")
    return reading[:WIDTH]


def rank(value: float, others: Floats) -> float:
    """Return the share of ``others`` below ``value``, those equal to it counting half; one half without any.

    Examples
    --------
    >>> rank(2.0, np.array([1.0, 2.0, 3.0, 4.0]))
    0.375
    """
    share = float(_rank(value, np.ascontiguousarray(others), _TIE * abs(value))) if others.ndim == 1 else math.nan
    if math.isnan(share) or not math.isfinite(value):
        raise ValueError(f"value {value} among numbers of shape {others.shape}, expected numbers in one row")
    return share


@kernel
def _rank(value: float, others: Floats, tie: float) -> float:
    if others.size == 0:
        return 0.5
    below = 0
    above = 0
    equal = 0
    for other in others:
        below += other < value - tie
        above += other > value + tie
        equal += abs(other - value) <= tie
    # A number that is not one is none of the three.
    return (below + 0.5 * equal) / others.size if below + above + equal == others.size else math.nan


@kernel
def _read_window(logs: Floats, earlier: Floats) -> Floats:
    size = logs.size - 1
    reading = np.full(WIDTH + 1, np.nan)
    reading[_UNSOUND] = 0.0
    returns = np.empty(size)
    mean = 0.0
    for i in range(size):
        returns[i] = logs[i + 1] - logs[i]
        mean += returns[i] / size
    squares = 0.0
    for i in range(size):
        squares += (returns[i] - mean) ** 2
    volatility = math.sqrt(squares / size)
    if not math.isfinite(volatility):
        reading[_UNSOUND] = 1.0
        return reading
    if volatility < _STILL:
        return reading
    last = logs[size]
    reading[POTENTIAL] = _rank(last, logs[1:size], _TIE * volatility)
    reading[CONNECTEDNESS] = 0.5 * (1.0 + _lag1_autocorrelation(returns))
    reading[VOLATILITY] = volatility
    if earlier.size == 0:
        return reading
    drawdown = np.empty(size)
    high = logs[1]
    for i in range(size):
        high = max(high, logs[i + 1])
        drawdown[i] = high - logs[i + 1]
    memory = min(max(_lag1_autocorrelation(drawdown), 0.0), 1.0)
    fear = _rank(volatility, earlier, _TIE * volatility)
    reading[_UNSOUND] = 1.0 if math.isnan(fear) else 0.0
    reading[RESILIENCE] = _OF_VOLATILITY * (1.0 - fear) + _OF_DRAWDOWN * (1.0 - memory)
    return reading
