"""A desk that plays the game of ``qbmia.quantum_nash`` against the crowd of ``kernels.crowd``, in one call.

Rows are the desk (with the move, flat, against it), columns the crowd (chasing, fading), payoffs as that module says.
The payoff-dominant equilibrium x of that game gives x_with - x_against; entangled, (1 - x_flat) times where the desk's
qubit is found in the game of its 2x2 core, gamma = (pi / 2) |correlation| (``kernels.selection``).
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.crowd import _ACTED, _CELLS, _DRIFT, _HERD, STATE_SIZE
from kernels.games import CERTIFICATE, MOST_STRATEGIES
from kernels.jit import kernel
from kernels.selection import _entangled_position, _payoff_dominant

_NONE: Final = np.zeros((0, 2))


class Stand(NamedTuple):
    """Where the desk stands.

    ``exposure`` in [-1, 1] is with the move, NaN where an equilibrium lacks its certificate; ``direction`` is that of
    the move, ``chasing``, ``fading``, ``chases``, ``fades`` those of ``kernels.crowd.Crowd``; ``correlation`` is what
    entangles; ``is_degenerate`` is 1 where the classical game may have more equilibria than were listed.
    """

    exposure: float
    direction: float
    chasing: float
    fading: float
    chases: float
    fades: float
    correlation: float
    is_degenerate: float


def stand(
    state: Floats,
    *,
    shrinkage: float,
    crowding: float,
    cost: float,
    correlation: float | None,
    strategies: Floats | None,
) -> Stand:
    """Return where the desk stands.

    Parameters
    ----------
    state, shrinkage
        As for ``kernels.crowd.read``.
    crowding, cost
        Price of standing where the other stands and of standing anywhere, in volatilities a bar, finite.
    correlation
        How alike markets move, in [-1, 1]; None where there is no other: the crowd's herding counts then.
    strategies
        Rows of theta and phi of the entangled game, shape (s, 2), s from 1 to 6; None for the classical game alone.
    """
    if state.shape != (STATE_SIZE,) or not shrinkage >= 0.0 or not math.isfinite(crowding + cost):
        raise ValueError(f"state {state.shape}, shrinkage {shrinkage}, crowding {crowding}, cost {cost}: out of range")
    if strategies is None:
        strategies = _NONE
    elif strategies.ndim != 2 or strategies.shape[1] != 2 or not 1 <= len(strategies) <= MOST_STRATEGIES:
        raise ValueError(f"strategies of shape {strategies.shape}, expected (s, 2) with s from 1 to {MOST_STRATEGIES}")
    entangling = math.nan if correlation is None else float(correlation)
    return Stand._make(_stand(state, shrinkage, crowding, cost, entangling, strategies, CERTIFICATE))


def game(chasing: float, fading: float, crowding: float, cost: float) -> tuple[Floats, Floats]:
    """Return the payoffs of desk and crowd, shape (3, 2) each, in volatilities a bar."""
    return _game(float(chasing), float(fading), float(crowding), float(cost))


def entanglement(correlation: float) -> float:
    """Return gamma = (pi / 2) |correlation|, in [0, pi / 2]."""
    return float(_entanglement(float(correlation)))


@kernel
def _game(chasing: float, fading: float, crowding: float, cost: float) -> tuple[Floats, Floats]:
    row = np.zeros((3, 2))
    column = np.empty((3, 2))
    row[0, 0], row[0, 1] = chasing - cost - crowding, fading - cost
    row[2, 0], row[2, 1] = -chasing - cost, -fading - cost - crowding
    column[0, 0], column[0, 1] = chasing - crowding, -fading
    column[1, 0], column[1, 1] = chasing, -fading
    column[2, 0], column[2, 1] = chasing, -fading - crowding
    return row, column


@kernel
def _entanglement(correlation: float) -> float:
    return 0.5 * math.pi * min(abs(correlation), 1.0)


@kernel
def _stand(
    state: Floats,
    shrinkage: float,
    crowding: float,
    cost: float,
    correlation: float,
    strategies: Floats,
    certificate: float,
) -> tuple[float, float, float, float, float, float, float, float]:
    chases, fades = state[_CELLS], state[_CELLS + 2]
    chase = state[_CELLS + 1] / (chases + shrinkage) if chases > 0.0 else 0.0
    fade = state[_CELLS + 3] / (fades + shrinkage) if fades > 0.0 else 0.0
    drift = state[_DRIFT]
    direction = 1.0 if drift > 0.0 else (-1.0 if drift < 0.0 else 0.0)
    if math.isnan(correlation):
        correlation = state[_HERD] / state[_ACTED] if state[_ACTED] > 0.0 else 0.0
    row, column = _game(chase, fade, crowding, cost)
    x, _, certified, is_degenerate = _payoff_dominant(row, column, certificate)
    exposure = x[0] - x[2] if certified > 0 else np.nan
    if certified > 0 and strategies.shape[0] > 0 and x[1] < 1.0:
        core = np.empty((2, 2))
        others = np.empty((2, 2))
        for j in range(2):
            core[0, j], core[1, j] = row[0, j], row[2, j]
            others[0, j], others[1, j] = column[0, j], column[2, j]
        measured = _entangled_position(core, others, _entanglement(correlation), strategies, certificate)
        exposure = (1.0 - x[1]) * measured
    return exposure, direction, chase, fade, chases, fades, correlation, 1.0 if is_degenerate else 0.0
