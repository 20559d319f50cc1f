"""Double Q-learning: its updates against plain numpy, its reward, and the optimum it finds."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import qlearning as module
from kernels.arrays import Floats
from kernels.qlearning import (
    ACTIONS,
    BUY,
    HOLD,
    HOLDINGS,
    POSITIONS,
    SELL,
    STEP,
    draw,
    follow_trace,
    greedy,
    holds_after,
    lead,
    mirrored,
    reward,
)

SIZE = st.floats(-20, 20)
LEGAL = [(p, a) for p in range(POSITIONS) for a in range(ACTIONS) if math.isfinite(HOLDINGS[p, a])]


def random_values(seed: int, rows: int = 4) -> Floats:
    return np.random.default_rng(seed).normal(0.0, 0.1, (2, rows, POSITIONS, ACTIONS))


def best(values: Floats, table: int, row: int, position: int) -> int:
    legal = [a for p, a in LEGAL if p == position]
    own = {a: values[table, row, position, a] for a in legal}
    return max([HOLD, *legal], key=lambda a: own[a])


def test_every_action_has_a_meaning_somewhere_and_its_mirror_image() -> None:
    assert np.isfinite(HOLDINGS).any(axis=0).all()
    for position, action in LEGAL:
        assert HOLDINGS[2 - position, mirrored(action)] == -HOLDINGS[position, action]


@settings(deadline=None)
@given(place=st.sampled_from(LEGAL), move=SIZE, cost=st.floats(0, 2), unit=st.floats(0.001, 0.5))
def test_the_reward_is_the_log_return_net_of_cost_and_the_same_in_a_mirror(
    place: tuple[int, int], move: float, cost: float, unit: float
) -> None:
    position, action = place[0] - 1, place[1]
    held = holds_after(position, action)
    expected = math.log(max(1.0 + unit * held * move, 0.05)) - unit * cost * abs(held - position)
    assert reward(position, action, move, cost=cost, unit=unit) == pytest.approx(expected, abs=1e-12)
    other = reward(-position, mirrored(action), -move, cost=cost, unit=unit)
    assert other == pytest.approx(expected, abs=1e-12)


def test_a_small_edge_is_worth_half_a_position_and_a_large_one_more() -> None:
    """Kelly: with moves of plus and minus two bands, the best holding is the edge over u z^2."""
    earned = {}
    for edge in (0.0, 0.1, 1.0):
        moves = (2.0 + edge, -2.0 + edge)
        earned[edge] = [
            float(np.mean([reward(1, action, move, cost=0.0, unit=0.1) for move in moves]))
            for action in (SELL, HOLD, 3, 4, 5, 6)
        ]
    assert int(np.argmax(earned[0.0])) == 5  # EXIT
    assert int(np.argmax(earned[0.1])) == 4  # HEDGE, a quarter: 0.1 / (0.1 * 4) = 0.25
    assert int(np.argmax(earned[1.0])) == 2  # INCREASE


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 3), position=st.integers(-1, 1))
def test_the_greedy_action_is_the_best_of_those_with_a_meaning(seed: int, row: int, position: int) -> None:
    values = random_values(seed)
    both = values[0, row, position + 1] + values[1, row, position + 1]
    legal = np.where(np.isfinite(HOLDINGS[position + 1]), both, -np.inf)
    assert greedy(values, row, position) == int(np.argmax(legal))
    plain = cast("Any", module._greedy).py_func(values, 2, row, position + 1)
    assert greedy(values, row, position) == plain
    assert greedy(np.zeros_like(values), row, position) == HOLD


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), table=st.integers(0, 1))
def test_a_trace_passes_the_error_back_to_the_steps_before(seed: int, table: int) -> None:
    values = random_values(seed)
    expected, other = values.copy(), values.copy()
    trace, again = np.zeros((4, STEP)), np.zeros((4, STEP))
    steps = [
        (0, 1, BUY, 0.3),
        (1, 2, HOLD, -0.2),
        (0, 2, SELL, 0.1),
        (1, 0, HOLD, 0.4),
        (2, 0, HOLD, 0.2),
        (3, 0, 3, 0.5),
    ]
    strengths: dict[tuple[int, int, int], float] = {}
    places = [(row, position) for row, position, _, _ in steps[1:]]
    for (row, position, action, earned), (follow, holding) in zip(steps, [*places, (-1, 1)], strict=True):
        error = follow_trace(
            values, trace, row, position - 1, action, earned, follow, holding - 1,
            table=table, discount=0.9, fading=0.8, rate=0.5,
        )  # fmt: skip
        cast("Any", module._follow).py_func(
            other, again, row, position, action, earned, follow, holding, table, 0.9, 0.8, 0.5
        )
        worth = 0.0
        if follow >= 0:
            worth = 0.9 * float(expected[1 - table, follow, holding, best(expected, table, follow, holding)])
        delta = earned + worth - expected[table, row, position, action]
        assert error == pytest.approx(delta, abs=1e-12)
        strengths[(row, position, action)] = 1.0
        strengths = dict(sorted(strengths.items(), key=lambda item: -item[1])[:4])
        for place, strength in strengths.items():
            expected[table][place] += 0.5 * delta * strength
        strengths = {place: strength * 0.9 * 0.8 for place, strength in strengths.items()}
    np.testing.assert_allclose(values, expected, atol=1e-12)
    np.testing.assert_array_equal(values, other)


def test_the_lead_is_of_buying_over_selling_by_both_tables() -> None:
    values = random_values(3)
    expected = (values[:, 1, 1, BUY] - values[:, 1, 1, SELL]).sum()
    assert lead(values, 1) == expected == cast("Any", module._lead).py_func(values, 1)


def test_the_generator_is_that_of_park_and_miller() -> None:
    """Their check for the multiplier 16807 is 1043618065 after 10,000 draws; with 48271 it is 399268537."""
    chance = np.array([1])
    for _ in range(10_000):
        assert 0.0 < draw(chance) < 1.0
    assert chance[0] == 399_268_537


def test_what_makes_no_sense_is_refused() -> None:
    values = random_values(1)
    with pytest.raises(ValueError, match="position 2"):
        holds_after(2, HOLD)
    with pytest.raises(ValueError, match="out of range"):
        reward(0, 3, 1.0, cost=0.0, unit=0.1)
    with pytest.raises(ValueError, match="out of range"):
        reward(0, BUY, math.nan, cost=0.0, unit=0.1)
    with pytest.raises(ValueError, match="row 4 of 4"):
        greedy(values, 4, 0)
    with pytest.raises(ValueError, match="values of shape"):
        greedy(values[:1], 0, 0)
    with pytest.raises(ValueError, match="table 2"):
        follow_trace(values, np.zeros((2, 4)), 0, 0, BUY, 0.1, 1, 1, table=2, discount=0.9, fading=0.8, rate=0.1)
