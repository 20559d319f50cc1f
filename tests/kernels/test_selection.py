"""Payoff dominance among the equilibria of support enumeration."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import selection
from kernels.arrays import Floats
from kernels.ewl import COOPERATE, DEFECT, MIRACLE, QUANTUM, table
from kernels.games import CERTIFICATE, regret, support_enumeration
from kernels.selection import entangled_position, payoff_dominant

STRATEGIES = np.array([COOPERATE, DEFECT, QUANTUM, MIRACLE])


@st.composite
def games(draw: st.DrawFn) -> tuple[Floats, Floats]:
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    entries = st.lists(st.integers(-3, 3).map(float), min_size=m * n, max_size=m * n)
    return np.array(draw(entries)).reshape(m, n), np.array(draw(entries)).reshape(m, n)


@settings(deadline=None, max_examples=80)
@given(game=games())
def test_it_is_the_best_of_the_enumeration(game: tuple[Floats, Floats]) -> None:
    row, column = game
    found, listed = payoff_dominant(row, column), support_enumeration(row, column)
    totals = np.einsum("ki,ij,kj->k", listed.rows, row + column, listed.columns)
    totals[listed.regrets > CERTIFICATE] = -np.inf
    best = totals >= totals.max() - CERTIFICATE
    np.testing.assert_allclose(found.row, listed.rows[best].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.column, listed.columns[best].mean(axis=0), atol=1e-12)
    assert found.certified == int((listed.regrets <= CERTIFICATE).sum()) >= 1
    assert found.is_degenerate == listed.is_degenerate
    if best.sum() == 1:
        assert regret(row, column, found.row, found.column) <= 1e-9


def test_a_stag_hunt_hunts_the_stag() -> None:
    game = np.array([[4.0, 0.0], [3.0, 3.0]])
    assert payoff_dominant(game, game.T).row.tolist() == [1.0, 0.0]


def test_ties_are_averaged() -> None:
    game = np.eye(2)
    found = payoff_dominant(game, game)
    assert found.row.tolist() == found.column.tolist() == [0.5, 0.5]
    assert found.certified == 3


def test_what_has_no_certificate_is_not_used() -> None:
    game = np.eye(2)
    row, column, certified, _ = cast("Any", selection._payoff_dominant)(game, game, -1.0)
    assert certified == 0
    assert not row.any()
    assert not column.any()


def test_compiled_and_plain_agree() -> None:
    game = np.array([[1.0, 0.0, 2.0], [-2.0, 3.0, 1.0]])
    plain = cast("Any", selection._payoff_dominant).py_func(game, game[::-1].copy(), 1e-9)
    for one, other in zip(payoff_dominant(game, game[::-1]), plain, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (np.ones((2, 2)), np.ones((2, 3))),
        (np.ones((7, 2)), np.ones((7, 2))),
        (np.ones(3), np.ones(3)),
        (np.full((2, 2), np.nan), np.ones((2, 2))),
    ],
)
def test_wrong_games_are_refused(row: Floats, column: Floats) -> None:
    with pytest.raises(ValueError, match="expected"):
        payoff_dominant(row, column)


@settings(deadline=None, max_examples=40)
@given(
    entries=st.lists(st.integers(-3, 3).map(float), min_size=8, max_size=8), gamma=st.sampled_from([0.0, 0.4, 1.0, 1.5])
)
def test_the_entangled_position_is_that_of_the_enumerated_game(entries: list[float], gamma: float) -> None:
    row, column = np.array(entries).reshape(2, 2, 2)
    found = payoff_dominant(*table(row, column, gamma, STRATEGIES))
    side = np.array([[1.0, 1.0], [-1.0, -1.0]])
    expected = found.row @ table(side, side, gamma, STRATEGIES)[0] @ found.column
    assert entangled_position(row, column, gamma, STRATEGIES) == pytest.approx(expected, abs=1e-12)
    plain = cast("Any", selection._entangled_position).py_func(
        row.copy(), column.copy(), gamma, STRATEGIES, CERTIFICATE
    )
    assert plain == pytest.approx(expected, abs=1e-9)


def test_no_certificate_no_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "CERTIFICATE", -1.0)
    assert entangled_position(np.eye(2), np.eye(2), 0.3, STRATEGIES) is None


@pytest.mark.parametrize(
    ("row", "gamma", "strategies"),
    [
        (np.eye(3), 0.1, STRATEGIES),
        (np.eye(2), np.nan, STRATEGIES),
        (np.eye(2), 0.1, np.zeros((0, 2))),
        (np.eye(2), 0.1, np.zeros((3, 3))),
    ],
)
def test_wrong_entangled_games_are_refused(row: Floats, gamma: float, strategies: Floats) -> None:
    with pytest.raises(ValueError, match="expected"):
        entangled_position(row, np.eye(2), gamma, strategies)
