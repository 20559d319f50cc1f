"""The quantum game of Eisert, Wilkens and Lewenstein: a 2x2 game whose players turn entangled qubits.

|psi> = J* (U_ours x U_theirs) J |00>, J = exp(-i gamma D x D / 2), D = [[0, 1], [-1, 0]],
U(theta, phi) = [[exp(i phi) cos(theta/2), sin(theta/2)], [-sin(theta/2), exp(-i phi) cos(theta/2)]].

|<jk|psi>|**2 is the probability that our player is found at j and theirs at k, 0 to cooperate and 1 to defect; payoffs
are the matrices' entries in that mixture. gamma in [0, pi/2] says how entangled the qubits are: at 0 the game is the
classical one, where cos^2(theta/2) is the probability to cooperate and phi means nothing. Eisert, Wilkens and
Lewenstein, "Quantum games and quantum strategies", Physical Review Letters 83, 3077 (1999), who write J with the other
sign of i, which is the same as the other sign of phi. Simulated exactly, four amplitudes, as ``kernels.circuit`` says.

They let phi be in [0, pi/2]. That Q against Q is an equilibrium rests on the set of strategies allowed (Benjamin and
Hayden, Physical Review Letters 87, 069801 (2001)), so the set is the caller's to choose and to defend.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Complexes, Floats
from kernels.jit import kernel

COOPERATE: Final = (0.0, 0.0)
DEFECT: Final = (math.pi, 0.0)
QUANTUM: Final = (0.0, math.pi / 2)
"""Q: defends against D where gamma is large enough."""

MIRACLE: Final = (math.pi / 2, math.pi / 2)
"""M: against any player who keeps to phi = 0, at gamma = pi/2, wins 3 or more of the prisoner's dilemma 3, 0, 5, 1."""


def payoffs(
    row: Floats, column: Floats, gamma: float, ours: tuple[float, float], theirs: tuple[float, float]
) -> tuple[float, float]:
    """Return what we, who choose the row, and they are paid for the strategies (theta, phi) of each.

    Parameters
    ----------
    row, column
        Our payoffs and theirs, finite, shape (2, 2), cooperation first.
    gamma
        Entanglement, finite, in radians.
    ours, theirs
        theta and phi, finite, in radians.

    Examples
    --------
    >>> dilemma = np.array([[3.0, 0.0], [5.0, 1.0]])
    >>> ours, theirs = payoffs(dilemma, dilemma.T, math.pi / 2, DEFECT, QUANTUM)
    >>> round(ours, 12), round(theirs, 12)
    (0.0, 5.0)
    """
    first, second = table(row, column, gamma, np.array([ours, theirs]))
    return float(first[0, 1]), float(second[0, 1])


def table(row: Floats, column: Floats, gamma: float, strategies: Floats) -> tuple[Floats, Floats]:
    """Return the bimatrix game over a list of strategies, what we are paid and what they are.

    Parameters
    ----------
    row, column, gamma
        As for ``payoffs``.
    strategies
        Rows of theta and phi, finite, in radians, shape (s, 2): the same list for both.

    Returns
    -------
    ours, theirs
        Shape (s, s), entry (i, j) where we play strategy i and they j.

    Raises
    ------
    ValueError
        Other shapes, or a number that is not finite.
    """
    if row.shape != (2, 2) or column.shape != (2, 2) or strategies.ndim != 2 or strategies.shape[1] != 2:
        raise ValueError(
            f"matrices {row.shape} and {column.shape}, strategies {strategies.shape}: expected (2, 2) twice and (s, 2)"
        )
    games = _table(
        np.ascontiguousarray(row), np.ascontiguousarray(column), float(gamma), np.ascontiguousarray(strategies)
    )
    if not games.shape[0]:
        raise ValueError(f"row {row}, column {column}, gamma {gamma}, strategies {strategies}: expected finite numbers")
    return games[0], games[1]


@kernel
def _unitaries(strategies: Floats) -> Complexes:
    matrices = np.empty((len(strategies), 2, 2), np.complex128)
    for i in range(len(strategies)):
        keep, turn = math.cos(0.5 * strategies[i, 0]), math.sin(0.5 * strategies[i, 0])
        phase = complex(math.cos(strategies[i, 1]), math.sin(strategies[i, 1]))
        matrices[i, 0, 0], matrices[i, 0, 1] = keep * phase, complex(turn, 0.0)
        matrices[i, 1, 0], matrices[i, 1, 1] = complex(-turn, 0.0), keep * phase.conjugate()
    return matrices


@kernel
def _table(row: Floats, column: Floats, gamma: float, strategies: Floats) -> Floats:
    """Return both tables, one after the other, and an empty array where a number is not finite."""
    total = gamma + row.sum() + column.sum() + strategies.sum()
    count = len(strategies) if math.isfinite(total) else 0
    games = np.zeros((2 if count else 0, count, count))
    still, flip = math.cos(0.5 * gamma), complex(0.0, math.sin(0.5 * gamma))
    turns = _unitaries(strategies)
    entangled = np.empty((2, 2), np.complex128)
    for i in range(count):
        for j in range(count):
            for a in range(2):
                for b in range(2):
                    entangled[a, b] = still * turns[i, a, 0] * turns[j, b, 0] - flip * turns[i, a, 1] * turns[j, b, 1]
            for a in range(2):
                for b in range(2):
                    sign = 1.0 if a == b else -1.0
                    found = still * entangled[a, b] + sign * flip * entangled[1 - a, 1 - b]
                    probability = found.real * found.real + found.imag * found.imag
                    games[0, i, j] += probability * row[a, b]
                    games[1, i, j] += probability * column[a, b]
    return games
