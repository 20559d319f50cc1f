"""Replay against plain numpy, and a settled round in one call against its steps."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import replay as module
from kernels.arrays import Floats
from kernels.qlearning import (
    ACTIONS,
    BUY,
    HOLD,
    HOLDINGS,
    POSITIONS,
    STEP,
    draw,
    follow_trace,
    greedy,
    holds_after,
    reward,
)
from kernels.replay import PRIORITY, replay, settle

SIZE = st.floats(-20, 20)
LEGAL = [(p, a) for p in range(POSITIONS) for a in range(ACTIONS) if math.isfinite(HOLDINGS[p, a])]


def random_values(seed: int, rows: int = 4) -> Floats:
    return np.random.default_rng(seed).normal(0.0, 0.1, (2, rows, POSITIONS, ACTIONS))


def best(values: Floats, table: int, row: int, position: int) -> int:
    legal = [a for p, a in LEGAL if p == position]
    own = {a: values[table, row, position, a] for a in legal}
    return max([HOLD, *legal], key=lambda a: own[a])


def plain_replay(
    values: Floats, memory: Floats, chance: list[int], draws: int, unit: float, discount: float, rate: float
) -> None:
    def uniform() -> float:
        chance[0] = chance[0] * 48_271 % 2_147_483_647
        return chance[0] / 2_147_483_647

    for _ in range(draws):
        alive = [k for k in range(len(memory)) if memory[k, PRIORITY] > 0.0]
        shares = memory[alive, PRIORITY] / memory[alive, PRIORITY].sum()
        place = min(int(np.searchsorted(np.cumsum(shares), uniform())), len(alive) - 1)
        chosen = alive[place]
        importance = (len(alive) * shares) ** -0.4
        weight = importance[place] / importance.max()
        table = int(uniform() < 0.5)
        row, follow, turn = (int(x) for x in memory[chosen, :3])
        move, cost = (float(x) for x in memory[chosen, 3:5])
        errors = []
        for position, action in LEGAL:
            held = HOLDINGS[position, action]
            holding = 1 + turn * int(np.sign(held))
            worth = values[1 - table, follow, holding, best(values, table, follow, holding)]
            earned = reward(position - 1, action, move, cost=cost, unit=unit)
            error = float(earned + discount * worth - values[table, row, position, action])
            values[table, row, position, action] += rate * weight * error
            errors.append(abs(error))
        memory[chosen, PRIORITY] = (np.mean(errors) + 1e-6) ** 0.6


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(1, 10_000))
def test_replay_draws_by_priority_and_weighs_by_importance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    memory = np.column_stack(
        [
            rng.integers(0, 4, (12, 2)),
            rng.choice([-1, 1], 12),
            rng.normal(0, 2, 12),
            rng.uniform(0, 0.2, 12),
            rng.random(12),
        ]
    ).astype(float)
    memory[3, PRIORITY] = 0.0
    values = random_values(seed)
    plain_values, plain_memory, plain_chance = values.copy(), memory.copy(), [seed]
    py_values, py_memory, py_chance = values.copy(), memory.copy(), np.array([seed])
    plain_replay(plain_values, plain_memory, plain_chance, 20, 0.02, 0.9, 0.1)
    cast("Any", module._replay).py_func(py_values, py_memory, py_chance, 20, 0.02, 0.9, 0.1)
    chance = np.array([seed])
    replay(values, memory, chance, 20, unit=0.02, discount=0.9, rate=0.1)
    np.testing.assert_allclose(values, plain_values, atol=1e-12)
    np.testing.assert_allclose(memory, plain_memory, atol=1e-12)
    assert chance[0] == plain_chance[0] == py_chance[0]
    np.testing.assert_array_equal(values, py_values)


def drawn_memory(seed: int, rounds: int) -> Floats:
    rng = np.random.default_rng(seed)
    rows, turns = rng.integers(0, 4, (rounds, 2)), rng.choice([-1, 1], rounds)
    numbers = rng.normal(0, 2, rounds), rng.uniform(0, 0.2, rounds), rng.random(rounds) * (rng.random(rounds) < 0.5)
    return np.column_stack([rows, turns, *numbers]).astype(float)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(1, 10_000), size=st.sampled_from([1, 31, 32, 33, 100]))
def test_replay_of_a_large_memory_draws_as_a_sum_over_all_does(seed: int, size: int) -> None:
    values, memory, chance = random_values(seed), drawn_memory(seed, size), np.array([seed])
    plain_values, plain_memory, plain_chance = values.copy(), memory.copy(), [seed]
    if not memory[:, PRIORITY].any():
        memory[size // 2, PRIORITY] = plain_memory[size // 2, PRIORITY] = 0.5
    plain_replay(plain_values, plain_memory, plain_chance, 10, 0.02, 0.9, 0.1)
    replay(values, memory, chance, 10, unit=0.02, discount=0.9, rate=0.1)
    np.testing.assert_allclose(values, plain_values, atol=1e-12)
    np.testing.assert_allclose(memory, plain_memory, atol=1e-12)
    assert chance[0] == plain_chance[0]


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(1, 10_000), place=st.sampled_from(LEGAL), move=SIZE, follow=st.integers(-1, 3),
    turn=st.sampled_from([-1, 1]), taken=st.integers(-1, 1),
)  # fmt: skip
def test_a_round_in_one_call_is_its_steps_to_the_last_bit(
    seed: int, place: tuple[int, int], move: float, follow: int, turn: int, taken: int
) -> None:
    position, action = place[0] - 1, place[1]
    values, memory, chance = random_values(seed), drawn_memory(seed, 40), np.array([seed])
    trace = np.random.default_rng(seed).integers(0, 3, (5, STEP)).astype(float)
    ours = values.copy(), trace.copy(), memory.copy(), chance.copy()
    plain = values.copy(), trace.copy(), memory.copy(), chance.copy()
    settle(
        *ours, 7, 2, position, action, move, 0.1, follow, turn, taken,
        draws=3, unit=0.02, discount=0.9, fading=0.8, rate=0.1,
    )  # fmt: skip
    cast("Any", module._settle).py_func(
        *plain, 7, 2, position + 1, action, move, 0.1, follow, turn, taken, 3, 0.02, 0.9, 0.8, 0.1
    )
    holding = int(np.sign(holds_after(position, action)))
    if action != greedy(values, 2, position):
        trace[:, 3] = 0.0
    table = int(draw(chance) < 0.5)
    earned = reward(position, action, move, cost=0.1, unit=0.02)
    follow_trace(
        values, trace, 2, position, action, earned, follow, holding * turn,
        table=table, discount=0.9, fading=0.8, rate=0.1,
    )  # fmt: skip
    if holding != taken:
        trace[:, 3] = 0.0
    memory[7, PRIORITY] = 0.0
    memory[7] = 2, follow, turn, move, 0.1, memory[:, PRIORITY].max() or 1.0
    replay(values, memory, chance, 3, unit=0.02, discount=0.9, rate=0.1)
    for got, again, expected in zip(ours, plain, (values, trace, memory, chance), strict=True):
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_allclose(got, again, atol=1e-12)


def test_a_void_memory_teaches_nothing() -> None:
    values = random_values(1)
    before = values.copy()
    replay(values, np.zeros((5, 6)), np.array([1]), 10, unit=0.02, discount=0.9, rate=0.1)
    np.testing.assert_array_equal(values, before)


def test_what_makes_no_sense_is_refused() -> None:
    values = random_values(1)
    with pytest.raises(ValueError, match="memory"):
        replay(values, np.zeros((5, 5)), np.array([1]), 1, unit=0.1, discount=0.9, rate=0.1)
    with pytest.raises(ValueError, match="chance 0"):
        replay(values, np.zeros((5, 6)), np.array([0]), 1, unit=0.1, discount=0.9, rate=0.1)
    round_ = (values, np.zeros((2, 4)), np.zeros((5, 6)), np.array([1]))
    rates: Any = {"draws": 1, "unit": 0.1, "discount": 0.9, "fading": 0.8, "rate": 0.1}
    with pytest.raises(ValueError, match="place 5 of 5"):
        settle(*round_, 5, 0, 0, BUY, 0.1, 0.0, 1, 1, 1, **rates)
    with pytest.raises(ValueError, match="out of range"):
        settle(*round_, 0, 0, 0, 3, 0.1, 0.0, 1, 1, 1, **rates)
    with pytest.raises(ValueError, match="next row 4"):
        settle(*round_, 0, 0, 0, BUY, 0.1, 0.0, 4, 1, 1, **rates)
