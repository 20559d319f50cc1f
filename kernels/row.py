"""One item of a batch: functions of one row each, without allocation, so that processor and GPU compile the same code.

A row writes its answer where it is told to, or returns a number. Arguments are taken as checked: ``kernels.batch``
checks a whole batch at once.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Complexes, Floats, Ints
from kernels.circuit import apply_gate
from kernels.jit import kernel
from kernels.tail import keep_worst, mean_of_tail

_WORD: Final = 0xFFFFFFFF
_GOLDEN: Final = 0x9E3779B9
"""2**32 over the golden ratio, so that neighbouring counters are far apart (Knuth, TAOCP 3, section 6.4)."""


@kernel
def pool(prior: Floats, beliefs: Floats, stakes: Floats, out: Floats) -> None:
    """Write the logarithmic pool prior^(1 - sum of stakes) * product of belief_i^stake_i, normalised, to ``out``."""
    outcomes = prior.shape[0]
    rest = 1.0
    for i in range(stakes.shape[0]):
        rest -= stakes[i]
    top = -math.inf
    for k in range(outcomes):
        out[k] = rest * math.log(prior[k])
        for i in range(stakes.shape[0]):
            out[k] += stakes[i] * math.log(beliefs[i, k])
        if out[k] > top:  # numba 0.68 cannot compile max(a, b) for a device
            top = out[k]
    total = 0.0
    for k in range(outcomes):
        out[k] = math.exp(out[k] - top)
        total += out[k]
    for k in range(outcomes):
        out[k] /= total


@kernel
def shortfall(losses: Floats, tail: float, worst: Floats) -> float:
    """Return the mean of the greatest ``tail`` losses, a number of observations that need not be whole.

    ``worst`` is room for floor(tail) + 1 numbers, or for all losses where they are fewer.
    """
    keep_worst(losses, worst)
    return mean_of_tail(worst, int(tail), tail)


@kernel
def circuit(gates: Ints, angles: Floats, state: Complexes) -> None:
    """Write the state that a circuit makes of |0...0> to ``state``; gates as in ``kernels.circuit``."""
    qubits = 0
    while 1 << qubits < state.shape[0]:
        qubits += 1
    for k in range(state.shape[0]):
        state[k] = 0.0
    state[0] = 1.0
    parts = state.view(np.float64)
    for i in range(gates.shape[0]):
        apply_gate(state, parts, gates[i, 0], gates[i, 1], gates[i, 2], angles[i], qubits)


@kernel
def scrambled(word: int) -> int:
    """Return a 32-bit hash of a 32-bit number (Wellons 2018, "lowbias32"): every bit hangs on every other."""
    word = ((word ^ (word >> 16)) * 0x7FEB352D) & _WORD
    word = ((word ^ (word >> 15)) * 0x846CA68B) & _WORD
    return word ^ (word >> 16)


@kernel
def resampled_mean(values: Floats, restart: float, seed: int, draw: int) -> float:
    """Return the mean of resample ``draw`` of a series by the stationary bootstrap (Politis and Romano 1994).

    A block goes on with probability 1 - ``restart``, around the end of the series to its start. Random numbers are
    hashes of (seed, draw, position), so a resample is the same wherever and in whatever order it is drawn.
    """
    size = values.shape[0]
    key = scrambled((scrambled(seed & _WORD) + draw * _GOLDEN) & _WORD)
    at = 0
    total = 0.0
    for t in range(size):
        coin = scrambled((key + (2 * t) * _GOLDEN) & _WORD)
        if t == 0 or coin < restart * 4294967296.0:
            at = (scrambled((key + (2 * t + 1) * _GOLDEN) & _WORD) * size) >> 32
        else:
            at += 1
            if at == size:
                at = 0
        total += values[at]
    mean: float = total / size
    return mean
