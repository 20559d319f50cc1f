"""Small quantum circuits, simulated exactly on a state vector.

"Quantum" means just this: 2**n complex amplitudes, multiplied by the unitary matrices of a list of gates. It is linear
algebra on an ordinary processor, and no speed-up is claimed over anything.

A circuit of g gates is an int64 array of rows (opcode, target, control) and a float64 array of g angles in radians.
Control is -1 where there is none; with one, the gate acts where the control qubit is 1. ``CNOT`` and ``CZ`` need a
control, and ``SWAP`` exchanges target and control. Angles count for RX, RY, RZ and PHASE and are 0 elsewhere. Qubit 0
is the most significant bit of an amplitude's index, so |01> of two qubits is index 1. A state has norm 1.

Matrices after Nielsen and Chuang, "Quantum Computation and Quantum Information" (2000), section 4.2:
R_k(t) = exp(-i t k / 2) for the Pauli matrices k, PHASE(t) = diag(1, exp(i t)), S = PHASE(pi/2), T = PHASE(pi/4).
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Complexes, Floats, Ints
from kernels.jit import kernel

H: Final = 0
X: Final = 1
Y: Final = 2
Z: Final = 3
S: Final = 4
T: Final = 5
RX: Final = 6
RY: Final = 7
RZ: Final = 8
PHASE: Final = 9
CNOT: Final = 10
CZ: Final = 11
SWAP: Final = 12
ALONE: Final = -1
"""The control of a gate that has none."""

MOST_QUBITS: Final = 20
NORM_TOLERANCE: Final = 1e-9
"""How far the squared norm of a state may be from 1."""

_HALF: Final = math.sqrt(0.5)


def run(gates: Ints, angles: Floats, qubits: int) -> Complexes:
    """Return the state that a circuit makes of |0...0>.

    Parameters
    ----------
    gates
        Rows of opcode, target and control, shape (g, 3).
    angles
        Finite, in radians, shape (g,).
    qubits
        n, from 1 to ``MOST_QUBITS``.

    Returns
    -------
    Complexes
        Amplitudes, shape (2**n,).

    Raises
    ------
    ValueError
        A gate that does not exist, is not on these qubits or has an angle that is not finite.

    Examples
    --------
    >>> bell = run(np.array([[H, 0, ALONE], [CNOT, 1, 0]]), np.zeros(2), 2)
    >>> probabilities(bell).round(12).tolist()
    [0.5, 0.0, 0.0, 0.5]
    """
    if not 1 <= qubits <= MOST_QUBITS:
        raise ValueError(f"{qubits} qubits: expected 1 to {MOST_QUBITS}")
    state = np.zeros(1 << qubits, np.complex128)
    state[0] = 1.0
    return apply(state, gates, angles)


def apply(state: Complexes, gates: Ints, angles: Floats) -> Complexes:
    """Return the state that a circuit makes of ``state``, shape (2**n,); arguments and errors are those of ``run``."""
    if gates.ndim != 2 or gates.shape[1] != 3 or angles.shape != gates.shape[:1] or state.ndim != 1:
        raise ValueError(
            f"gates {gates.shape}, angles {angles.shape}, state {state.shape}: expected (g, 3), (g,), (2**n,)"
        )
    result = _apply(np.ascontiguousarray(state), np.ascontiguousarray(gates), np.ascontiguousarray(angles))
    if not len(result):
        raise ValueError(
            f"gates {gates.tolist()}, angles {angles} on {len(state)} amplitudes: expected opcodes {H} to {SWAP}, "
            "qubits of the register, control unlike target, finite angles, and a state of norm 1"
        )
    return result


def check_gates(gates: Ints, angles: Floats, qubits: int) -> None:
    """Raise ValueError where a circuit is not what ``run`` says."""
    if gates.ndim != 2 or gates.shape[1] != 3 or angles.shape != gates.shape[:1] or not 1 <= qubits <= MOST_QUBITS:
        raise ValueError(
            f"gates {gates.shape}, angles {angles.shape}, {qubits} qubits: expected (g, 3), (g,), 1 to {MOST_QUBITS}"
        )
    if not _is_sound(np.ascontiguousarray(gates), np.ascontiguousarray(angles), qubits):
        raise ValueError(
            f"gates {gates.tolist()}, angles {angles} on {qubits} qubits: expected opcodes {H} to {SWAP}, qubits of "
            "the register, control unlike target, and finite angles"
        )


def inverse(gates: Ints, angles: Floats) -> tuple[Ints, Floats]:
    """Return the circuit that undoes a circuit: the gates in reverse, each turned back.

    Examples
    --------
    >>> inverse(np.array([[H, 0, ALONE], [S, 0, ALONE]]), np.zeros(2))[0].tolist() == [[PHASE, 0, -1], [H, 0, -1]]
    True
    """
    back, turned = gates[::-1].copy(), -angles[::-1]
    for opcode, angle in ((S, math.pi / 2), (T, math.pi / 4)):
        is_such = back[:, 0] == opcode
        back[is_such, 0] = PHASE
        turned[is_such] = -angle
    return back, turned


def probabilities(state: Complexes) -> Floats:
    """Return |amplitude|**2 of each basis state, shape (2**n,)."""
    result = _probabilities(np.ascontiguousarray(state))
    if not len(result):
        raise ValueError(f"probabilities of {state}, which is not a state: expected 2**n amplitudes of norm 1")
    return result


def fidelity(a: Complexes, b: Complexes) -> float:
    """Return |<a|b>|**2 of two states, in [0, 1]: 1 where they are the same up to a phase, 0 where orthogonal.

    Examples
    --------
    >>> fidelity(np.array([1.0 + 0j, 0.0]), np.array([0.6 + 0j, 0.8j]))
    0.36
    """
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"states of shapes {a.shape} and {b.shape}: expected two of the same (2**n,)")
    result = _fidelity(np.ascontiguousarray(a), np.ascontiguousarray(b))
    if math.isnan(result):
        raise ValueError("fidelity of what is not a state: expected 2**n amplitudes of norm 1")
    return result


@kernel
def apply_gate(
    out: Complexes, parts: Floats, opcode: int, target: int, control: int, angle: float, qubits: int
) -> None:
    """Multiply the state ``out`` by one gate, in place; ``parts`` is the same memory as floats. Nothing is checked."""
    step = 1 << (qubits - 1 - target)
    mask = 0 if control < 0 else 1 << (qubits - 1 - control)
    a, b, c, d = _matrix(opcode, angle)
    if opcode == SWAP:
        _mix(parts, 2 * mask, 2 * step, 0.0, 1.0, 1.0, 0.0)
        _mix(parts, 2 * step, 2 * mask, 0.0, 1.0, 1.0, 0.0)
        _mix(parts, 2 * mask, 2 * step, 0.0, 1.0, 1.0, 0.0)
    elif opcode in (H, X, RY, CNOT):
        _mix(parts, 2 * step, 2 * mask, a.real, b.real, c.real, d.real)
    elif opcode in (Y, RX):
        _mix(out, step, mask, a, b, c, d)
    else:
        _turn(out, step, mask, a, d)


@kernel
def _qubits(state: Complexes) -> int:
    """Return n where ``state`` is one of n qubits, of norm 1, and -1 where it is not; NaN fails the comparison."""
    total = 0.0
    for k in range(len(state)):
        total += state[k].real * state[k].real + state[k].imag * state[k].imag
    qubits = 0
    while 1 << qubits < len(state):
        qubits += 1
    return qubits if abs(total - 1.0) <= NORM_TOLERANCE and qubits > 0 and 1 << qubits == len(state) else -1


@kernel
def _is_sound(gates: Ints, angles: Floats, qubits: int) -> bool:
    for row in range(len(gates)):
        opcode, target, control = gates[row, 0], gates[row, 1], gates[row, 2]
        least = 0 if opcode >= CNOT else ALONE
        if not (H <= opcode <= SWAP and 0 <= target < qubits and least <= control < qubits and control != target):
            return False
        if not math.isfinite(angles[row]):
            return False
    return True


@kernel
def _apply(state: Complexes, gates: Ints, angles: Floats) -> Complexes:
    """Return the new state, of no amplitudes at all where an argument is unsound."""
    qubits = _qubits(state)
    if qubits < 0 or not _is_sound(gates, angles, qubits):
        return np.empty(0, np.complex128)
    out = state.copy()
    parts = out.view(np.float64)
    for row in range(len(gates)):
        apply_gate(out, parts, gates[row, 0], gates[row, 1], gates[row, 2], angles[row], qubits)
    return out


@kernel
def _matrix(opcode: int, angle: float) -> tuple[complex, complex, complex, complex]:
    """Return the rows of a gate's 2x2 matrix one after the other."""
    cosine, sine = math.cos(0.5 * angle), math.sin(0.5 * angle)
    if opcode == H:
        return complex(_HALF, 0.0), complex(_HALF, 0.0), complex(_HALF, 0.0), complex(-_HALF, 0.0)
    if opcode in (X, CNOT, SWAP):
        return 0j, complex(1.0, 0.0), complex(1.0, 0.0), 0j
    if opcode == Y:
        return 0j, complex(0.0, -1.0), complex(0.0, 1.0), 0j
    if opcode == RX:
        return complex(cosine, 0.0), complex(0.0, -sine), complex(0.0, -sine), complex(cosine, 0.0)
    if opcode == RY:
        return complex(cosine, 0.0), complex(-sine, 0.0), complex(sine, 0.0), complex(cosine, 0.0)
    if opcode == RZ:
        return complex(cosine, -sine), 0j, 0j, complex(cosine, sine)
    return complex(1.0, 0.0), 0j, 0j, _phase(opcode, angle)


