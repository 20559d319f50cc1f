"""The quantum Fourier transform by its gates, against numpy's."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import circuit
from kernels import fourier as module
from kernels.arrays import Complexes, Floats
from kernels.circuit import MOST_QUBITS, PHASE, SWAP, H
from kernels.fourier import encode, gates, inverse_qft, qft

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=70).map(np.array)


def random_state(qubits: int, seed: int) -> Complexes:
    draw = np.random.default_rng(seed)
    raw = draw.normal(size=1 << qubits) + 1j * draw.normal(size=1 << qubits)
    state: Complexes = raw / np.linalg.norm(raw)
    return state


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 8), st.integers(0, 99))
def test_the_transform_is_the_discrete_one_with_the_sign_plus(qubits: int, seed: int) -> None:
    state = random_state(qubits, seed)
    np.testing.assert_allclose(qft(state), np.fft.ifft(state.copy(), norm="ortho"), atol=1e-13)
    np.testing.assert_allclose(inverse_qft(state), np.fft.fft(state.copy(), norm="ortho"), atol=1e-13)
    np.testing.assert_allclose(inverse_qft(qft(state)), state, atol=1e-13)


def test_every_basis_state_goes_where_the_formula_says() -> None:
    size = 8
    for x in range(size):
        expected = np.exp(2j * math.pi * x * np.arange(size) / size) / math.sqrt(size)
        np.testing.assert_allclose(qft(np.eye(size, dtype=np.complex128)[x]), expected, atol=1e-14)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 7), st.integers(0, 99), st.integers(100, 199))
def test_the_transform_keeps_overlaps(qubits: int, seed: int, other: int) -> None:
    a, b = random_state(qubits, seed), random_state(qubits, other)
    assert np.vdot(qft(a), qft(b)) == pytest.approx(np.vdot(a, b), abs=1e-13)


@pytest.mark.parametrize("qubits", [1, 2, 5, 8])
def test_the_gates_are_as_many_as_the_book_says(qubits: int) -> None:
    rows, angles = gates(qubits)
    kinds = [int((rows[:, 0] == opcode).sum()) for opcode in (H, PHASE, SWAP)]
    assert kinds == [qubits, qubits * (qubits - 1) // 2, qubits // 2]
    assert len(angles) == len(rows) == sum(kinds)


def test_a_cycle_stands_out_at_its_frequency() -> None:
    bars = np.arange(64)
    seen = circuit.probabilities(qft(encode(np.cos(2 * math.pi * 5 * bars / 64))))
    assert sorted(np.argsort(seen)[-2:].tolist()) == [5, 59]
    assert seen[5] + seen[59] == pytest.approx(1, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(values)
def test_encoding_keeps_proportions_and_signs(numbers: Floats) -> None:
    state = encode(numbers)
    assert len(state) == max(2, 1 << (len(numbers) - 1).bit_length())
    assert np.linalg.norm(state) == pytest.approx(1, abs=1e-13)
    if numbers.any():
        largest = int(np.abs(numbers).argmax())
        scaled = numbers / numbers[largest]
        np.testing.assert_allclose(state[: len(numbers)] / state[largest], scaled, atol=1e-12)
        assert not state[len(numbers) :].any()
        np.testing.assert_array_equal(encode(-numbers), -state)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e300])
def test_encoding_has_no_unit(scale: float) -> None:
    np.testing.assert_allclose(encode(np.array([3.0, 4.0]) * scale), [0.6, 0.8], atol=1e-15)


@pytest.mark.parametrize("size", [1, 4, 60])
def test_zeros_say_nothing_and_have_no_frequency(size: int) -> None:
    state = encode(np.zeros(size))
    assert np.ptp(state.real) == 0
    assert circuit.probabilities(qft(state))[0] == pytest.approx(1, abs=1e-13)


@settings(deadline=None, max_examples=20)
@given(values)
def test_the_kernels_in_python_agree(numbers: Floats) -> None:
    np.testing.assert_allclose(cast("Any", module._encode).py_func(numbers.copy()), encode(numbers), atol=1e-15)
    for qubits in (1, 2, 5):
        rows, angles = cast("Any", module._gates).py_func(qubits)
        np.testing.assert_array_equal(rows, gates(qubits)[0])
        np.testing.assert_array_equal(angles, gates(qubits)[1])


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf], [[1.0]]])
def test_what_cannot_be_encoded_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="expected a finite vector"):
        encode(np.array(bad))


def test_what_is_no_state_is_refused() -> None:
    for size in (0, 1, 3):
        with pytest.raises(ValueError, match="expected"):
            qft(np.full(size, 0.5 + 0j))
    for qubits in (0, MOST_QUBITS + 1):
        with pytest.raises(ValueError, match="expected"):
            gates(qubits)
