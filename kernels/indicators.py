"""Indicators of a symbol's bars, kept up one bar at a time: scale-free, in [-1, 1] with 0 neutral.

Everything is measured on log prices and divided by what it would be on a random walk of the current volatility, then
squashed by x / (1 + |x|). Mirrored prices (1/p, high and low swapped) flip the sign of the directional ones to rounding
and leave the others alone. Where closes did not move for 64 bars, all are 0.

| index | name | of | mirrored |
|---|---|---|---|
| 0-2 | return, return_5, return_10 | log return over 1, 5, 10 bars | flips |
| 3 | trend | least-squares slope of the last 20 log closes | flips |
| 4 | momentum | log return over 20 bars | flips |
| 5 | sma_ratio | log close less its mean over 20 bars | flips |
| 6 | rsi | RSI(14) mapped from [0, 100] to [-1, 1] (Wilder 1978) | flips |
| 7 | macd | MACD(12, 26) less its signal line (9) (Appel 1979) | flips |
| 8 | volatility | log of EWMA volatility over the root mean square return of the last 64 bars | stays |
| 9 | adx | ADX(14) over 100 (Wilder 1978), of log highs and lows | stays |
| 10 | liquidity | log of mean volume of the last 5 bars over that of the last 64 | stays |
| 11 | anomaly | last return beyond two standard deviations of those before it | flips |
| 12 | cycle | slope of the dominant Fourier component of 64 log closes (``kernels.cycle``) | flips |
| 13 | sigma | EWMA volatility of log returns per bar, its weights summing to 1; no indicator, but their unit | stays |

Averages with a memory (EWMA, Wilder, MACD) are recursions from the first bar. What looks back over a window (5, 10, 20
or 64 bars) is summed anew from a ring of the last 64 at each bar, so that nothing drifts, however long the run.
Volatility has its top at 0.67 and liquidity at 0.72: one bar of 64 that moves, five of 64 that trade.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.cycle import WINDOW as WINDOW
from kernels.cycle import _cycle
from kernels.jit import kernel

NAMES: Final = (
    "return", "return_5", "return_10", "trend", "momentum", "sma_ratio", "rsi", "macd",
    "volatility", "adx", "liquidity", "anomaly", "cycle", "sigma",
)  # fmt: skip
WIDTH: Final = len(NAMES)
_ANOMALY_SIGMAS: Final = 2.0
_LONG: Final = 20
_WILDER: Final = 14
_FAST: Final = 12
_SLOW: Final = 26
_SIGNAL: Final = 9
_RECENT: Final = 5

_COUNT: Final = 0
_TOP: Final = 1
_BOTTOM: Final = 2
_SQUARES: Final = 3
_WEIGHT: Final = 4
_EARLIER: Final = 5
_GAIN: Final = 6
_LOSS: Final = 7
_FAST_LAG: Final = 8
_SLOW_LAG: Final = 9
_SIGNAL_LINE: Final = 10
_PLUS: Final = 11
_MINUS: Final = 12
_STRENGTH: Final = 13
_MOVE: Final = 14
_LOGS: Final = 16
_VOLUMES: Final = _LOGS + 2 * WINDOW
STATE_SIZE: Final = _VOLUMES + 2 * WINDOW
"""Scalars, then two rings, each written twice, a window apart, so that the last 64 always lie in one piece."""


def initial() -> Floats:
    """Return the state of a symbol of which no bar was seen, shape (``STATE_SIZE``,)."""
    return np.zeros(STATE_SIZE)


def update(state: Floats, row: Sequence[float] | Floats, decay: float, values: Floats) -> bool:
    """Take one more bar into ``state`` and write the indicators at it into ``values``.

    Parameters
    ----------
    state
        What ``initial`` gave and earlier bars changed; changed in place.
    row
        Open, high, low, close, volume; prices positive, volume not negative, all finite.
    decay
        Weight of the past in the exponentially weighted variance, in [0, 1).
    values
        Where the ``WIDTH`` indicators go, in the order of ``NAMES``; left alone where there are none yet.

    Returns
    -------
    bool
        Whether ``WINDOW`` bars were seen, so that there are indicators.

    Raises
    ------
    ValueError
        A wrong shape, price, volume or decay; the state is as it was.
    """
    if state.shape != (STATE_SIZE,) or values.shape != (WIDTH,):
        raise ValueError(
            f"state of {state.shape} and values of {values.shape}, expected ({STATE_SIZE},) and ({WIDTH},)"
        )
    _, high, low, close, volume = row
    if not (0.0 < high < math.inf and 0.0 < low < math.inf and 0.0 < close < math.inf and 0.0 <= volume < math.inf):
        raise ValueError(f"bar {tuple(row)}, expected finite positive prices and a finite volume")
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay {decay}, expected 0 <= decay < 1")
    return bool(_update(state, high, low, close, volume, decay, values))


def last_return(state: Floats) -> float:
    """Return the log return that ended with the last bar, 0 where there was none before it."""
    return float(state[_MOVE])


def series(rows: Floats, decay: float) -> Floats:
    """Return the indicators at every bar, equal to the last bit to those of ``update`` fed bar by bar.

    Parameters
    ----------
    rows
        Bars, oldest first, shape (n, 5): open, high, low, close, volume; prices positive.
    decay
        As in ``update``.

    Returns
    -------
    Floats
        Shape (n, ``WIDTH``), columns in the order of ``NAMES``; the first ``WINDOW - 1`` rows are NaN: there are
        none yet.

    Raises
    ------
    ValueError
        A wrong shape, price, volume or decay.
    """
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise ValueError(f"bars of shape {rows.shape}, expected (n, 5)")
    if not (np.isfinite(rows).all() and (rows[:, :4] > 0.0).all() and (rows[:, 4] >= 0.0).all()):
        raise ValueError("bars with a price or a volume out of range, expected finite positive prices")
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay {decay}, expected 0 <= decay < 1")
    return _series(np.ascontiguousarray(rows), decay)


@kernel
def _series(rows: Floats, decay: float) -> Floats:
    values = np.full((rows.shape[0], WIDTH), np.nan)
    state = np.zeros(STATE_SIZE)
    for i in range(rows.shape[0]):
        _update(state, rows[i, 1], rows[i, 2], rows[i, 3], rows[i, 4], decay, values[i])
    return values


@kernel
def _update(state: Floats, high: float, low: float, close: float, volume: float, decay: float, values: Floats) -> bool:
    count = int(state[_COUNT])
    slot = count % WINDOW
    last = math.log(close)
    top = math.log(high)
    bottom = math.log(low)
    if count > 0:
        move = last - state[_LOGS + (count - 1) % WINDOW]
        _advance(state, move, decay)
        _advance_direction(state, top - state[_TOP], state[_BOTTOM] - bottom)
    state[_TOP] = top
    state[_BOTTOM] = bottom
    state[_LOGS + slot] = state[_LOGS + slot + WINDOW] = last
    state[_VOLUMES + slot] = state[_VOLUMES + slot + WINDOW] = volume
    state[_COUNT] = count + 1
    if count + 1 < WINDOW:
        return False
    start = slot + 1
    logs = state[_LOGS + start : _LOGS + start + WINDOW]
    volumes = state[_VOLUMES + start : _VOLUMES + start + WINDOW]
    _measure(state, logs, volumes, values)
    return True


@kernel
def _advance(state: Floats, move: float, decay: float) -> None:
    """Take a log return into everything that has a memory of its own."""
    state[_MOVE] = move
    if state[_WEIGHT] > 0.0:
        state[_EARLIER] = math.sqrt(state[_SQUARES] / state[_WEIGHT])
    state[_SQUARES] = decay * state[_SQUARES] + move * move
    state[_WEIGHT] = decay * state[_WEIGHT] + 1.0
    state[_GAIN] += (max(move, 0.0) - state[_GAIN]) / _WILDER
    state[_LOSS] += (max(-move, 0.0) - state[_LOSS]) / _WILDER
    # Averages less the last log close: the level of prices, which would only cost digits, never enters.
    state[_FAST_LAG] = (state[_FAST_LAG] - move) * (1.0 - 2.0 / (_FAST + 1.0))
    state[_SLOW_LAG] = (state[_SLOW_LAG] - move) * (1.0 - 2.0 / (_SLOW + 1.0))
    state[_SIGNAL_LINE] += (state[_FAST_LAG] - state[_SLOW_LAG] - state[_SIGNAL_LINE]) * 2.0 / (_SIGNAL + 1.0)


@kernel
def _advance_direction(state: Floats, up: float, down: float) -> None:
    """Take the moves of high and low into Wilder's directional movement."""
    state[_PLUS] += ((up if up > down and up > 0.0 else 0.0) - state[_PLUS]) / _WILDER
    state[_MINUS] += ((down if down > up and down > 0.0 else 0.0) - state[_MINUS]) / _WILDER
    both = state[_PLUS] + state[_MINUS]
    index = abs(state[_PLUS] - state[_MINUS]) / both if both > 0.0 else 0.0
    state[_STRENGTH] += (index - state[_STRENGTH]) / _WILDER


