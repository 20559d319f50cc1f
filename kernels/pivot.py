"""Swings of a symbol, and its average true range, kept up one bar at a time.

A bar is a swing high when its high is above those of the two bars before it and not below those of the two after it;
it is confirmed, and known, with the second. Swing lows mirror that; a bar that is both tells no order and is neither.
Swings alternate: of two of a kind in a row the more extreme stands, and one that lies beyond the last of the other kind
waits for the next. The legs are the last rise (low before high) and the last fall (high before low); a rise whose low
was undercut by a later swing low is void, and a fall whose high was exceeded. ATR is Wilder's (1978), over 14 bars.

All is linear in price: prices mirrored about any level (p to c - p, high and low swapped) mirror every swing.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

Sign: TypeAlias = Literal[1, -1]

ATR_BARS: Final = 14
RISE: Final = 0
FALL: Final = 4
ATR: Final = 8
WIDTH: Final = 9
"""Of each leg: start, its bar, end, its bar."""

_COUNT: Final = 9
_KIND: Final = 10
_LAST: Final = 11
_LAST_BAR: Final = 12
_EARLIER: Final = 13
_EARLIER_BAR: Final = 14
_CLOSE: Final = 15
_RANGES: Final = 16
_HIGHS: Final = 17
_LOWS: Final = 22
_SPAN: Final = 5
STATE_SIZE: Final = _LOWS + _SPAN


class Leg(NamedTuple):
    """Two confirmed swings in order; bars count from the first one seen, 0."""

    start: float
    start_bar: int
    end: float
    end_bar: int


def initial() -> Floats:
    """Return the state of a symbol of which no bar was seen, shape (``STATE_SIZE``,)."""
    state = np.zeros(STATE_SIZE)
    state[:WIDTH] = np.nan
    return state


def update(state: Floats, row: Sequence[float] | Floats) -> None:
    """Take one more bar into ``state``.

    Parameters
    ----------
    state
        What ``initial`` gave and earlier bars changed; changed in place.
    row
        Open, high, low, close, volume; prices positive and finite, the close within the range.

    Raises
    ------
    ValueError
        A wrong shape or price; the state is as it was.
    """
    if state.shape != (STATE_SIZE,):
        raise ValueError(f"state of shape {state.shape}, expected ({STATE_SIZE},)")
    _, high, low, close, _ = row
    if not 0.0 < low <= close <= high < math.inf:
        raise ValueError(f"bar {tuple(row)}, expected finite prices with 0 < low <= close <= high")
    _update(state, high, low, close)


def series(rows: Floats) -> Floats:
    """Return legs and ATR after every bar, equal to the last bit to those of ``update`` fed bar by bar.

    Parameters
    ----------
    rows
        Bars, oldest first, shape (n, 5): open, high, low, close, volume, as in ``update``.

    Returns
    -------
    Floats
        Shape (n, ``WIDTH``): from ``RISE`` and ``FALL`` on start, its bar, end, its bar; in ``ATR`` the range. NaN
        where there is none yet.
    """
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise ValueError(f"bars of shape {rows.shape}, expected (n, 5)")
    high, low, close = rows[:, 1], rows[:, 2], rows[:, 3]
    if not ((low > 0.0) & (low <= close) & (close <= high) & (high < math.inf)).all():
        raise ValueError("bars out of range, expected finite prices with 0 < low <= close <= high")
    return _series(np.ascontiguousarray(rows, np.float64), initial())


def leg(state: Floats, side: Sign) -> Leg | None:
    """Return the last rise (``side`` 1) or fall (-1) that stands; None where there is none."""
    at = RISE if side == 1 else FALL
    if math.isnan(state[at]):
        return None
    return Leg(float(state[at]), int(state[at + 1]), float(state[at + 2]), int(state[at + 3]))


def atr(state: Floats) -> float:
    """Return the average true range, in price; NaN before ``ATR_BARS`` bars."""
    return float(state[ATR])


@kernel
def _series(rows: Floats, state: Floats) -> Floats:
    values = np.empty((rows.shape[0], WIDTH))
    for i in range(rows.shape[0]):
        _update(state, rows[i, 1], rows[i, 2], rows[i, 3])
        values[i] = state[:WIDTH]
    return values


@kernel
def _update(state: Floats, high: float, low: float, close: float) -> None:
    count = int(state[_COUNT])
    _take_range(state, count, high, low)
    for i in range(_SPAN - 1):
        state[_HIGHS + i] = state[_HIGHS + i + 1]
        state[_LOWS + i] = state[_LOWS + i + 1]
    state[_HIGHS + _SPAN - 1] = high
    state[_LOWS + _SPAN - 1] = low
    state[_CLOSE] = close
    state[_COUNT] = count + 1
    if count + 1 < _SPAN:
        return
    top = _is_swing(state, _HIGHS, 1.0)
    bottom = _is_swing(state, _LOWS, -1.0)
    if top and not bottom:
        _turn(state, 1.0, state[_HIGHS + 2], count - 2.0)
    elif bottom and not top:
        _turn(state, -1.0, state[_LOWS + 2], count - 2.0)


@kernel
def _take_range(state: Floats, count: int, high: float, low: float) -> None:
    true_range = high - low
    if count > 0:
        true_range = max(true_range, abs(high - state[_CLOSE]), abs(low - state[_CLOSE]))
    if count >= ATR_BARS:
        state[ATR] += (true_range - state[ATR]) / ATR_BARS
        return
    state[_RANGES] += true_range
    if count == ATR_BARS - 1:
        state[ATR] = state[_RANGES] / ATR_BARS


@kernel
def _is_swing(state: Floats, start: int, sign: float) -> bool:
    centre = sign * state[start + 2]
    return bool(
        centre > sign * state[start]
        and centre > sign * state[start + 1]
        and centre >= sign * state[start + 3]
        and centre >= sign * state[start + 4]
    )


@kernel
def _turn(state: Floats, kind: float, price: float, bar: float) -> None:
    """Take a confirmed swing into the alternating sequence, and the leg it ends."""
    last = state[_KIND]
    if last == kind:
        if kind * price <= kind * state[_LAST]:
            return
    elif last != 0.0:
        if kind * price <= kind * state[_LAST]:
            return
        state[_EARLIER] = state[_LAST]
        state[_EARLIER_BAR] = state[_LAST_BAR]
    else:
        state[_EARLIER] = np.nan
    state[_KIND] = kind
    state[_LAST] = price
    state[_LAST_BAR] = bar
    ended = RISE if kind > 0.0 else FALL
    other = FALL if kind > 0.0 else RISE
    if not np.isnan(state[_EARLIER]):
        state[ended] = state[_EARLIER]
        state[ended + 1] = state[_EARLIER_BAR]
        state[ended + 2] = price
        state[ended + 3] = bar
    if kind * price > kind * state[other]:  # never true of NaN: no such leg
        state[other : other + 4] = np.nan
