"""What a crowd does with the last move: the recursion against sums over the whole past, written in plain numpy."""

from typing import Any, cast

import numpy as np
import pytest

from kernels import crowd
from kernels.arrays import Floats
from kernels.crowd import Crowd
from tests.seats.driver import mirrored, walk


def state_of(rows: Floats, *, memory: int = 5, decay: float = 0.94, discount: float = 0.99) -> Floats:
    state = crowd.initial()
    for row in rows:
        crowd.update(state, row, memory=memory, decay=decay, discount=discount)
    return state


def expected(rows: Floats, memory: int, decay: float, discount: float, shrinkage: float) -> Crowd:
    logs = np.log(rows[:, 3])
    moves = np.diff(logs)
    drifts = [0.0]
    for t, move in enumerate(moves):
        drifts.append(drifts[-1] + (move - drifts[-1]) / min(t + 1, memory))
    sigmas = [
        np.sqrt(np.average(moves[:t] ** 2, weights=decay ** np.arange(t - 1, -1, -1.0))) for t in range(1, len(logs))
    ]
    places = np.sign(2 * logs - np.log(rows[:, 1]) - np.log(rows[:, 2]))
    before = np.sign(np.concatenate([[0.0], drifts[:-1]]))
    actions = before * places
    ages = np.arange(len(logs) - 1, -1, -1.0)
    cells = {1.0: [0.0, 0.0], -1.0: [0.0, 0.0]}
    for t in range(2, len(logs)):
        if actions[t - 1]:
            gain = np.sign(drifts[t - 1]) * np.clip(moves[t - 1] / sigmas[t - 2], -4, 4)
            cells[actions[t - 1]][0] += discount ** ages[t]
            cells[actions[t - 1]][1] += discount ** ages[t] * gain
    weights = discount**ages * (actions != 0)
    (chases, chased), (fades, faded) = cells[1.0], cells[-1.0]
    return Crowd(
        float(np.sign(drifts[-1])), chased / (chases + shrinkage), faded / (fades + shrinkage), chases, fades,
        float((weights * actions).sum() / weights.sum()),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("memory", "discount"), [(1, 1.0), (5, 0.99), (12, 0.9)])
def test_the_recursion_equals_sums_over_the_past(seed: int, memory: int, discount: float) -> None:
    rows = walk(seed, 160)
    state = state_of(rows, memory=memory, discount=discount)
    np.testing.assert_allclose(crowd.read(state, 7.0), expected(rows, memory, 0.94, discount, 7.0), atol=1e-12)


def test_compiled_and_plain_agree() -> None:
    rows = walk(3, 120)
    plain = crowd.initial()
    for row in rows:
        cast("Any", crowd._update).py_func(plain, row, 5, 0.94, 0.99)
    np.testing.assert_allclose(state_of(rows), plain, atol=1e-14)


def test_mirrored_bars_flip_the_direction_only() -> None:
    rows = walk(5, 200)
    one, other = crowd.read(state_of(rows), 10.0), crowd.read(state_of(mirrored(rows)), 10.0)
    assert one.direction == -other.direction != 0.0
    np.testing.assert_allclose(one[1:], other[1:], atol=1e-12)


def test_a_market_that_goes_on_pays_whoever_stands_with_the_move() -> None:
    found = crowd.read(state_of(walk(1, 500, persistence=0.6), memory=1), 0.0)
    assert found.chasing > 0.2
    found = crowd.read(state_of(walk(1, 500, persistence=-0.6), memory=1), 0.0)
    assert found.fading < -0.1


def test_constant_bars_have_no_crowd() -> None:
    found = crowd.read(state_of(np.tile([5.0, 5.0, 5.0, 5.0, 1.0], (50, 1))), 0.0)
    assert found == Crowd(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "wrong", [{"memory": 0}, {"decay": 1.0}, {"decay": -0.1}, {"discount": 0.0}, {"discount": 1.1}]
)
def test_wrong_input_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        crowd.update(crowd.initial(), walk(1, 1)[0], **{"memory": 5, "decay": 0.9, "discount": 0.9, **wrong})
    with pytest.raises(ValueError, match="expected"):
        crowd.update(np.zeros(2), walk(1, 1)[0], memory=5, decay=0.9, discount=0.9)
    with pytest.raises(ValueError, match="expected"):
        crowd.read(crowd.initial(), -1.0)
