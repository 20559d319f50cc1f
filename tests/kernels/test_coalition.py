"""Coalitions: MODELS' game, classics, orders of arrival one by one, and Shapley's axioms."""

import itertools
import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import coalition as module
from kernels.arrays import Floats
from kernels.coalition import core_excess, is_in_core, shapley

MODELS = np.array([0.0, 1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 10.0])
GLOVES = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
"""Players 0 and 1 have a left glove each, player 2 the right one."""


def drawn(seed: int, players: int) -> Floats:
    values = np.random.default_rng(seed).normal(size=1 << players)
    values[0] = 0.0
    return values


def convex(seed: int, players: int) -> Floats:
    """A game of increasing returns: the square of a measure, and a measure."""
    weights = np.random.default_rng(seed).uniform(0.1, 1.0, players)
    measure = np.array([sum(w for i, w in enumerate(weights) if s >> i & 1) for s in range(1 << players)])
    total: Floats = measure**2 + measure
    return total


def by_orders(values: Floats, players: int) -> Floats:
    """The definition: the mean of what each adds over all orders of arrival."""
    shares = np.zeros(players)
    for order in itertools.permutations(range(players)):
        here = 0
        for i in order:
            shares[i] += values[here | 1 << i] - values[here]
            here |= 1 << i
    total: Floats = shares / math.factorial(players)
    return total


def excess_of_all(values: Floats, allocation: Floats) -> float:
    bits = np.arange(len(values))[:, None] >> np.arange(len(allocation)) & 1
    return float((values - bits @ allocation)[1:-1].max())


def test_the_game_of_models() -> None:
    """MODELS section 4."""
    np.testing.assert_allclose(shapley(MODELS), [7 / 3, 10 / 3, 13 / 3], rtol=0, atol=1e-15)


def test_gloves() -> None:
    """Shapley and Shubik 1969: the scarce glove gets two thirds as its value, and all of it in the core."""
    np.testing.assert_allclose(shapley(GLOVES), [1 / 6, 1 / 6, 4 / 6], atol=1e-15)
    assert is_in_core(GLOVES, np.array([0.0, 0.0, 1.0]), 0.0)
    assert not is_in_core(GLOVES, shapley(GLOVES), 1e-9)
    assert core_excess(GLOVES, shapley(GLOVES)) == pytest.approx(1 / 6, abs=1e-15)


def test_a_majority_of_three_has_no_core() -> None:
    values = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(shapley(values), np.full(3, 1 / 3), atol=1e-15)
    for draw in np.random.default_rng(1).dirichlet(np.ones(3), 50):
        assert core_excess(values, draw) >= 1 / 3 - 1e-12
        assert not is_in_core(values, draw, 0.3)


def test_voting_power() -> None:
    """Shapley and Shubik 1954: weights 40, 30, 20, 10 with a quota of 51 have power 5/12, 3/12, 3/12, 1/12."""
    weights = np.array([40, 30, 20, 10])
    wins = [float(sum(weights[i] for i in range(4) if s >> i & 1) >= 51) for s in range(16)]
    np.testing.assert_allclose(shapley(np.array(wins)), np.array([5, 3, 3, 1]) / 12, atol=1e-15)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), players=st.integers(1, 6))
def test_values_equal_the_mean_over_orders_of_arrival(seed: int, players: int) -> None:
    values = drawn(seed, players)
    found = shapley(values.copy())
    np.testing.assert_allclose(found, by_orders(values, players), atol=1e-13)
    np.testing.assert_array_equal(found, cast("Any", module._shapley).py_func(values.copy(), players))


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), players=st.integers(1, 12))
def test_all_is_handed_out(seed: int, players: int) -> None:
    values = drawn(seed, players)
    assert shapley(values).sum() == pytest.approx(values[-1], abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), players=st.integers(2, 7))
def test_names_do_not_matter_and_equals_get_the_same(seed: int, players: int) -> None:
    draw = np.random.default_rng(seed)
    values, order = drawn(seed, players), draw.permutation(players)
    renamed = np.zeros_like(values)
    for s in range(len(values)):
        renamed[sum(1 << int(order[i]) for i in range(players) if s >> i & 1)] = values[s]
    np.testing.assert_allclose(shapley(renamed)[order], shapley(values), atol=1e-13)
    alike = np.array([values[s ^ 3 if s & 3 in (1, 2) and s & 1 else s] for s in range(len(values))])
    found = shapley(alike)
    assert found[0] == pytest.approx(found[1], abs=1e-13)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), players=st.integers(1, 7), alone=st.floats(-2, 2))