@kernel
def _measure(state: Floats, logs: Floats, volumes: Floats, values: Floats) -> None:
    values[:] = 0.0
    sigma = math.sqrt(state[_SQUARES] / state[_WEIGHT])
    overall = _root_mean_square(logs)
    values[13] = sigma
    if sigma == 0.0 or overall == 0.0:
        return
    last = logs[WINDOW - 1]
    move = last - logs[WINDOW - 2]
    values[0] = _squash(move / sigma)
    values[1] = _squash((last - logs[WINDOW - 6]) / (sigma * math.sqrt(5.0)))
    values[2] = _squash((last - logs[WINDOW - 11]) / (sigma * math.sqrt(10.0)))
    slope, deviation = _slope_and_deviation(logs)
    values[3] = _squash(slope * math.sqrt(5.0 * _LONG / 6.0) / sigma)
    values[4] = _squash((last - logs[WINDOW - 1 - _LONG]) / (sigma * math.sqrt(_LONG)))
    values[5] = _squash(deviation / (sigma * math.sqrt((_LONG - 1.0) * (2.0 * _LONG - 1.0) / (6.0 * _LONG))))
    swing = state[_GAIN] + state[_LOSS]
    values[6] = (state[_GAIN] - state[_LOSS]) / swing if swing > 0.0 else 0.0
    values[7] = _squash((state[_FAST_LAG] - state[_SLOW_LAG] - state[_SIGNAL_LINE]) / sigma)
    values[8] = _squash(math.log(sigma / overall))
    values[9] = state[_STRENGTH]
    values[10] = _liquidity(volumes)
    values[11] = _anomaly(move, state[_EARLIER])
    values[12] = _cycle(logs)