@kernel
def _phase(opcode: int, angle: float) -> complex:
    """Return what a gate diag(1, phase) multiplies the amplitudes of 1 with."""
    if opcode == S:
        return complex(0.0, 1.0)
    if opcode == T:
        return complex(_HALF, _HALF)
    if opcode == PHASE:
        return complex(math.cos(angle), math.sin(angle))
    return complex(-1.0, 0.0)


@kernel
def _strides(size: int, step: int, mask: int) -> tuple[int, int]:
    """Return how far apart blocks, and runs in a block, of amplitudes lie where the control is 1 and the target 0."""
    if mask == 0:
        return size, step
    if step > mask:  # numba 0.68 cannot compile max(a, b) for a device
        return step, mask
    return mask, step


@kernel
def _mix(out: Floats | Complexes, step: int, mask: int, a: complex, b: complex, c: complex, d: complex) -> None:
    """Multiply by a matrix; a real one may treat real and imaginary parts alike, as plain floats, which is faster."""
    outer, inner = _strides(len(out), step, mask)
    for block in range(mask, len(out), 2 * outer):
        for start in range(block, block + outer, 2 * inner):
            zero, one = out[start : start + inner], out[start + step : start + step + inner]
            for k in range(inner):
                first, second = zero[k], one[k]
                zero[k] = a * first + b * second
                one[k] = c * first + d * second


