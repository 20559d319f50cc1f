"""A typical circuit on 4 and 8 qubits, beside PennyLane's lightning.qubit, which is written in C++.

Both start at |0...0>, apply three layers of RY and RZ on each qubit and a ring of CNOT, and give back all amplitudes as
one numpy array. Two calls of the peer are measured, with device, QNode and tape made once. ``qnode`` is how it is used:
a function of the angles, without gradients and without an autograd interface, which is its fastest setting. ``tape``
leaves out all of that: a tape with its angles already in it goes straight to the device, as nobody could use it whose
angles change. Ours takes the arrays of gates and angles in either case.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pennylane as qml

from kernels import circuit
from kernels.arrays import Complexes, Floats, Ints
from kernels.circuit import ALONE, CNOT, RY, RZ

LAYERS: Final = 3
SIZES: Final = (4, 8)


def cases() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return our call and the peer's by name."""
    found: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    for qubits in SIZES:
        mine = ours(qubits)
        found[f"circuit of {qubits} qubits, qnode"] = (mine, qnode(qubits))
        found[f"circuit of {qubits} qubits, tape"] = (mine, tape(qubits))
    return found


def rotations(qubits: int) -> Floats:
    """Return angles of the RY and RZ of each layer and qubit, shape (layers, qubits, 2)."""
    return np.random.Generator(np.random.PCG64(1)).uniform(-np.pi, np.pi, (LAYERS, qubits, 2))


def layered(qubits: int) -> tuple[Ints, Floats]:
    """Return the gates and angles of the circuit as arrays."""
    gates, angles = [], []
    for layer in rotations(qubits):
        for qubit in range(qubits):
            gates += [(RY, qubit, ALONE), (RZ, qubit, ALONE)]
            angles += layer[qubit].tolist()
        gates += [(CNOT, (qubit + 1) % qubits, qubit) for qubit in range(qubits)]
        angles += [0.0] * qubits
    return np.array(gates), np.array(angles)


def ours(qubits: int) -> Callable[[], Complexes]:
    """Return the call of our kernel."""
    gates, angles = layered(qubits)
    return lambda: circuit.run(gates, angles, qubits)


def qnode(qubits: int) -> Callable[[], Complexes]:
    """Return the call of a QNode with the angles."""
    device = qml.device("lightning.qubit", wires=qubits)
    node = qml.QNode(_circuit, device, interface=None, diff_method=None)
    angles = rotations(qubits).tolist()
    return lambda: np.asarray(node(angles))


def tape(qubits: int) -> Callable[[], Complexes]:
    """Return the call of the device alone, with a tape that is ready."""
    device = qml.device("lightning.qubit", wires=qubits)
    with qml.queuing.AnnotatedQueue() as queue:
        _circuit(rotations(qubits).tolist())
    ready = qml.tape.QuantumScript.from_queue(queue)
    return lambda: np.asarray(device.execute(ready))


def _circuit(angles: list[list[list[float]]]) -> Any:
    for layer in angles:
        qubits = len(layer)
        for qubit in range(qubits):
            qml.RY(layer[qubit][0], qubit)
            qml.RZ(layer[qubit][1], qubit)
        for qubit in range(qubits):
            qml.CNOT([qubit, (qubit + 1) % qubits])
    return qml.state()
