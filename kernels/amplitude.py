"""Amplitude amplification: how much of a state's weight is turned to the marked basis states, and in how many steps.

With a the probability of the marked ones in the state |s> and theta = asin sqrt(a), one step is (2 |s><s| - 1) times a
change of sign of the marked amplitudes: a rotation by 2 theta in the plane of the marked and the unmarked part of |s>.
After k = floor(pi / (4 theta)) steps the probability of the marked ones is sin^2((2 k + 1) theta), next to 1 where a is
small. Brassard, Hoyer, Mosca and Tapp, "Quantum amplitude amplification and estimation" (2002); equal amplitudes are
Grover's search (1996). Every step is simulated exactly, as ``kernels.circuit`` says, which takes time in proportion to
k times the number of amplitudes: to sum up the marked probabilities is faster.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Bools, Complexes, Floats
from kernels.circuit import NORM_TOLERANCE
from kernels.jit import kernel

LEAST_PROBABILITY: Final = 1e-6
"""With less than this on the marked states there is nothing to amplify: 785 steps would be too few."""


def amplify(state: Complexes, marked: Bools) -> tuple[Complexes, int, float]:
    """Return the amplified state, the number of steps k, and the probability of the marked basis states in it.

    Parameters
    ----------
    state
        Amplitudes of norm 1, shape (m,).
    marked
        Which basis states are sought, shape (m,).

    Returns
    -------
    state, steps, probability
        With nothing marked, or less than ``LEAST_PROBABILITY``: the state as it is, 0 steps, what there was. With all
        marked: the state as it is, 0 steps, 1.

    Examples
    --------
    >>> _, steps, probability = amplify(np.full(4, 0.5 + 0j), np.array([False, True, False, False]))
    >>> steps, round(probability, 12)
    (1, 1.0)
    """
    if state.ndim != 1 or marked.shape != state.shape or marked.dtype != np.bool_:
        raise ValueError(
            f"state {state.shape}, marked {marked.shape} of {marked.dtype}: expected (m,) and (m,) of bool"
        )
    result, steps, probability = _amplify(np.ascontiguousarray(state), np.ascontiguousarray(marked))
    if steps < 0:
        raise ValueError(f"{state} is not a state: expected norm 1")
    return result, steps, probability


@kernel
def amplify_real(state: Floats, marked: Bools, out: Floats) -> tuple[int, float]:
    """Write what ``amplify`` makes of a state of real amplitudes to ``out``; return steps and probability.

    -1 steps where ``state`` is not one. Shapes are not checked.
    """
    start, rest = 0.0, 0.0
    for k in range(len(state)):
        out[k] = state[k]
        if marked[k]:
            start += state[k] * state[k]
        else:
            rest += state[k] * state[k]
    if not abs(start + rest - 1.0) <= NORM_TOLERANCE:
        return -1, 0.0
    if start < LEAST_PROBABILITY:
        return 0, start
    steps = int(math.pi / (4.0 * math.atan2(math.sqrt(start), math.sqrt(rest))))
    for _ in range(steps):
        overlap = 0.0
        for k in range(len(out)):
            out[k] = -out[k] if marked[k] else out[k]
            overlap += state[k] * out[k]
        for k in range(len(out)):
            out[k] = 2.0 * overlap * state[k] - out[k]
    found = 0.0
    for k in range(len(out)):
        if marked[k]:
            found += out[k] * out[k]
    return steps, min(found, 1.0)


@kernel
def _weight(state: Complexes, marked: Bools, side: bool) -> float:
    total = 0.0
    for k in range(len(state)):
        if marked[k] == side:
            total += state[k].real * state[k].real + state[k].imag * state[k].imag
    return total


@kernel
def _amplify(state: Complexes, marked: Bools) -> tuple[Complexes, int, float]:
    """Return -1 steps where ``state`` is not one."""
    start, rest = _weight(state, marked, True), _weight(state, marked, False)
    out = state.copy()
    if not abs(start + rest - 1.0) <= NORM_TOLERANCE:
        return out, -1, 0.0
    if start < LEAST_PROBABILITY:
        return out, 0, start
    steps = int(math.pi / (4.0 * math.atan2(math.sqrt(start), math.sqrt(rest))))
    for _ in range(steps):
        overlap = 0j
        for k in range(len(out)):
            if marked[k]:
                out[k] = -out[k]
            overlap += state[k].conjugate() * out[k]
        for k in range(len(out)):
            out[k] = 2.0 * overlap * state[k] - out[k]
    return out, steps, min(_weight(out, marked, True), 1.0)