def test_who_adds_the_same_everywhere_gets_that(seed: int, players: int, alone: float) -> None:
    values = drawn(seed, players)
    more = np.concatenate([values, values + alone])
    found = shapley(more)
    assert found[-1] == pytest.approx(alone, abs=1e-13)
    np.testing.assert_allclose(found[:-1], shapley(values), atol=1e-13)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), players=st.integers(1, 7), factor=st.floats(-3, 3))
def test_values_of_games_add_up(seed: int, players: int, factor: float) -> None:
    one, other = drawn(seed, players), drawn(seed + 1, players)
    np.testing.assert_allclose(shapley(one + factor * other), shapley(one) + factor * shapley(other), atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), players=st.integers(1, 8))
def test_increasing_returns_have_their_value_in_the_core(seed: int, players: int) -> None:
    """Shapley 1971, "Cores of convex games"."""
    values = convex(seed, players)
    assert is_in_core(values, shapley(values), 1e-9)
    assert not is_in_core(values, shapley(values) + 0.01, 1e-9)
    assert not is_in_core(values, shapley(values) - 0.01, 1e-9)
    if players > 1:
        moved = shapley(values)
        moved[0], moved[1] = values[1] - 0.01, moved[1] + moved[0] - values[1] + 0.01
        excess = excess_of_all(values, moved)
        assert excess >= 0.01 - 1e-12
        assert not is_in_core(values, moved, excess - 1e-9)
        assert is_in_core(values, moved, excess + 1e-9)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), players=st.integers(2, 10))
def test_excess_equals_plain_numpy(seed: int, players: int) -> None:
    values = drawn(seed, players)
    allocation = np.random.default_rng(seed + 1).normal(size=players)
    found = core_excess(values.copy(), allocation.copy())
    assert found == pytest.approx(excess_of_all(values, allocation), abs=1e-12)
    assert found == cast("Any", module._core_excess).py_func(values.copy(), allocation.copy())


def test_one_player_has_nobody_to_leave() -> None:
    values = np.array([0.0, 3.0])
    assert shapley(values).tolist() == [3.0]
    assert core_excess(values, np.array([3.0])) == -math.inf
    assert is_in_core(values, np.array([3.0]), 0.0)
    assert not is_in_core(values, np.array([2.0]), 0.5)


def test_input_is_left_alone() -> None:
    kept, allocation = MODELS.copy(), np.array([1.0, 2.0, 7.0])
    shapley(MODELS)
    is_in_core(MODELS, allocation, 0.0)
    np.testing.assert_array_equal(MODELS, kept)
    np.testing.assert_array_equal(allocation, [1.0, 2.0, 7.0])


@pytest.mark.parametrize(("values", "complaint"), [
    (np.zeros(0), r"\(2\^n,\)"),
    (np.zeros(1), r"\(2\^n,\)"),
    (np.zeros(3), r"\(2\^n,\)"),
    (np.zeros((2, 2)), r"\(2\^n,\)"),
    (np.zeros(1 << 13), r"\(2\^n,\)"),
    (np.array([0.0, math.nan]), "finite"),
    (np.array([0.0, math.inf]), "finite"),
    (np.array([1.0, 2.0]), "empty coalition"),
])  # fmt: skip
def test_what_is_no_game_is_refused(values: Floats, complaint: str) -> None:
    for refusing in (lambda: shapley(values), lambda: core_excess(values, np.zeros(1)),
                     lambda: is_in_core(values, np.zeros(1), 0.0)):  # fmt: skip
        with pytest.raises(ValueError, match=complaint):
            refusing()


@pytest.mark.parametrize("allocation", [np.zeros(2), np.zeros((3, 1)), np.array([0.0, math.nan, 0.0])])
def test_what_is_no_allocation_is_refused(allocation: Floats) -> None:
    with pytest.raises(ValueError, match="expected 3 finite numbers"):
        core_excess(MODELS, allocation)
    with pytest.raises(ValueError, match="expected 3 finite numbers"):
        is_in_core(MODELS, allocation, 0.0)


@pytest.mark.parametrize("tolerance", [-1e-9, math.nan, math.inf])
def test_a_tolerance_below_nothing_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        is_in_core(MODELS, np.zeros(3), tolerance)
