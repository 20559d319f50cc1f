"""Fidelities of one state with many: against the circuit's own, numpy, and the cosine."""

from typing import Any, cast

import numpy as np
import pytest

from kernels import recall as module
from kernels.arrays import Floats
from kernels.circuit import fidelity
from kernels.recall import fidelities


@pytest.fixture
def states() -> Floats:
    drawn = np.random.default_rng(3).normal(0.0, 1.0, (20, 16))
    result: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return result


def test_they_are_those_of_the_circuit_and_the_squared_cosine(states: Floats) -> None:
    got = fidelities(states[0], states)
    expected = [fidelity(states[0].astype(np.complex128), other.astype(np.complex128)) for other in states]
    np.testing.assert_allclose(got, expected, atol=1e-12)
    np.testing.assert_allclose(got, (states @ states[0]) ** 2, atol=1e-12)
    np.testing.assert_array_equal(got, cast("Any", module._fidelities).py_func(states[0], states))
    assert got[0] == pytest.approx(1.0)
    assert (got <= 1.0).all()


def test_what_is_no_state_is_refused(states: Floats) -> None:
    with pytest.raises(ValueError, match="norm 1"):
        fidelities(2.0 * states[0], states)
    with pytest.raises(ValueError, match="norm 1"):
        fidelities(np.full(16, np.nan), states)
    with pytest.raises(ValueError, match="expected"):
        fidelities(states[0][:8], states)
