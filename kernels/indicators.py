"""Indicators of a window of bars: functions of the last n bars alone, scale-free, in [-1, 1] with 0 neutral.

Everything is measured on log prices and divided by what it would be on a random walk of the window's own volatility,
then squashed by x / (1 + |x|). Mirrored prices (1/p, high and low swapped) flip the sign of the directional ones to
rounding and leave the others alone. Where closes never move, all are 0.

| index | name | of | mirrored |
|---|---|---|---|
| 0-2 | return, return_5, return_10 | log return over 1, 5, 10 bars | flips |
| 3 | trend | least-squares slope of the last 20 log closes | flips |
| 4 | momentum | log return over 20 bars | flips |
| 5 | sma_ratio | log close less its mean over 20 bars | flips |
| 6 | rsi | RSI(14) mapped from [0, 100] to [-1, 1] (Wilder 1978) | flips |
| 7 | macd | MACD(12, 26) less its signal line (9) (Appel 1979) | flips |
| 8 | volatility | log of EWMA volatility over the window's own | stays |
| 9 | adx | ADX(14) over 100 (Wilder 1978), of log highs and lows | stays |
| 10 | liquidity | log of mean volume of the last 5 bars over the window's | stays |
| 11 | anomaly | last return beyond two standard deviations of those before it | flips |
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

NAMES: Final = (
    "return", "return_5", "return_10", "trend", "momentum", "sma_ratio", "rsi", "macd",
    "volatility", "adx", "liquidity", "anomaly",
)  # fmt: skip
LEAST_BARS: Final = 30
_ANOMALY_SIGMAS: Final = 2.0
_LONG: Final = 20
_WILDER: Final = 14
_FAST: Final = 12
_SLOW: Final = 26
_SIGNAL: Final = 9
_RECENT: Final = 5
_HIGH: Final = 1
_LOW: Final = 2
_CLOSE: Final = 3
_VOLUME: Final = 4


def indicators(rows: Floats, decay: float) -> tuple[Floats, float]:
    """Compute every indicator at the last bar of a window.

    Parameters
    ----------
    rows
        Bars, oldest first, shape (n, 5): open, high, low, close, volume; prices positive, n >= ``LEAST_BARS``.
    decay
        Weight of the past in the exponentially weighted variance, in [0, 1).

    Returns
    -------
    values
        Shape (12,), in the order of ``NAMES``.
    sigma
        Exponentially weighted volatility of log returns per bar, 0 where closes never moved.

    Raises
    ------
    ValueError
        Too few bars, or a wrong shape or decay.
    """
    if rows.ndim != 2 or rows.shape[1] != 5 or rows.shape[0] < LEAST_BARS:
        raise ValueError(f"bars of shape {rows.shape}, expected (n, 5) with n >= {LEAST_BARS}")
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay {decay}, expected 0 <= decay < 1")
    return _indicators(rows, decay)


@kernel
def _indicators(rows: Floats, decay: float) -> tuple[Floats, float]:
    values = np.zeros(12)
    n = rows.shape[0]
    logs = np.log(rows[:, _CLOSE].copy())
    sigma, earlier, overall = _volatility(logs, decay)
    if sigma == 0.0:
        return values, 0.0
    last = logs[n - 1]
    values[0] = _squash((last - logs[n - 2]) / sigma)
    values[1] = _squash((last - logs[n - 6]) / (sigma * math.sqrt(5.0)))
    values[2] = _squash((last - logs[n - 11]) / (sigma * math.sqrt(10.0)))
    slope, deviation = _slope_and_deviation(logs)
    values[3] = _squash(slope * math.sqrt(5.0 * _LONG / 6.0) / sigma)
    values[4] = _squash((last - logs[n - 1 - _LONG]) / (sigma * math.sqrt(_LONG)))
    values[5] = _squash(deviation / (sigma * math.sqrt((_LONG - 1.0) * (2.0 * _LONG - 1.0) / (6.0 * _LONG))))
    values[6] = _strength(logs)
    values[7] = _squash(_divergence(logs) / sigma)
    values[8] = _squash(math.log(sigma / overall))
    values[9] = _directional(rows)
    values[10] = _liquidity(rows)
    values[11] = _anomaly(last - logs[n - 2], earlier)
    return values, sigma


@kernel
def _squash(x: float) -> float:
    return x / (1.0 + abs(x))


@kernel
def _volatility(logs: Floats, decay: float) -> tuple[float, float, float]:
    """EWMA volatility with and without the last return, its weights summing to 1, and the plain root mean square."""
    total = 0.0
    weight = 0.0
    squares = 0.0
    earlier = 0.0
    for i in range(1, logs.shape[0]):
        earlier = math.sqrt(total / weight) if weight > 0.0 else 0.0
        square = (logs[i] - logs[i - 1]) ** 2
        total = decay * total + square
        weight = decay * weight + 1.0
        squares += square
    return math.sqrt(total / weight), earlier, math.sqrt(squares / (logs.shape[0] - 1))


@kernel
def _slope_and_deviation(logs: Floats) -> tuple[float, float]:
    """Least-squares slope per bar of the last 20 log closes, and the last one less their mean."""
    start = logs.shape[0] - _LONG
    last = logs[logs.shape[0] - 1]
    centre = (_LONG - 1) / 2.0
    moment = 0.0
    total = 0.0
    for i in range(_LONG):
        from_last = logs[start + i] - last
        moment += (i - centre) * from_last
        total += from_last
    return moment * 12.0 / (_LONG * (_LONG * _LONG - 1.0)), -total / _LONG


@kernel
def _strength(logs: Floats) -> float:
    gain = 0.0
    loss = 0.0
    for i in range(1, logs.shape[0]):
        move = logs[i] - logs[i - 1]
        gain += (max(move, 0.0) - gain) / _WILDER
        loss += (max(-move, 0.0) - loss) / _WILDER
    return (gain - loss) / (gain + loss) if gain + loss > 0.0 else 0.0


@kernel
def _divergence(logs: Floats) -> float:
    fast = 0.0
    slow = 0.0
    signal = 0.0
    for i in range(1, logs.shape[0]):
        from_first = logs[i] - logs[0]
        fast += (from_first - fast) * 2.0 / (_FAST + 1.0)
        slow += (from_first - slow) * 2.0 / (_SLOW + 1.0)
        signal += (fast - slow - signal) * 2.0 / (_SIGNAL + 1.0)
    return fast - slow - signal


@kernel
def _directional(rows: Floats) -> float:
    plus = 0.0
    minus = 0.0
    strength = 0.0
    for i in range(1, rows.shape[0]):
        up = math.log(rows[i, _HIGH] / rows[i - 1, _HIGH])
        down = math.log(rows[i - 1, _LOW] / rows[i, _LOW])
        plus += ((up if up > down and up > 0.0 else 0.0) - plus) / _WILDER
        minus += ((down if down > up and down > 0.0 else 0.0) - minus) / _WILDER
        both = plus + minus
        index = abs(plus - minus) / both if both > 0.0 else 0.0
        strength += (index - strength) / _WILDER
    return strength


@kernel
def _liquidity(rows: Floats) -> float:
    n = rows.shape[0]
    total = 0.0
    recent = 0.0
    for i in range(n):
        total += rows[i, _VOLUME]
        if i >= n - _RECENT:
            recent += rows[i, _VOLUME]
    if recent <= 0.0:
        return 0.0
    return _squash(math.log(recent / _RECENT / (total / n)))


@kernel
def _anomaly(move: float, earlier: float) -> float:
    """A first move after stillness is beyond every deviation."""
    if earlier == 0.0:
        return float(np.sign(move))
    excess = max(abs(move) / earlier - _ANOMALY_SIGMAS, 0.0)
    return math.copysign(_squash(excess), move)
