"""Circuits on a state vector, against dense matrices built by Kronecker products."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import circuit as module
from kernels.arrays import Complexes, Floats, Ints
from kernels.circuit import (
    ALONE,
    CNOT,
    CZ,
    MOST_QUBITS,
    PHASE,
    RX,
    RY,
    RZ,
    SWAP,
    H,
    S,
    T,
    X,
    Y,
    Z,
    apply,
    fidelity,
    inverse,
    probabilities,
    run,
)

SINGLE = (H, X, Y, Z, S, T, RX, RY, RZ, PHASE)
PAIRED = (CNOT, CZ, SWAP)
PAULI = {
    RX: np.array([[0, 1], [1, 0]]),
    RY: np.array([[0, -1j], [1j, 0]]),
    RZ: np.array([[1, 0], [0, -1]]),
}
Circuit = tuple[Ints, Floats, int]


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    qubits = draw(st.integers(1, 5))
    steps = []
    for _ in range(draw(st.integers(0, 12))):
        opcode = draw(st.sampled_from(SINGLE + PAIRED if qubits > 1 else SINGLE))
        target = draw(st.integers(0, qubits - 1))
        others = [qubit for qubit in range(qubits) if qubit != target]
        control = draw(st.sampled_from(others if opcode in PAIRED else [ALONE, *others]))
        steps.append((opcode, target, control, draw(st.floats(-7, 7))))
    gates = np.array([step[:3] for step in steps], np.int64).reshape(-1, 3)
    return gates, np.array([step[3] for step in steps]), qubits


def dense(opcode: int, angle: float) -> Complexes:
    """Return the matrix of a gate as the books print it; rotations as matrix exponentials of their Pauli matrix."""
    if opcode in PAULI:
        values, vectors = np.linalg.eigh(PAULI[opcode])
        turned: Complexes = vectors @ np.diag(np.exp(-0.5j * angle * values)) @ vectors.conj().T
        return turned
    rows: dict[int, Any] = {
        H: np.array([[1, 1], [1, -1]]) / math.sqrt(2),
        Y: PAULI[RY],
        S: np.diag([1, 1j]),
        T: np.diag([1, np.exp(0.25j * math.pi)]),
        PHASE: np.diag([1, np.exp(1j * angle)]),
    }
    rows |= dict.fromkeys((X, CNOT), PAULI[RX]) | dict.fromkeys((Z, CZ), PAULI[RZ])
    return np.asarray(rows[opcode], np.complex128)


def whole(gate: Ints, angle: float, qubits: int) -> Complexes:
    """Return the matrix of a gate on all qubits: P0 x 1 + P1 x U, wherever control and target are."""
    opcode, target, control = (int(each) for each in gate)
    if opcode == SWAP:
        first, second = (np.array([CNOT, *pair]) for pair in ((target, control), (control, target)))
        return whole(first, 0.0, qubits) @ whole(second, 0.0, qubits) @ whole(first, 0.0, qubits)
    factors = [np.eye(2, dtype=np.complex128) for _ in range(qubits)]
    factors[target] = dense(opcode, angle)
    if control == ALONE:
        return product(factors)
    factors[control] = np.diag([0, 1]).astype(np.complex128)
    idle = [np.eye(2, dtype=np.complex128) for _ in range(qubits)]
    idle[control] = np.diag([1, 0]).astype(np.complex128)
    return product(factors) + product(idle)


def product(factors: list[Complexes]) -> Complexes:
    result: Complexes = np.eye(1, dtype=np.complex128)
    for factor in factors:
        result = np.kron(result, factor).astype(np.complex128)
    return result


def ground(qubits: int) -> Complexes:
    state = np.zeros(1 << qubits, np.complex128)
    state[0] = 1
    return state


def random_state(qubits: int, seed: int) -> Complexes:
    draw = np.random.default_rng(seed)
    raw = draw.normal(size=1 << qubits) + 1j * draw.normal(size=1 << qubits)
    state: Complexes = raw / np.linalg.norm(raw)
    return state


@settings(deadline=None, max_examples=80)
@given(circuits(), st.integers(0, 99))
def test_a_circuit_is_the_product_of_its_dense_matrices(case: Circuit, seed: int) -> None:
    gates, angles, qubits = case
    start = random_state(qubits, seed)
    expected = start.copy()
    for gate, angle in zip(gates, angles, strict=True):
        expected = whole(gate, angle, qubits) @ expected
    found = apply(start, gates, angles)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-13)
    np.testing.assert_array_equal(start, random_state(qubits, seed))


@pytest.mark.parametrize("opcode", SINGLE)
@pytest.mark.parametrize("control", [ALONE, 0, 3])
def test_every_gate_with_and_without_control(opcode: int, control: int) -> None:
    gate, start = np.array([[opcode, 1, control]]), random_state(4, 7)
    found = apply(start, gate, np.array([0.7]))
    np.testing.assert_allclose(found, whole(gate[0], 0.7, 4) @ start, atol=1e-14)
    assert not np.allclose(found, start)


@settings(deadline=None, max_examples=60)
@given(circuits())
def test_the_inverse_circuit_leads_back(case: Circuit) -> None:
    gates, angles, qubits = case
    np.testing.assert_allclose(apply(run(*case), *inverse(gates, angles)), ground(qubits), atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(circuits())
def test_the_kernels_in_python_agree(case: Circuit) -> None:
    gates, angles, qubits = case
    found = run(*case)
    plain = cast("Any", module._apply).py_func(ground(qubits), gates, angles)
    np.testing.assert_allclose(plain, found, atol=1e-15)
    chances = cast("Any", module._probabilities).py_func(found)
    np.testing.assert_allclose(chances, probabilities(found), atol=1e-15)
    other = random_state(qubits, 5)
    overlap = cast("Any", module._fidelity).py_func(found, other)
    assert overlap == pytest.approx(fidelity(found, other), abs=1e-15)


@settings(deadline=None, max_examples=40)
@given(circuits(), st.integers(0, 99), st.floats(-4, 4))
def test_fidelity_is_the_squared_overlap_whatever_the_phase(case: Circuit, seed: int, phase: float) -> None:
    gates, angles, qubits = case
    a, b = random_state(qubits, seed), random_state(qubits, seed + 1)
    assert fidelity(a, b) == pytest.approx(abs(np.vdot(a, b)) ** 2, abs=1e-13)
    assert fidelity(a, b * np.exp(1j * phase)) == pytest.approx(fidelity(b, a), abs=1e-13)
    assert fidelity(apply(a, gates, angles), apply(b, gates, angles)) == pytest.approx(fidelity(a, b), abs=1e-12)
    assert fidelity(a, a) == pytest.approx(1, abs=1e-13)


def test_no_gates_leave_every_qubit_at_0() -> None:
    np.testing.assert_array_equal(run(np.empty((0, 3), np.int64), np.empty(0), 3), ground(3))


def test_qubit_0_is_the_most_significant_bit() -> None:
    assert probabilities(run(np.array([[X, 0, ALONE]]), np.zeros(1), 3)).argmax() == 0b100
    assert probabilities(run(np.array([[X, 2, ALONE], [SWAP, 1, 2]]), np.zeros(2), 3)).argmax() == 0b010


def test_three_qubits_entangled() -> None:
    state = run(np.array([[H, 0, ALONE], [CNOT, 1, 0], [CNOT, 2, 1]]), np.zeros(3), 3)
    assert probabilities(state) == pytest.approx([0.5, 0, 0, 0, 0, 0, 0, 0.5], abs=1e-15)


def test_views_and_small_integers_are_taken_as_they_are() -> None:
    gates, angles = np.array([[RY, 0, ALONE], [CNOT, 1, 0]]), np.array([0.3, 0.0])
    turned = apply(np.repeat(ground(2), 2)[::2], np.asfortranarray(gates), np.repeat(angles, 2)[::2])
    np.testing.assert_array_equal(turned, run(gates, angles, 2))


@pytest.mark.parametrize(
    "gate",
    [
        (-1, 0, ALONE),
        (SWAP + 1, 0, 1),
        (H, 2, ALONE),
        (H, -1, ALONE),
        (H, 0, 0),
        (H, 0, 2),
        (H, 0, -2),
        (CNOT, 0, ALONE),
        (CZ, 0, ALONE),
        (SWAP, 0, ALONE),
        (SWAP, 1, 1),
    ],
)
def test_gates_that_do_not_exist_are_refused(gate: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected opcodes"):
        run(np.array([gate]), np.zeros(1), 2)


@pytest.mark.parametrize("angle", [math.nan, math.inf])
def test_angles_that_are_not_finite_are_refused(angle: float) -> None:
    with pytest.raises(ValueError, match="finite angles"):
        run(np.array([[RY, 0, ALONE]]), np.array([angle]), 1)


@pytest.mark.parametrize("state", [[1.0, 1.0], [math.nan, 0.0], [0.0, 0.0], [1.0], [1.0, 0.0, 0.0], []])
def test_what_is_no_state_is_refused(state: list[float]) -> None:
    amplitudes = np.array(state, np.complex128)
    with pytest.raises(ValueError, match="state of norm 1"):
        apply(amplitudes, np.empty((0, 3), np.int64), np.empty(0))
    with pytest.raises(ValueError, match="not a state"):
        probabilities(amplitudes)
    with pytest.raises(ValueError, match="not a state"):
        fidelity(amplitudes, amplitudes)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        run(np.zeros((1, 2), np.int64), np.zeros(1), 1)
    with pytest.raises(ValueError, match="expected"):
        run(np.zeros((1, 3), np.int64), np.zeros(2), 1)
    with pytest.raises(ValueError, match="expected"):
        fidelity(ground(1), ground(2))
    for qubits in (0, MOST_QUBITS + 1):
        with pytest.raises(ValueError, match="expected"):
            run(np.empty((0, 3), np.int64), np.empty(0), qubits)
