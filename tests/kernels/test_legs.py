"""The two legs: against the general simulation of the same five gates."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import circuit
from kernels import legs as module
from kernels.legs import measured

ANGLE = st.floats(-math.pi, math.pi)
GATES = np.array(
    [
        [circuit.RY, 0, circuit.ALONE],
        [circuit.RY, 1, 0],
        [circuit.CNOT, 0, 1],
        [circuit.RY, 0, circuit.ALONE],
        [circuit.RY, 1, circuit.ALONE],
    ]
)


@settings(deadline=None, max_examples=80)
@given(action=ANGLE, turn=ANGLE, longward=ANGLE, shortward=ANGLE)
def test_they_are_what_the_circuit_gives_to_the_last_bit(
    action: float, turn: float, longward: float, shortward: float
) -> None:
    state = circuit.run(GATES, np.array([action, turn, 0.0, longward, shortward]), 2)
    found = measured(action, turn, longward, shortward)
    assert found == tuple(circuit.probabilities(state).tolist())
    plain = cast("Any", module._measured).py_func(action, turn, longward, shortward)
    assert found == pytest.approx(plain, abs=1e-15)
    assert sum(found) == pytest.approx(1.0, abs=1e-12)


def test_an_angle_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        measured(0.0, math.nan, 0.0, 0.0)