@kernel
def _squash(x: float) -> float:
    return x / (1.0 + abs(x))


@kernel
def _root_mean_square(logs: Floats) -> float:
    squares = 0.0
    for i in range(1, WINDOW):
        squares += (logs[i] - logs[i - 1]) ** 2
    return math.sqrt(squares / (WINDOW - 1))


@kernel
def _slope_and_deviation(logs: Floats) -> tuple[float, float]:
    """Least-squares slope per bar of the last 20 log closes, and the last one less their mean."""
    start = WINDOW - _LONG
    last = logs[WINDOW - 1]
    centre = (_LONG - 1) / 2.0
    moment = 0.0
    total = 0.0
    for i in range(_LONG):
        from_last = logs[start + i] - last
        moment += (i - centre) * from_last
        total += from_last
    return moment * 12.0 / (_LONG * (_LONG * _LONG - 1.0)), -total / _LONG


@kernel
def _liquidity(volumes: Floats) -> float:
    total = 0.0
    recent = 0.0
    for i in range(WINDOW):
        total += volumes[i]
        if i >= WINDOW - _RECENT:
            recent += volumes[i]
    if recent <= 0.0:
        return 0.0
    return _squash(math.log(recent / _RECENT / (total / WINDOW)))


@kernel
def _anomaly(move: float, earlier: float) -> float:
    """A first move after stillness is beyond every deviation."""
    if earlier == 0.0:
        return float(np.sign(move))
    excess = max(abs(move) / earlier - _ANOMALY_SIGMAS, 0.0)
    return math.copysign(_squash(excess), move)
