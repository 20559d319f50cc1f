"""Which equilibrium of several stands: the payoff-dominant one (Harsanyi and Selten 1988).

Of all equilibria by support enumeration, those whose regret is within the certificate count; the one with the highest
sum of both payoffs stands, and those that tie with it within the certificate are averaged. An average of equilibria
need not be one itself; it says that nothing chooses between them.
"""

import math
from typing import NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.ewl import _table
from kernels.games import CERTIFICATE, MOST_STRATEGIES, _support_enumeration
from kernels.jit import kernel


class Selected(NamedTuple):
    """The equilibrium that stands.

    ``row`` (m,) and ``column`` (n,) are the mixtures; ``certified`` says how many equilibria had their certificate, and
    mixtures are 0 where none had; ``is_degenerate`` tells that the game may have more equilibria than were listed.
    """

    row: Floats
    column: Floats
    certified: int
    is_degenerate: bool


def payoff_dominant(row: Floats, column: Floats) -> Selected:
    """Return the certified equilibrium with the highest sum of payoffs.

    Parameters
    ----------
    row, column
        Payoffs of the row and of the column player, finite, shape (m, n) each, m and n from 1 to 6.

    Examples
    --------
    >>> payoff_dominant(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 1.0]])).row.tolist()
    [1.0, 0.0]
    """
    if row.ndim != 2 or row.shape != column.shape or not 1 <= min(row.shape) <= max(row.shape) <= MOST_STRATEGIES:
        raise ValueError(f"matrices {row.shape} and {column.shape}: expected (m, n) twice, 1 to {MOST_STRATEGIES}")
    row, column = np.ascontiguousarray(row, np.float64), np.ascontiguousarray(column, np.float64)
    if not np.isfinite(row.sum() + column.sum()):
        raise ValueError(f"payoffs {row} and {column}: expected finite numbers")
    return Selected(*_payoff_dominant(row, column, CERTIFICATE))


def entangled_position(row: Floats, column: Floats, gamma: float, strategies: Floats) -> float | None:
    """Return where the row player's qubit is expected to be found in the payoff-dominant equilibrium of the EWL game.

    Parameters
    ----------
    row, column
        Payoffs of a 2x2 game, finite, shape (2, 2).
    gamma
        Entanglement in radians, finite.
    strategies
        Rows of theta and phi, shape (s, 2), s from 1 to 6; see ``kernels.ewl``.

    Returns
    -------
    float | None
        In [-1, 1], 1 for its first strategy and -1 for its second; None if no equilibrium had its certificate.
    """
    if row.shape != (2, 2) or column.shape != (2, 2) or strategies.ndim != 2 or strategies.shape[1] != 2:
        raise ValueError(
            f"matrices {row.shape}, {column.shape}, strategies {strategies.shape}: expected 2x2 and (s, 2)"
        )
    if not 1 <= len(strategies) <= MOST_STRATEGIES or not math.isfinite(gamma + row.sum() + column.sum()):
        raise ValueError(f"gamma {gamma}, {len(strategies)} strategies: expected finite numbers, 1 to 6 strategies")
    row, column = np.ascontiguousarray(row, np.float64), np.ascontiguousarray(column, np.float64)
    found = _entangled_position(row, column, gamma, np.ascontiguousarray(strategies, np.float64), CERTIFICATE)
    return None if math.isnan(found) else float(found)


@kernel
def _entangled_position(row: Floats, column: Floats, gamma: float, strategies: Floats, certificate: float) -> float:
    games = _table(row, column, gamma, strategies)
    x, y, certified, _ = _payoff_dominant(games[0], games[1], certificate)
    if certified == 0:
        return np.nan
    side = np.ones((2, 2))
    side[1] = -1.0
    positions = _table(side, side, gamma, strategies)[0]
    total = 0.0
    for i in range(x.size):
        for j in range(y.size):
            total += x[i] * positions[i, j] * y[j]
    return min(max(total, -1.0), 1.0)


@kernel
def _payoff_dominant(row: Floats, column: Floats, certificate: float) -> tuple[Floats, Floats, int, bool]:
    rows, columns, regrets, is_degenerate = _support_enumeration(row, np.ascontiguousarray(column.T))
    count = regrets.size
    totals = np.full(count, -np.inf)
    certified = 0
    best = -np.inf
    for k in range(count):
        if regrets[k] <= certificate:
            certified += 1
            totals[k] = 0.0
            for i in range(row.shape[0]):
                for j in range(row.shape[1]):
                    totals[k] += rows[k, i] * (row[i, j] + column[i, j]) * columns[k, j]
            best = max(best, totals[k])
    x = np.zeros(row.shape[0])
    y = np.zeros(row.shape[1])
    ties = 0
    for k in range(count):
        if regrets[k] <= certificate and totals[k] >= best - certificate:
            ties += 1
            x += rows[k]
            y += columns[k]
    if ties > 1:
        x /= ties
        y /= ties
    return x, y, certified, is_degenerate
