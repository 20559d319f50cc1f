"""Signs of a manipulated market in bars: one recursion, five statistics in standard deviations of their own past.

Each statistic is a number at the bar's close, compared with its exponentially weighted mean and deviation over the
bars before. With log return r, volume V, their baselines over ``memory`` bars, and place of the close in the range,

0. **toxicity**: VPIN (Easley, Lopez de Prado and O'Hara 2012). A bar's volume is split by bulk classification, buy
   share Phi(r / sigma), into buckets of the baseline volume; VPIN is the mean |buy - sell| / bucket of the last 20.
1. **impact**: log of Kyle's lambda (Kyle 1985), the slope of r on signed volume V place, over a fast memory against
   the slow one.
2. **churn**: log volume without a price move, z_V exp(-|z_r|): what wash trades look like on a tape.
3. **marking**: a price move without volume, |z_r| exp(-V / mean V): what a marked close looks like.
4. **pump**: sqrt(run * rise), run the return over a fast memory in deviations, rise its log volume above the baseline
   in deviations (after Kamps and Kleinberg 2018, price and volume both abnormal); its direction is that of the run.

Prices mirrored (1/p, high and low swapped) flip the direction and leave the statistics alone.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

DETECTORS: Final = ("toxicity", "impact", "churn", "marking", "pump")
BUCKETS: Final = 20

_SIGNALS: Final = 5
_BARS: Final = 0
_LOG: Final = 1
_SQUARE: Final = 2
_VOLUME: Final = 3
_SIZE: Final = 4
_SIZE_SQUARE: Final = 5
_RUN: Final = 6
_SURGE: Final = 7
_FAST_PRODUCT: Final = 8
_FAST_FLOW: Final = 9
_PRODUCT: Final = 10
_FLOW: Final = 11
_FILLED: Final = 12
_IMBALANCE: Final = 13
_NEXT: Final = 14
_FULL: Final = 15
_TRADED: Final = 16
_PAST: Final = 17
_RING: Final = _PAST + 2 * _SIGNALS
STATE_SIZE: Final = _RING + BUCKETS
"""Scalars, mean and variance of each statistic, then the ring of the last buckets' imbalances.

