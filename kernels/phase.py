"""Reading a cycle by a Fourier transform: residuals from a line, their transform, and the dominant frequency."""

import math
from typing import Final

import numpy as np

from kernels import cycle
from kernels.arrays import Complexes, Floats, Ints
from kernels.circuit import apply_gate
from kernels.fourier import _encode
from kernels.jit import kernel

_TIE: Final = 1e-9
"""Probabilities closer than this are equal, so that rounding does not choose between them."""


def residuals(values: Floats) -> Floats:
    """Return what a least-squares line over the index leaves of ``values``, in reverse: the last one first.

    Parameters
    ----------
    values
        Oldest first, shape (n,), n >= 2.

    Examples
    --------
    >>> residuals(np.array([0.0, 3.0, 0.0])).tolist()
    [-1.0, 2.0, -1.0]
    """
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values of shape {values.shape}, expected (n,) with n >= 2")
    return cycle.residuals(values)


def dominant(amplitudes: Complexes) -> tuple[int, float, float]:
    """Return the likeliest frequency k of a transform of real values, its probability, and -probability sin(arg X_k).

    Parameters
    ----------
    amplitudes
        X, shape (n,), n even. Frequencies k and n - k are one; that of 0 does not count. The lowest of equals wins.

    Returns
    -------
    frequency, share, rise
        k from 1 to n / 2; |X_k|^2 + |X_(n-k)|^2 (|X_k|^2 alone at n / 2); minus it times the sine of the phase.
    """
    if amplitudes.ndim != 1 or len(amplitudes) < 2 or len(amplitudes) % 2:
        raise ValueError(f"amplitudes of shape {amplitudes.shape}, expected an even number")
    return _dominant(amplitudes)


def read(values: Floats, gates: Ints, angles: Floats, still: float) -> tuple[int, float, float]:
    """Return what ``dominant`` says of the transform of the residuals of ``values``, in one call.

    Parameters
    ----------
    values
        Oldest first, finite, shape (2**n,), n >= 1.
    gates, angles
        Of the transform on n qubits (``kernels.fourier.gates``).
    still
        Where no residual is as large there is no cycle: frequency 0.
    """
    size = len(values)
    if values.ndim != 1 or size < 2 or size & (size - 1) or gates.ndim != 2 or angles.shape != gates.shape[:1]:
        raise ValueError(f"values {values.shape}, gates {gates.shape}, angles {angles.shape}: expected (2**n,), (g, 3)")
    frequency, share, rise = _read(values, gates, angles, still)
    if frequency < 0:
        raise ValueError(f"values {values}: expected finite numbers")
    return frequency, float(share), float(rise)


@kernel
def _read(values: Floats, gates: Ints, angles: Floats, still: float) -> tuple[int, float, float]:
    """Return frequency -1 where a residual is not finite."""
    rest = cycle.residuals(values)
    largest = 0.0
    for k in range(len(rest)):
        if not math.isfinite(rest[k]):
            return -1, 0.0, 0.0
        largest = max(largest, abs(rest[k]))
    if largest < still:
        return 0, 0.0, 0.0
    state = _encode(rest)
    parts = state.view(np.float64)
    qubits = 0
    while 1 << qubits < len(state):
        qubits += 1
    for row in range(len(gates)):
        apply_gate(state, parts, gates[row, 0], gates[row, 1], gates[row, 2], angles[row], qubits)
    return _dominant(state)


@kernel
def _dominant(amplitudes: Complexes) -> tuple[int, float, float]:
    half = len(amplitudes) // 2
    frequency = 0
    share = 0.0
    for k in range(1, half + 1):
        own = amplitudes[k].real ** 2 + amplitudes[k].imag ** 2
        if k < half:
            own *= 2.0
        if own > share + _TIE:
            frequency, share = k, own
    if frequency == 0:
        return 0, 0.0, 0.0
    phase = math.atan2(amplitudes[frequency].imag, amplitudes[frequency].real)
    return frequency, share, -share * math.sin(phase)
