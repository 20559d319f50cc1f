"""Amplitude amplification against its closed form, Brassard, Hoyer, Mosca and Tapp 2002."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import amplitude as module
from kernels.amplitude import LEAST_PROBABILITY, amplify, amplify_real
from kernels.arrays import Bools, Complexes

Case = tuple[Complexes, Bools]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = 1 << draw(st.integers(1, 6))
    source = np.random.default_rng(draw(st.integers(0, 9999)))
    raw = source.normal(size=size) + 1j * source.normal(size=size)
    marked = source.random(size) < draw(st.sampled_from([0.05, 0.3, 0.6]))
    return raw / np.linalg.norm(raw), marked


def split(a: float) -> Case:
    """Return a state of two with probability ``a`` on the second, which is marked."""
    return np.array([math.sqrt(1 - a), math.sqrt(a)], np.complex128), np.array([False, True])


@settings(deadline=None, max_examples=80)
@given(cases())
def test_steps_probability_and_state_are_those_of_the_closed_form(case: Case) -> None:
    state, marked = case
    a = float((np.abs(state[marked]) ** 2).sum())
    result, steps, probability = amplify(state, marked)
    if a < LEAST_PROBABILITY:
        assert (steps, probability) == (0, a)
        np.testing.assert_array_equal(result, state)
        return
    theta = math.asin(min(math.sqrt(a), 1.0))
    assert steps == math.floor(math.pi / (4 * theta))
    turned = (2 * steps + 1) * theta
    assert probability == pytest.approx(math.sin(turned) ** 2, abs=1e-12)
    grown = np.where(marked, math.sin(turned) / math.sin(theta), math.cos(turned) / max(math.cos(theta), 1e-300))
    np.testing.assert_allclose(result, grown * state if a < 1 else state, atol=1e-11)


@settings(deadline=None, max_examples=80)
@given(cases())
def test_a_real_state_is_amplified_as_a_complex_one_to_the_last_bit(case: Case) -> None:
    state = case[0].real / np.linalg.norm(case[0].real)
    result, steps, probability = amplify(state.astype(np.complex128), case[1])
    out, plain = np.empty(len(state)), np.empty(len(state))
    assert amplify_real(state, case[1], out) == (steps, probability)
    np.testing.assert_array_equal(out, result.real)
    assert cast("Any", amplify_real).py_func(state, case[1], plain)[0] == steps
    np.testing.assert_allclose(plain, out, atol=1e-14)
    assert amplify_real(2.0 * state, case[1], out)[0] == -1


@pytest.mark.parametrize(("qubits", "steps"), [(2, 1), (4, 3), (6, 6), (8, 12), (10, 25)])
def test_search_of_one_among_many_takes_about_the_square_root(qubits: int, steps: int) -> None:
    """Grover 1996: floor(pi/4 * sqrt(N)) steps, failing with probability 1/N at most."""
    size = 1 << qubits
    marked = np.arange(size) == size // 3
    _, taken, probability = amplify(np.full(size, size**-0.5 + 0j), marked)
    assert taken == steps
    assert probability == pytest.approx(math.sin((2 * steps + 1) * math.asin(size**-0.5)) ** 2, abs=1e-12)
    assert probability >= 1 - 1 / size


def test_nothing_marked_leaves_the_state_as_it_is() -> None:
    state, _ = split(0.3)
    result, steps, probability = amplify(state, np.zeros(2, np.bool_))
    np.testing.assert_array_equal(result, state)
    assert (steps, probability) == (0, 0.0)


def test_all_marked_leaves_the_state_as_it_is() -> None:
    state, _ = split(0.3)
    result, steps, probability = amplify(state, np.ones(2, np.bool_))
    np.testing.assert_array_equal(result, state)
    assert steps == 0
    assert probability == pytest.approx(1, abs=1e-15)


def test_the_least_probability_is_a_threshold() -> None:
    _, below, kept = amplify(*split(0.9 * LEAST_PROBABILITY))
    _, above, grown = amplify(*split(1.1 * LEAST_PROBABILITY))
    assert below == 0
    assert kept == pytest.approx(0.9 * LEAST_PROBABILITY, rel=1e-9)
    assert above == math.floor(math.pi / (4 * math.asin(math.sqrt(1.1 * LEAST_PROBABILITY))))
    assert grown > 1 - 2 * LEAST_PROBABILITY


@settings(deadline=None, max_examples=50)
@given(st.floats(0.001, 0.499))
def test_amplification_gains_below_one_half_and_keeps_the_norm(a: float) -> None:
    result, _, probability = amplify(*split(a))
    assert probability > a
    assert np.linalg.norm(result) == pytest.approx(1, abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(cases())
def test_the_kernel_in_python_agrees(case: Case) -> None:
    state, marked = case
    expected = cast("Any", module._amplify).py_func(state.copy(), marked.copy())
    found = amplify(state, marked)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-13)
    assert found[1] == expected[1]
    assert found[2] == pytest.approx(expected[2], abs=1e-13)


@pytest.mark.parametrize("bad", [[1.0, 1.0], [math.nan, 0.0], [0.0, 0.0]])
def test_what_is_no_state_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="not a state"):
        amplify(np.array(bad, np.complex128), np.array([True, False]))


def test_other_shapes_are_refused() -> None:
    state, marked = split(0.5)
    with pytest.raises(ValueError, match="expected"):
        amplify(state, marked[:1])
    with pytest.raises(ValueError, match="expected"):
        amplify(state, cast("Bools", marked.astype(np.int64)))