_SQUARE to _SIZE_SQUARE are slow means of r^2, V, ln V and its square; _RUN and _SURGE fast ones of r and ln V; products
are those of return and flow, flows of its square.
"""


class Signs(NamedTuple):
    """``scores``, shape (5,), are statistics in deviations above their own past, at least 0.

    ``run`` is the signed recent move in deviations.
    """

    scores: Floats
    run: float


def initial() -> Floats:
    """Return the state before any bar, shape (``STATE_SIZE``,)."""
    return np.zeros(STATE_SIZE)


def update(state: Floats, row: Floats, *, memory: float, fast: float) -> Signs:
    """Take one more bar into ``state`` and return its signs; all 0 while there is no baseline.

    Parameters
    ----------
    state
        As ``initial`` made it, changed in place.
    row
        (open, high, low, close, volume), prices positive, volume not negative, shape (5,).
    memory, fast
        Bars of the baseline and of a run, 1 <= fast < memory.
    """
    if state.shape != (STATE_SIZE,) or row.shape != (5,) or not 1.0 <= fast < memory:
        raise ValueError(
            f"state {state.shape}, row {row.shape}, fast {fast}, memory {memory}: "
            f"expected ({STATE_SIZE},), (5,) and 1 <= fast < memory"
        )
    scores = np.zeros(_SIGNALS)
    return Signs(scores, float(_update(state, row, float(memory), float(fast), scores)))


@kernel
def _update(state: Floats, row: Floats, memory: float, fast: float, scores: Floats) -> float:
    log = math.log(row[3])
    volume = row[4]
    bars = state[_BARS]
    move = log - state[_LOG] if bars > 0.0 else 0.0
    state[_BARS] = bars + 1.0
    state[_LOG] = log
    if bars < 1.0:
        return 0.0
    sigma = math.sqrt(state[_SQUARE])
    share = 1.0 / min(bars, memory)
    quick = 1.0 / min(bars, fast)
    z = move / sigma if sigma > 0.0 else 0.0
    high = math.log(row[1])
    low = math.log(row[2])
    place = ((log - high) + (log - low)) / (high - low) if high > low else 0.0
    mean = state[_VOLUME]
    spread = math.sqrt(max(state[_SIZE_SQUARE] - state[_SIZE] * state[_SIZE], 0.0))
    size = math.log(volume) if volume > 0.0 else state[_SIZE]
    rise = (size - state[_SIZE]) / spread if spread > 1e-9 else 0.0
    state[_RUN] += quick * (move - state[_RUN])
    state[_SURGE] += quick * (size - state[_SURGE])
    run = state[_RUN] * math.sqrt(2.0 * fast - 1.0) / sigma if sigma > 0.0 else 0.0
    if mean > 0.0 and sigma > 0.0:
        flow = place * min(volume / mean, 10.0)
        _impact(state, move / sigma, flow, quick, share)
        _fill(state, z, volume, mean)
        steady = (state[_SURGE] - state[_SIZE]) * math.sqrt(2.0 * fast - 1.0) / spread if spread > 1e-9 else 0.0
        found = np.zeros(_SIGNALS)
        found[0] = _mean_imbalance(state)
        found[1] = _slope(state)
        found[2] = max(rise, 0.0) * math.exp(-abs(z))
        found[3] = abs(z) * math.exp(-volume / mean)
        found[4] = math.sqrt(abs(run) * max(steady, 0.0))
        _judge(state, found, share, scores, bars >= memory / 2.0)
    # A baseline takes in a great move or volume only up to what it thinks possible, or one wild bar would blind it.
    bound = 25.0 * state[_SQUARE] if bars > fast else np.inf
    state[_SQUARE] += share * (min(move * move, bound) - state[_SQUARE])
    if volume > 0.0:
        state[_TRADED] += 1.0
        weight = 1.0 / min(state[_TRADED], memory)
        ceiling = 10.0 * mean if state[_TRADED] > fast else np.inf
        state[_VOLUME] += weight * (min(volume, ceiling) - state[_VOLUME])
        state[_SIZE] += weight * (size - state[_SIZE])
        state[_SIZE_SQUARE] += weight * (size * size - state[_SIZE_SQUARE])
    else:
        state[_VOLUME] -= share * state[_VOLUME]
    return run


@kernel
def _impact(state: Floats, move: float, flow: float, quick: float, share: float) -> None:
    state[_FAST_PRODUCT] += quick * (move * flow - state[_FAST_PRODUCT])
    state[_FAST_FLOW] += quick * (flow * flow - state[_FAST_FLOW])
    state[_PRODUCT] += share * (move * flow - state[_PRODUCT])
    state[_FLOW] += share * (flow * flow - state[_FLOW])


@kernel
def _slope(state: Floats) -> float:
    if state[_FAST_PRODUCT] <= 0.0 or state[_FAST_FLOW] <= 0.0 or state[_PRODUCT] <= 0.0 or state[_FLOW] <= 0.0:
        return 0.0
    return math.log(state[_FAST_PRODUCT] / state[_FAST_FLOW]) - math.log(state[_PRODUCT] / state[_FLOW])


@kernel
def _fill(state: Floats, z: float, volume: float, bucket: float) -> None:
    """Pour a bar's volume into buckets; one bar cannot fill more than the ring holds."""
    imbalance = math.erf(z / math.sqrt(2.0))
    rest = min(volume, BUCKETS * bucket)
    while rest > 0.0:
        part = min(rest, max(bucket - state[_FILLED], 0.0))
        state[_FILLED] += part
        state[_IMBALANCE] += part * imbalance
        rest -= part
        if state[_FILLED] >= bucket:
            state[_RING + int(state[_NEXT])] = abs(state[_IMBALANCE]) / state[_FILLED]
            state[_NEXT] = (state[_NEXT] + 1.0) % BUCKETS
            state[_FULL] = min(state[_FULL] + 1.0, float(BUCKETS))
            state[_FILLED] = state[_IMBALANCE] = 0.0


@kernel
def _mean_imbalance(state: Floats) -> float:
    total = 0.0
    for i in range(BUCKETS):
        total += state[_RING + i]
    return total / state[_FULL] if state[_FULL] > 0.0 else 0.0


@kernel
def _judge(state: Floats, found: Floats, share: float, scores: Floats, is_ready: bool) -> None:
    """Write how far each statistic is above its past, then let the past take it in, cut at five deviations."""
    for k in range(_SIGNALS):
        mean = state[_PAST + 2 * k]
        deviation = math.sqrt(state[_PAST + 2 * k + 1])
        gap = found[k] - mean
        if is_ready and deviation > 1e-12:
            scores[k] = max(gap / deviation, 0.0)
            gap = min(max(gap, -5.0 * deviation), 5.0 * deviation)
        state[_PAST + 2 * k] = mean + share * gap
        state[_PAST + 2 * k + 1] += share * ((1.0 - share) * gap * gap - state[_PAST + 2 * k + 1])
