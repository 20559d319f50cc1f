"""The quantum Fourier transform by its gates, and the encoding of numbers as amplitudes.

QFT |x> = 2**(-n/2) * sum_y exp(+2 pi i x y / 2**n) |y>, on n qubits. Of the amplitudes it is the discrete Fourier
transform with the sign +, which numpy calls the inverse one: ``numpy.fft.ifft(state, norm="ortho")``. For real
amplitudes the other sign is its complex conjugate, so that probabilities are the same. Made of n Hadamard gates,
n (n - 1) / 2 controlled phases and n // 2 swaps: Coppersmith 1994; Nielsen and Chuang 2000, section 5.1. It is
simulated exactly, as ``kernels.circuit`` says, and no speed-up is claimed over the fast Fourier transform.
"""

import math

import numpy as np

from kernels import circuit
from kernels.arrays import Complexes, Floats, Ints
from kernels.circuit import ALONE, MOST_QUBITS, PHASE, SWAP, H
from kernels.jit import kernel


def encode(values: Floats) -> Complexes:
    """Return the state whose amplitudes are in proportion to ``values``.

    Parameters
    ----------
    values
        Finite, in any unit, shape (m,), 1 <= m <= 2**``MOST_QUBITS``.

    Returns
    -------
    Complexes
        Shape (2**n,), the least n >= 1 that holds them; zeros follow the last value. Values that are all 0 say nothing
        of one place against another and give equal amplitudes, whose transform is |0...0>: no frequency at all.

    Examples
    --------
    >>> encode(np.array([3.0, 0.0, -4.0])).real.tolist()
    [0.6, 0.0, -0.8, 0.0]
    """
    if values.ndim != 1 or not 1 <= len(values) <= 1 << MOST_QUBITS or not np.isfinite(values).all():
        raise ValueError(f"values {values}: expected a finite vector of 1 to 2**{MOST_QUBITS}")
    return _encode(np.ascontiguousarray(values))


def gates(qubits: int) -> tuple[Ints, Floats]:
    """Return gates and angles of the transform on ``qubits``, for ``circuit.apply``.

    Examples
    --------
    >>> gates(2)[0].tolist() == [[H, 0, ALONE], [PHASE, 0, 1], [H, 1, ALONE], [SWAP, 0, 1]]
    True
    """
    if not 1 <= qubits <= MOST_QUBITS:
        raise ValueError(f"{qubits} qubits: expected 1 to {MOST_QUBITS}")
    return _gates(qubits)


def qft(state: Complexes) -> Complexes:
    """Return the quantum Fourier transform of a state of norm 1, shape (2**n,)."""
    rows, angles = gates(len(state).bit_length() - 1)
    return circuit.apply(state, rows, angles)


def inverse_qft(state: Complexes) -> Complexes:
    """Return the state whose transform is ``state``, by the same gates in reverse."""
    rows, angles = circuit.inverse(*gates(len(state).bit_length() - 1))
    return circuit.apply(state, rows, angles)


@kernel
def _encode(values: Floats) -> Complexes:
    size = 2
    while size < len(values):
        size *= 2
    state = np.zeros(size, np.complex128)
    largest = 0.0
    for k in range(len(values)):
        largest = max(largest, abs(values[k]))
    if largest == 0.0:
        state[:] = 1.0 / math.sqrt(size)
        return state
    total = 0.0
    for k in range(len(values)):
        total += (values[k] / largest) ** 2
    for k in range(len(values)):
        state[k] = complex(values[k] / largest / math.sqrt(total), 0.0)
    return state


@kernel
def _gates(qubits: int) -> tuple[Ints, Floats]:
    rows = np.full((qubits * (qubits + 1) // 2 + qubits // 2, 3), ALONE)
    angles = np.zeros(len(rows))
    row = 0
    for target in range(qubits):
        rows[row, 0], rows[row, 1] = H, target
        row += 1
        for control in range(target + 1, qubits):
            rows[row, 0], rows[row, 1], rows[row, 2] = PHASE, target, control
            angles[row] = math.pi / (1 << (control - target))
            row += 1
    for low in range(qubits // 2):
        rows[row, 0], rows[row, 1], rows[row, 2] = SWAP, low, qubits - 1 - low
        row += 1
    return rows, angles