@kernel
def _turn(out: Complexes, step: int, mask: int, a: complex, d: complex) -> None:
    """Multiply by a diagonal matrix; half the work where its first entry is 1."""
    outer, inner = _strides(len(out), step, mask)
    for block in range(mask, len(out), 2 * outer):
        for start in range(block, block + outer, 2 * inner):
            if a != 1.0:
                for k in range(start, start + inner):
                    out[k] *= a
            for k in range(start + step, start + step + inner):
                out[k] *= d


@kernel
def _probabilities(state: Complexes) -> Floats:
    """Return no probabilities at all where ``state`` is not one."""
    result = np.empty(len(state) if _qubits(state) > 0 else 0)
    for k in range(len(result)):
        result[k] = state[k].real * state[k].real + state[k].imag * state[k].imag
    return result


@kernel
def _fidelity(a: Complexes, b: Complexes) -> float:
    """Return NaN where one of them is not a state."""
    if _qubits(a) < 0 or _qubits(b) < 0:
        return math.nan
    real, imaginary = 0.0, 0.0
    for k in range(len(a)):
        real += a[k].real * b[k].real + a[k].imag * b[k].imag
        imaginary += a[k].real * b[k].imag - a[k].imag * b[k].real
    return min(real * real + imaginary * imaginary, 1.0)
