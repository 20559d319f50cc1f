"""What a crowd does with the last move, and what standing with or against that move has earned since.

One recursion over bars. With log returns r, their exponentially weighted variance sigma^2 and the drift p, their mean
over a memory of m bars, the direction d of bar t is the sign of p before the bar, and the crowd's action is

    a = d * sign(2 ln close - ln high - ln low):  1 chases the move, -1 fades it, 0 stands aside.

The bar's own action is known at its close. What the next return is worth to a desk that stands with the move, in units
of volatility and cut at 4 of them, d r(t+1) / sigma(t), is put into the cell of the action. Cells are discounted sums;
a cell's payoff is its mean shrunk to 0, sum / (count + shrinkage). Herding is the discounted mean of a, in [-1, 1].
Mirrored bars (1/p, high and low swapped) flip d and leave cells and herding alone.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

_BARS: Final = 0
_LOG: Final = 1
_SQUARES: Final = 2
_WEIGHT: Final = 3
_DRIFT: Final = 4
_DIRECTION: Final = 5
_ACTION: Final = 6
_CELLS: Final = 7
_HERD: Final = 11
_ACTED: Final = 12
STATE_SIZE: Final = 13
_MOST_SIGMAS: Final = 4.0
_ROUNDING: Final = 1e-12
"""A close this near the middle of its range took no side; a mirror must not make it take one."""


class Crowd(NamedTuple):
    """What was learned of the crowd so far.

    ``direction`` is that of the last move, -1, 0 or 1; ``chasing`` and ``fading`` are shrunk mean payoffs of standing
    with the move while the crowd chases or fades, in volatilities a bar, from ``chases`` and ``fades`` discounted bars.
    """

    direction: float
    chasing: float
    fading: float
    chases: float
    fades: float
    herding: float


def initial() -> Floats:
    """Return the state before any bar, shape (``STATE_SIZE``,)."""
    return np.zeros(STATE_SIZE)


def update(state: Floats, row: Floats, *, memory: int, decay: float, discount: float) -> None:
    """Take one more bar into ``state``.

    Parameters
    ----------
    state
        As ``initial`` made it, changed in place.
    row
        (open, high, low, close, volume), prices positive, shape (5,).
    memory
        Bars of the drift, at least 1.
    decay, discount
        Weight of the past in the variance, [0, 1), and in cells and herding, (0, 1].
    """
    if state.shape != (STATE_SIZE,) or row.shape != (5,):
        raise ValueError(f"state {state.shape} and row {row.shape}, expected ({STATE_SIZE},) and (5,)")
    if not (memory >= 1 and 0.0 <= decay < 1.0 and 0.0 < discount <= 1.0):
        raise ValueError(f"memory {memory}, decay {decay}, discount {discount}: expected >= 1, [0, 1), (0, 1]")
    _update(state, row, memory, decay, discount)


def read(state: Floats, shrinkage: float) -> Crowd:
    """Return what ``state`` says; ``shrinkage`` is the number of empty bars put into each cell, at least 0."""
    if state.shape != (STATE_SIZE,) or not shrinkage >= 0.0:
        raise ValueError(f"state {state.shape}, shrinkage {shrinkage}: expected ({STATE_SIZE},) and >= 0")
    chases, chased, fades, faded = state[_CELLS : _CELLS + 4].tolist()
    drift, acted = float(state[_DRIFT]), float(state[_ACTED])
    return Crowd(
        direction=math.copysign(1.0, drift) if drift else 0.0,
        chasing=chased / (chases + shrinkage) if chases > 0.0 else 0.0,
        fading=faded / (fades + shrinkage) if fades > 0.0 else 0.0,
        chases=chases,
        fades=fades,
        herding=float(state[_HERD]) / acted if acted > 0.0 else 0.0,
    )


@kernel
def _update(state: Floats, row: Floats, memory: int, decay: float, discount: float) -> None:
    log = math.log(row[3])
    bars = state[_BARS]
    move = log - state[_LOG] if bars > 0.0 else 0.0
    sigma = math.sqrt(state[_SQUARES] / state[_WEIGHT]) if state[_WEIGHT] > 0.0 else 0.0
    for k in range(_CELLS, STATE_SIZE):
        state[k] *= discount
    if state[_DIRECTION] != 0.0 and state[_ACTION] != 0.0 and sigma > 0.0:
        gain = state[_DIRECTION] * min(max(move / sigma, -_MOST_SIGMAS), _MOST_SIGMAS)
        cell = _CELLS if state[_ACTION] > 0.0 else _CELLS + 2
        state[cell] += 1.0
        state[cell + 1] += gain
    place = (log - math.log(row[1])) + (log - math.log(row[2]))
    place = place if abs(place) > _ROUNDING else 0.0
    direction = np.sign(state[_DRIFT])
    action = direction * np.sign(place)
    if action != 0.0:
        state[_HERD] += action
        state[_ACTED] += 1.0
    if bars > 0.0:
        state[_SQUARES] = decay * state[_SQUARES] + move * move
        state[_WEIGHT] = decay * state[_WEIGHT] + 1.0
        state[_DRIFT] += (move - state[_DRIFT]) / min(bars, float(memory))
    state[_BARS] = bars + 1.0
    state[_LOG] = log
    # The desk stands with the move as it now is, so the direction of the next payoff is today's.
    state[_DIRECTION] = np.sign(state[_DRIFT])
    state[_ACTION] = action
