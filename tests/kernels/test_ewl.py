"""The game of Eisert, Wilkens and Lewenstein, against its paper, plain matrices and the circuit that plays it."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import circuit
from kernels import ewl as module
from kernels.arrays import Complexes, Floats
from kernels.circuit import ALONE, CNOT, RX, RY, RZ
from kernels.ewl import COOPERATE, DEFECT, MIRACLE, QUANTUM, payoffs, table

ROW = np.array([[3.0, 0.0], [5.0, 1.0]])
COLUMN = ROW.T.copy()
FULL = math.pi / 2
D = np.array([[0.0, 1.0], [-1.0, 0.0]])
Strategy = tuple[float, float]
angles = st.floats(-math.pi, math.pi)
strategies = st.tuples(st.floats(0, math.pi), angles)
matrices = st.lists(st.floats(-10, 10), min_size=4, max_size=4).map(lambda cells: np.array(cells).reshape(2, 2))


def plain(row: Floats, column: Floats, gamma: float, ours: Strategy, theirs: Strategy) -> tuple[float, float]:
    """Return the payoffs by four by four matrices."""
    entangle = math.cos(gamma / 2) * np.eye(4) - 1j * math.sin(gamma / 2) * np.kron(D, D)
    state = entangle.conj().T @ np.kron(unitary(*ours), unitary(*theirs)) @ entangle @ np.eye(4)[0]
    found = np.abs(state.reshape(2, 2)) ** 2
    return float((found * row).sum()), float((found * column).sum())


def unitary(theta: float, phi: float) -> Complexes:
    keep, turn = math.cos(theta / 2), math.sin(theta / 2)
    return np.array([[np.exp(1j * phi) * keep, turn], [-turn, np.exp(-1j * phi) * keep]])


def played(gamma: float, ours: Strategy, theirs: Strategy) -> Floats:
    """Return the probabilities of CC, CD, DC and DD by gates: D is i Y, so that J = exp(i gamma Y x Y / 2)."""
    steps: list[tuple[int, int, int, float]] = []

    def entangle(angle: float) -> None:
        turned = [(RX, 0, ALONE, FULL), (RX, 1, ALONE, FULL)]
        steps.extend([*turned, (CNOT, 1, 0, 0.0), (RZ, 1, ALONE, angle), (CNOT, 1, 0, 0.0)])
        steps.extend((RX, qubit, ALONE, -FULL) for qubit in (0, 1))

    entangle(-gamma)
    for qubit, (theta, phi) in enumerate((ours, theirs)):
        steps.extend([(RZ, qubit, ALONE, -phi), (RY, qubit, ALONE, -theta), (RZ, qubit, ALONE, -phi)])
    entangle(gamma)
    gates = np.array([step[:3] for step in steps])
    return circuit.probabilities(circuit.run(gates, np.array([step[3] for step in steps]), 2))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (QUANTUM, QUANTUM, (3, 3)),
        (COOPERATE, QUANTUM, (1, 1)),
        (DEFECT, QUANTUM, (0, 5)),
        (DEFECT, DEFECT, (1, 1)),
        (COOPERATE, COOPERATE, (3, 3)),
    ],
)
def test_the_entangled_prisoners_dilemma(ours: Strategy, theirs: Strategy, expected: tuple[float, float]) -> None:
    """Eisert, Wilkens and Lewenstein 1999, at gamma = pi/2."""
    assert payoffs(ROW, COLUMN, FULL, ours, theirs) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("sine_squared", "expected"), [(1 / 5, (4, 1)), (2 / 5, (3, 2))])
def test_defection_against_q_at_the_two_thresholds(sine_squared: float, expected: tuple[float, float]) -> None:
    """Du and others, Physical Review Letters 88, 137902 (2002): sin^2(gamma) = 1/5 and 2/5."""
    gamma = math.asin(math.sqrt(sine_squared))
    assert payoffs(ROW, COLUMN, gamma, DEFECT, QUANTUM) == pytest.approx(expected, abs=1e-12)


def test_below_the_first_threshold_defection_is_the_equilibrium_and_above_the_second_q_is() -> None:
    first, second = math.asin(math.sqrt(1 / 5)), math.asin(math.sqrt(2 / 5))
    pair = np.array([DEFECT, QUANTUM])
    low, _ = table(ROW, COLUMN, first - 0.01, pair)
    high, _ = table(ROW, COLUMN, second + 0.01, pair)
    assert low[0, 0] > low[1, 0]
    assert low[0, 1] > low[1, 1]
    assert high[1, 1] > high[0, 1]
    assert high[1, 0] > high[0, 0]


@settings(deadline=None, max_examples=60)
@given(st.floats(0, math.pi))
def test_the_miracle_move_beats_whoever_keeps_to_real_turns(theta: float) -> None:
    """Eisert, Wilkens and Lewenstein 1999; the other sign of J would make it a blunder."""
    ours, theirs = payoffs(ROW, COLUMN, FULL, MIRACLE, (theta, 0.0))
    assert ours >= 3 - 1e-12
    assert theirs <= 0.5 + 1e-12


def test_the_other_sign_of_phase_is_no_miracle() -> None:
    assert payoffs(ROW, COLUMN, FULL, (MIRACLE[0], -MIRACLE[1]), (FULL, 0.0))[0] < 1 + 1e-12


@settings(deadline=None, max_examples=60)
@given(matrices, matrices, strategies, strategies)
def test_without_entanglement_it_is_the_classical_game(
    row: Floats, column: Floats, ours: Strategy, theirs: Strategy
) -> None:
    keep, other = math.cos(ours[0] / 2) ** 2, math.cos(theirs[0] / 2) ** 2
    mine, yours = np.array([keep, 1 - keep]), np.array([other, 1 - other])
    expected = (mine @ row @ yours, mine @ column @ yours)
    assert payoffs(row, column, 0.0, ours, theirs) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.floats(0, FULL), st.floats(0, math.pi), st.floats(0, math.pi))
def test_without_phases_it_is_the_classical_game_at_any_entanglement(gamma: float, ours: float, theirs: float) -> None:
    entangled = payoffs(ROW, COLUMN, gamma, (ours, 0.0), (theirs, 0.0))
    assert entangled == pytest.approx(payoffs(ROW, COLUMN, 0.0, (ours, 0.0), (theirs, 0.0)), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(matrices, matrices, angles, strategies, strategies)
def test_payoffs_equal_plain_matrices_and_the_kernel_in_python(
    row: Floats, column: Floats, gamma: float, ours: Strategy, theirs: Strategy
) -> None:
    found = payoffs(row, column, gamma, ours, theirs)
    assert found == pytest.approx(plain(row.copy(), column.copy(), gamma, ours, theirs), abs=1e-12)
    games = cast("Any", module._table).py_func(row, column, gamma, np.array([ours, theirs]))
    assert found == pytest.approx((games[0, 0, 1], games[1, 0, 1]), abs=1e-13)


@settings(deadline=None, max_examples=60)
@given(st.floats(0, FULL), strategies, strategies)
def test_payoffs_are_those_of_the_circuit_and_convex(gamma: float, ours: Strategy, theirs: Strategy) -> None:
    mixture = played(gamma, ours, theirs)
    found = payoffs(ROW, COLUMN, gamma, ours, theirs)
    assert found == pytest.approx((mixture @ ROW.ravel(), mixture @ COLUMN.ravel()), abs=1e-12)
    assert payoffs(np.ones((2, 2)), COLUMN, gamma, ours, theirs)[0] == pytest.approx(1, abs=1e-12)
    assert ROW.min() - 1e-12 <= found[0] <= ROW.max() + 1e-12


@settings(deadline=None, max_examples=60)
@given(matrices, st.floats(0, FULL), strategies, strategies)
def test_a_symmetric_game_does_not_tell_the_players_apart(
    row: Floats, gamma: float, ours: Strategy, theirs: Strategy
) -> None:
    found = payoffs(row, row.T, gamma, ours, theirs)
    assert found == pytest.approx(payoffs(row, row.T, gamma, theirs, ours)[::-1], abs=1e-12)


def test_a_table_holds_the_payoffs_of_every_pair() -> None:
    choices = (COOPERATE, DEFECT, QUANTUM, MIRACLE)
    ours, theirs = table(ROW, COLUMN, 0.7, np.array(choices))
    for i, mine in enumerate(choices):
        for j, yours in enumerate(choices):
            assert payoffs(ROW, COLUMN, 0.7, mine, yours) == pytest.approx((ours[i, j], theirs[i, j]), abs=1e-15)


def test_entanglement_changes_what_q_is_paid() -> None:
    paid = {round(payoffs(ROW, COLUMN, gamma, QUANTUM, DEFECT)[0], 6) for gamma in (0.0, 0.3, 0.6, 1.2)}
    assert len(paid) == 4


def test_a_singular_game_pays_the_same_whatever_is_played() -> None:
    ours, theirs = table(np.zeros((2, 2)), np.full((2, 2), 2.0), 1.0, np.array([COOPERATE, DEFECT, QUANTUM]))
    assert np.array_equal(ours, np.zeros((3, 3)))
    assert theirs == pytest.approx(np.full((3, 3), 2.0), abs=1e-12)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused(place: int, bad: float) -> None:
    row, column, gamma, chosen = ROW.copy(), COLUMN.copy(), 1.0, np.array([COOPERATE, QUANTUM])
    if place == 2:
        gamma = bad
    else:
        (row, column, None, chosen)[place][0, 1] = bad  # type: ignore[index]
    with pytest.raises(ValueError, match="expected finite numbers"):
        table(row, column, gamma, chosen)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        table(np.zeros((3, 3)), COLUMN, 1.0, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="expected"):
        table(ROW, COLUMN, 1.0, np.zeros((1, 3)))
