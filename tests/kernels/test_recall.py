"""Fidelities of one state with many, and recall by them: against the circuit's own, numpy, and the cosine."""

from typing import Any, cast

import numpy as np
import pytest

from kernels import recall as module
from kernels.amplitude import amplify
from kernels.arrays import Floats
from kernels.circuit import fidelity
from kernels.recall import fidelities, recall, situation


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


@pytest.mark.parametrize("match", [0.0, 0.05, 0.2, 0.9, 1.1])
@pytest.mark.parametrize("is_amplified", [True, False])
def test_recall_in_one_call_is_what_its_steps_give(states: Floats, match: float, is_amplified: bool) -> None:
    columns, outcomes = np.ascontiguousarray(states.T), np.arange(20) % 3 - 1
    here, weights, plain = states[19], np.empty(17), np.empty(17)
    found = recall(here, columns, outcomes, match, weights, is_amplified=is_amplified)
    likeness = fidelities(here, states[:17])
    expected = likeness / likeness.sum()
    marked = likeness >= match
    steps, matching = 0, float(expected[marked].sum())
    if is_amplified:
        state, steps, matching = amplify(np.sqrt(expected).astype(np.complex128), marked)
        expected = state.real**2
    np.testing.assert_allclose(weights, expected, atol=1e-14)
    assert found.steps == steps
    assert found.matching == pytest.approx(matching, abs=1e-13)
    assert found.squares == pytest.approx(float(expected @ expected), abs=1e-13)
    np.testing.assert_allclose(found[:3], np.bincount(outcomes[:17] + 1, expected), atol=1e-13)
    again = cast("Any", module._recall).py_func(here, columns, outcomes, match, plain, is_amplified)
    assert found == pytest.approx(again, abs=1e-13)
    np.testing.assert_allclose(weights, plain, atol=1e-14)


def test_a_situation_is_made_of_a_constant_factors_and_some_features() -> None:
    factors, features, others = np.array([0.3, -0.2]), np.array([0.9, 0.1, -0.5]), np.array([2, 0])
    values = np.array([1.0, 0.6, -0.4, -1.0, 1.8])
    got = situation(factors, features, others, 2.0)
    np.testing.assert_allclose(got, values / np.linalg.norm(values), atol=1e-15)
    out = np.empty(5)
    assert cast("Any", module._situation).py_func(factors, features, others, 2.0, out)
    np.testing.assert_array_equal(got, out)
    for wrong in (np.array([3]), np.array([-1])):
        with pytest.raises(ValueError, match="features"):
            situation(factors, features, wrong, 2.0)
    with pytest.raises(ValueError, match="finite"):
        situation(np.array([np.nan]), features, others, 2.0)
    with pytest.raises(ValueError, match="vectors"):
        situation(factors[None], features, others, 2.0)


def test_recall_of_what_is_no_state_is_refused(states: Floats) -> None:
    columns, outcomes, weights = np.ascontiguousarray(states.T), np.zeros(20, np.int64), np.empty(20)
    with pytest.raises(ValueError, match="expected"):
        recall(states[0], columns, outcomes, 0.5, np.empty(21), is_amplified=True)
    with pytest.raises(ValueError, match="outcomes"):
        recall(states[0], columns, outcomes[:5], 0.5, weights, is_amplified=True)
    with pytest.raises(ValueError, match="norm 1"):
        recall(np.full(16, np.nan), columns, outcomes, 0.5, weights, is_amplified=True)
    with pytest.raises(ValueError, match="like none"):
        recall(np.zeros(16), columns, outcomes, 0.5, weights, is_amplified=False)
    with pytest.raises(ValueError, match="outcome none"):
        recall(states[0], columns, outcomes + 2, 0.5, weights, is_amplified=True)


def test_what_is_no_state_is_refused(states: Floats) -> None:
    with pytest.raises(ValueError, match="norm 1"):
        fidelities(2.0 * states[0], states)
    with pytest.raises(ValueError, match="norm 1"):
        fidelities(np.full(16, np.nan), states)
    with pytest.raises(ValueError, match="expected"):
        fidelities(states[0][:8], states)
