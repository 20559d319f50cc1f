"""Two qubits, a long leg and a short leg, after five gates: how likely each of them is found to be held.

The gates are RY on the long leg, RY on the short leg where the long one is held, CNOT on the long leg where the short
one is held, and RY on either; they are simulated exactly, as ``kernels.circuit`` says.
"""

import math
from typing import Final

import numpy as np

from kernels.circuit import ALONE, CNOT, RY, apply_gate
from kernels.jit import kernel

_LONG: Final = 0
_SHORT: Final = 1


def measured(action: float, turn: float, longward: float, shortward: float) -> tuple[float, float, float, float]:
    """Return the probabilities that no leg, the short one, the long one or both are held.

    Parameters
    ----------
    action, turn
        Angles of the first two gates, finite, in radians.
    longward, shortward
        Those of the last two, on the long and on the short leg.

    Examples
    --------
    >>> [round(p, 12) for p in measured(math.pi / 2, 0.0, 0.0, 0.0)]
    [0.5, 0.0, 0.5, 0.0]
    """
    if not math.isfinite(action + turn + longward + shortward):
        raise ValueError(f"angles {action}, {turn}, {longward}, {shortward}: expected finite ones")
    neither, short, long, both = _measured(action, turn, longward, shortward)
    return float(neither), float(short), float(long), float(both)


@kernel
def _measured(action: float, turn: float, longward: float, shortward: float) -> tuple[float, float, float, float]:
    state = np.zeros(4, np.complex128)
    state[0] = 1.0
    parts = state.view(np.float64)
    apply_gate(state, parts, RY, _LONG, ALONE, action, 2)
    apply_gate(state, parts, RY, _SHORT, _LONG, turn, 2)
    apply_gate(state, parts, CNOT, _LONG, _SHORT, 0.0, 2)
    apply_gate(state, parts, RY, _LONG, ALONE, longward, 2)
    apply_gate(state, parts, RY, _SHORT, ALONE, shortward, 2)
    return (
        parts[0] * parts[0] + parts[1] * parts[1],
        parts[2] * parts[2] + parts[3] * parts[3],
        parts[4] * parts[4] + parts[5] * parts[5],
        parts[6] * parts[6] + parts[7] * parts[7],
    )
