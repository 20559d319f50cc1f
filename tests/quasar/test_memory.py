"""Recall by fidelity, and exactly what amplitude amplification does to it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrays import Floats
from kernels.circuit import fidelity
from kernels.fourier import encode
from quasar.memory import SIZE, Memory, situation
from tests.quasar.worlds import FACTOR_FLIPS, FLIPS, PRIOR

UNIT = st.floats(-1, 1, allow_subnormal=False)
FACTORS = st.lists(UNIT, min_size=8, max_size=8).map(np.array)
FEATURES = st.lists(UNIT, min_size=10, max_size=10).map(np.array)


def drawn(seed: int, count: int = 40) -> list[Floats]:
    rng = np.random.default_rng(seed)
    return [situation(rng.uniform(-1, 1, 8), rng.uniform(-1, 1, 10), 2.0) for _ in range(count)]


def filled(situations: list[Floats], *, quantum: bool, match: float = 0.3) -> Memory:
    memory = Memory(len(situations), match, 10.0, quantum=quantum)
    for n, each in enumerate(situations):
        memory.keep(each, n % 3 - 1)
    return memory


@settings(deadline=None, max_examples=50)
@given(factors=FACTORS, features=FEATURES)
def test_a_situation_is_a_state_of_four_qubits(factors: Floats, features: Floats) -> None:
    state = situation(factors, features, 2.0)
    assert state.shape == (SIZE,)
    assert state @ state == pytest.approx(1.0, abs=1e-12)
    values = np.concatenate([[1.0], 2.0 * factors, 2.0 * features[[0, 1, 2, 6, 7, 8, 9]]])
    np.testing.assert_allclose(encode(values).real, state, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(one=FACTORS, other=FACTORS, features=FEATURES)
def test_likeness_is_the_same_in_a_mirror(one: Floats, other: Floats, features: Floats) -> None:
    def likeness(a: Floats, b: Floats, seen: Floats) -> float:
        first, second = (situation(x, seen, 2.0).astype(np.complex128) for x in (a, b))
        return fidelity(first, second)

    assert likeness(one, other, features) == pytest.approx(
        likeness(one * FACTOR_FLIPS, other * FACTOR_FLIPS, features * FLIPS), abs=1e-12
    )


def test_a_market_and_its_mirror_image_are_not_alike() -> None:
    trending = np.array([0.9, 0, 0.9, 0, 0, 0, 0.5, 0])
    one = situation(trending, np.zeros(10), 2.0)
    other = situation(trending * FACTOR_FLIPS, np.zeros(10), 2.0)
    assert float(one @ other) ** 2 < 0.7


@pytest.mark.parametrize("seed", range(5))
def test_amplification_changes_the_weights_as_stated(seed: int) -> None:
    situations = drawn(seed)
    here = situations[0]
    plain, plain_steps, before = filled(situations, quantum=False).weights(here)
    likeness = np.array([float(here @ each) ** 2 for each in situations])
    np.testing.assert_allclose(plain, likeness / likeness.sum(), atol=1e-12)
    matches = likeness >= 0.3
    a = float(plain[matches].sum())
    assert plain_steps == 0
    assert before == pytest.approx(a)
    theta = math.asin(math.sqrt(a))
    k = math.floor(math.pi / (4.0 * theta))
    weights, steps, matching = filled(situations, quantum=True).weights(here)
    assert steps == k
    expected = math.sin((2 * k + 1) * theta) ** 2
    assert matching == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(weights[matches], plain[matches] * expected / a, atol=1e-12)
    np.testing.assert_allclose(weights[~matches], plain[~matches] * (1 - expected) / (1 - a), atol=1e-12)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_one_match_in_many_is_found_with_near_certainty() -> None:
    rng = np.random.default_rng(1)
    others = [situation(-np.abs(rng.uniform(0.5, 1, 8)), -np.abs(rng.uniform(0.5, 1, 10)), 2.0) for _ in range(63)]
    here = situation(np.ones(8), np.ones(10), 2.0)
    memory = Memory(64, 0.9, 10.0, quantum=True)
    memory.keep(here, 1)
    for each in others:
        memory.keep(each, -1)
    _, steps, matching = memory.weights(here)
    plain = Memory(64, 0.9, 10.0, quantum=False)
    plain.restore(memory.snapshot())
    assert steps >= 1
    assert matching > 0.9 > plain.weights(here)[0][0]
    assert memory.recall(here, PRIOR, 1).belief[2] > plain.recall(here, PRIOR, 1).belief[2]


def test_recall_is_mixed_with_doubt() -> None:
    """One situation, met once and gone up: it counts as one round beside ten of the prior, a third at horizon 3."""
    here = drawn(1)[0]
    memory = Memory(4, 0.9, 10.0, quantum=True)
    assert memory.recall(here, PRIOR, 1) == (PRIOR, 0, 0.0)
    memory.keep(here, 1)
    assert memory.recall(here, PRIOR, 1).belief == pytest.approx((3 / 11, 4 / 11, 4 / 11))
    assert memory.recall(here, PRIOR, 3).belief[2] == pytest.approx((3 + 1 / 3) / (10 + 1 / 3))


def test_a_neutral_situation_recalls_the_prior() -> None:
    memory = filled(drawn(1), quantum=True)
    assert memory.recall(situation(np.zeros(8), np.zeros(10), 2.0), PRIOR, 1) == (PRIOR, 0, 0.0)


def test_nothing_that_matches_leaves_the_weights_alone() -> None:
    situations = drawn(2)
    quantum, plain = (filled(situations, quantum=each, match=1.0).weights(drawn(3)[0]) for each in (True, False))
    assert quantum[1] == plain[1] == 0
    np.testing.assert_allclose(quantum[0], plain[0], atol=1e-12)


def test_the_memory_is_bounded_and_continues_after_a_restart() -> None:
    situations = drawn(4, 30)
    memory, twin = (Memory(8, 0.5, 10.0, quantum=True) for _ in range(2))
    for n, each in enumerate(situations[:20]):
        memory.keep(each, n % 3 - 1)
    assert len(memory) == 8
    twin.restore(memory.snapshot())
    for each in situations[20:]:
        memory.keep(each, 1)
        twin.keep(each, 1)
        assert twin.recall(each, PRIOR, 2) == memory.recall(each, PRIOR, 2)
    np.testing.assert_equal(twin.snapshot(), memory.snapshot())
