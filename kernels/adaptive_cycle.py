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

from kernels.arrays import Floats, Ints
from kernels.jit import kernel
from kernels.spectrum import _lag1_within

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


def read_scales(logs: Floats, windows: Ints, earlier: Floats, held: Ints) -> list[list[float]]:
    """Return what ``read_window`` gives of the last closes on each of some scales, all NaN where closes are too few.

    Parameters
    ----------
    logs
        Log closes, oldest first, shape (n,), contiguous; finite.
    windows
        Window of each scale in returns, shape (s,), each 3 or more.
    earlier
        Earlier volatilities of each scale, in any order, shape (s, m), contiguous; only the first ``held`` count.
    held
        How many earlier volatilities each scale has, shape (s,), each in [0, m].

    Raises
    ------
    ValueError
        A wrong shape or a value that is not finite.

    Examples
    --------
    >>> logs = np.array([0.0, 0.01, 0.03, 0.02])
    >>> [reading] = read_scales(logs, np.array([3]), np.array([[0.01, 0.02]]), np.array([2]))
    >>> reading == read_window(logs, np.array([0.01, 0.02])).tolist()
    True
    """
    if logs.ndim != 1 or earlier.ndim != 2 or not windows.shape == held.shape == earlier.shape[:1]:
        raise ValueError(
            f"log closes of shape {logs.shape}, windows {windows.shape}, volatilities {earlier.shape} and "
            f"counts {held.shape}, expected (n,), (s,), (s, m), (s,)"
        )
    readings: list[list[float]] = _read_scales(logs, windows, earlier, held).tolist()
    for reading in readings:
        if reading.pop() != 0.0:
            raise ValueError("log closes and volatilities must be finite, windows 3 or more, counts within the table")
    return readings


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
    return _rank_among(value, others, 0, others.size, tie)


@kernel
def _rank_among(value: float, others: Floats, first: int, end: int, tie: float) -> float:
    """Rank ``value`` among others[first:end]."""
    size = end - first
    if size == 0:
        return 0.5
    below = 0
    above = 0
    equal = 0
    for i in range(first, end):
        below += others[i] < value - tie
        above += others[i] > value + tie
        equal += abs(others[i] - value) <= tie
    # A number that is not one is none of the three.
    return (below + 0.5 * equal) / size if below + above + equal == size else math.nan


@kernel
def _read_scales(logs: Floats, windows: Ints, earlier: Floats, held: Ints) -> Floats:
    readings = np.full((windows.size, WIDTH + 1), np.nan)
    for scale in range(windows.size):
        readings[scale, _UNSOUND] = 0.0
        if windows[scale] < 3 or not 0 <= held[scale] <= earlier.shape[1]:
            readings[scale, _UNSOUND] = 1.0
        elif windows[scale] < logs.size:
            _read_into(logs, windows[scale], earlier[scale], held[scale], readings[scale])
    return readings


@kernel
def _read_window(logs: Floats, earlier: Floats) -> Floats:
    reading = np.full(WIDTH + 1, np.nan)
    reading[_UNSOUND] = 0.0
    _read_into(logs, logs.size - 1, earlier, earlier.size, reading)
    return reading


@kernel
def _read_into(logs: Floats, size: int, earlier: Floats, held: int, reading: Floats) -> None:
    """Read the last ``size`` returns into ``reading``, which is NaN and sound before."""
    start = logs.size - 1 - size
    returns = np.empty(size)
    mean = 0.0
    for i in range(size):
        returns[i] = logs[start + i + 1] - logs[start + i]
        mean += returns[i] / size
    squares = 0.0
    for i in range(size):
        squares += (returns[i] - mean) ** 2
    volatility = math.sqrt(squares / size)
    if not math.isfinite(volatility):
        reading[_UNSOUND] = 1.0
        return
    if volatility < _STILL:
        return
    reading[POTENTIAL] = _rank_among(logs[logs.size - 1], logs, start + 1, logs.size - 1, _TIE * volatility)
    reading[CONNECTEDNESS] = 0.5 * (1.0 + _lag1_within(returns))
    reading[VOLATILITY] = volatility
    if held == 0:
        return
    drawdown = returns
    high = logs[start + 1]
    for i in range(size):
        high = max(high, logs[start + i + 1])
        drawdown[i] = high - logs[start + i + 1]
    memory = min(max(_lag1_within(drawdown), 0.0), 1.0)
    fear = _rank_among(volatility, earlier, 0, held, _TIE * volatility)
    reading[_UNSOUND] = 1.0 if math.isnan(fear) else 0.0
    reading[RESILIENCE] = _OF_VOLATILITY * (1.0 - fear) + _OF_DRAWDOWN * (1.0 - memory)
