"""The desk's stand in one call, against the parts that it is made of."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import crowd, desk
from kernels.arrays import Floats
from kernels.desk import Stand, entanglement, game, stand
from kernels.ewl import COOPERATE, DEFECT, MIRACLE, QUANTUM
from kernels.games import CERTIFICATE
from kernels.selection import entangled_position, payoff_dominant
from tests.seats.driver import walk

STRATEGIES = np.array([COOPERATE, DEFECT, QUANTUM, MIRACLE])


def seen(seed: int, bars: int = 200, persistence: float = 0.0) -> Floats:
    state = crowd.initial()
    for row in walk(seed, bars, persistence=persistence):
        crowd.update(state, row, memory=5, decay=0.94, discount=0.995)
    return state


def in_parts(state: Floats, crowding: float, cost: float, correlation: float | None, *, quantum: bool) -> Stand:
    read = crowd.read(state, 100.0)
    correlation = read.herding if correlation is None else correlation
    row, column = game(read.chasing, read.fading, crowding, cost)
    selected = payoff_dominant(row, column)
    exposure = float(selected.row[0] - selected.row[2])
    if quantum and selected.row[1] < 1.0:
        measured = entangled_position(row[::2], column[::2], entanglement(correlation), STRATEGIES)
        assert measured is not None
        exposure = (1.0 - float(selected.row[1])) * measured
    degenerate = float(selected.is_degenerate)
    return Stand(
        exposure, read.direction, read.chasing, read.fading, read.chases, read.fades, correlation, degenerate
    )  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 40),
    bars=st.sampled_from([1, 8, 60, 200]),
    crowding=st.sampled_from([0.0, 0.02, 0.2]),
    cost=st.sampled_from([0.0, 0.05]),
    correlation=st.none() | st.floats(-1, 1),
    quantum=st.booleans(),
)
def test_it_is_what_its_parts_say_to_the_last_bit(
    seed: int, bars: int, crowding: float, cost: float, correlation: float | None, quantum: bool
) -> None:
    state = seen(seed, bars, 0.3)
    found = stand(
        state,
        shrinkage=100.0,
        crowding=crowding,
        cost=cost,
        correlation=correlation,
        strategies=STRATEGIES if quantum else None,
    )
    assert found == in_parts(state, crowding, cost, correlation, quantum=quantum)


def test_compiled_and_plain_agree() -> None:
    state = seen(3)
    terms = (100.0, 0.02, 0.0, 0.5, STRATEGIES, CERTIFICATE)
    plain = cast("Any", desk._stand).py_func(state.copy(), *terms)
    found = stand(state, shrinkage=100.0, crowding=0.02, cost=0.0, correlation=0.5, strategies=STRATEGIES)
    np.testing.assert_allclose(found, plain, atol=1e-12)
    for one, other in zip(game(0.3, -0.1, 0.02, 0.05), cast("Any", desk._game).py_func(0.3, -0.1, 0.02, 0.05),
                          strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, other)
    assert entanglement(-0.5) == cast("Any", desk._entanglement).py_func(-0.5) == math.pi / 4


def test_the_payoffs_are_those_of_the_text() -> None:
    row, column = game(0.3, -0.1, 0.02, 0.05)
    np.testing.assert_allclose(row, [[0.23, -0.15], [0.0, 0.0], [-0.35, 0.03]])
    np.testing.assert_allclose(column, [[0.28, 0.1], [0.3, 0.1], [0.3, 0.08]])


@pytest.mark.parametrize(
    ("correlation", "gamma"), [(0.0, 0.0), (0.5, math.pi / 4), (-0.5, math.pi / 4), (1.0, math.pi / 2)]
)
def test_entanglement_is_the_size_of_the_correlation(correlation: float, gamma: float) -> None:
    assert entanglement(correlation) == pytest.approx(gamma)


def test_no_certificate_is_no_number() -> None:
    terms = (100.0, 0.02, 0.0, 0.5, STRATEGIES, -1.0)
    assert math.isnan(cast("Any", desk._stand)(seen(3), *terms)[0])


def test_wrong_input_is_refused() -> None:
    state = seen(1, 3)
    good = {"shrinkage": 1.0, "crowding": 0.0, "cost": 0.0, "correlation": None, "strategies": None}
    assert stand(state, **cast("Any", good)).exposure == 0.0
    for wrong in ({"shrinkage": -1.0}, {"cost": math.nan}, {"strategies": np.zeros((2, 3))},
                  {"strategies": np.zeros((0, 2))}, {"strategies": np.zeros((7, 2))}):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected|out of range"):
            stand(state, **cast("Any", good | wrong))
    with pytest.raises(ValueError, match="out of range"):
        stand(np.zeros(3), **cast("Any", good))
