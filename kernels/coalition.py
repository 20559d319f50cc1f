"""Coalitions that share what they earn: the Shapley value, and the core.

A game of n players is the array of the values v(S) of its 2^n coalitions, indexed by bit mask: player i is in coalition
S if bit i of S is set; v of nobody is 0. Shapley (1953), "A value for n-person games": player i gets the mean, over all
orders of arrival, of what he adds, phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)). Gillies
(1959): an allocation is in the core if it hands out v of all, and no coalition would earn more alone.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

MOST_PLAYERS: Final = 12
_LARGEST: Final = 1e150


def shapley(values: Floats) -> Floats:
    """Return the Shapley value of each player.

    Parameters
    ----------
    values
        v of each coalition, shape (2^n,), 1 <= n <= 12, ``values[0]`` 0.

    Raises
    ------
    ValueError
        A size that is no power of 2 or out of range, a value that is not finite, or an empty coalition worth something.

    Examples
    --------
    >>> shapley(np.array([0.0, 1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 10.0])).round(6).tolist()
    [2.333333, 3.333333, 4.333333]
    """
    return _shapley(*_game(values))


def core_excess(values: Floats, allocation: Floats) -> float:
    """Return the most that any coalition, neither empty nor of all, would earn alone beyond its allocation.

    Negative if each of them is better off staying; minus infinity with one player, where there is no such coalition.

    Parameters
    ----------
    values
        As in `shapley`.
    allocation
        What each player gets, finite, shape (n,).

    Raises
    ------
    ValueError
        Shapes that do not fit, or a value that is not finite.
    """
    values, players = _game(values)
    return float(_core_excess(values, _allocation(allocation, players)))


def is_in_core(values: Floats, allocation: Floats, tolerance: float) -> bool:
    """Tell whether ``allocation`` hands out the value of all, and no coalition has an excess, within ``tolerance``.

    Parameters
    ----------
    values, allocation
        As in `core_excess`.
    tolerance
        In units of value, at least 0.
    """
    if not 0.0 <= tolerance < math.inf:
        raise ValueError(f"tolerance {tolerance}, expected >= 0")
    has_excess = core_excess(values, allocation) > tolerance
    return not has_excess and abs(float(values[-1]) - float(allocation.sum())) <= tolerance


@kernel
def _shapley(values: Floats, players: int) -> Floats:
    # The weight of a coalition of s others, from 1/n downward by the ratio of neighbouring binomials.
    weights = np.empty(players)
    weights[0] = 1.0 / players
    for s in range(1, players):
        weights[s] = weights[s - 1] * s / (players - s)
    shares = np.zeros(players)
    for coalition in range(values.size):
        size = 0
        for i in range(players):
            size += coalition >> i & 1
        for i in range(players):
            if not coalition >> i & 1:
                shares[i] += weights[size] * (values[coalition | 1 << i] - values[coalition])
    return shares


@kernel
def _core_excess(values: Floats, allocation: Floats) -> float:
    largest = -np.inf
    for coalition in range(1, values.size - 1):
        excess = values[coalition]
        for i in range(allocation.size):
            if coalition >> i & 1:
                excess -= allocation[i]
        largest = max(largest, excess)
    return largest


def _game(values: Floats) -> tuple[Floats, int]:
    players = max(values.size, 1).bit_length() - 1
    if values.shape != (1 << players,) or not 1 <= players <= MOST_PLAYERS:
        raise ValueError(f"values of shape {values.shape}, expected (2^n,) with 1 <= n <= {MOST_PLAYERS}")
    if not np.abs(values).max() <= _LARGEST or values[0] != 0.0:
        raise ValueError(f"expected finite values, up to {_LARGEST:g}, and 0 for the empty coalition")
    return np.ascontiguousarray(values, np.float64), players


def _allocation(allocation: Floats, players: int) -> Floats:
    if allocation.shape != (players,) or not np.abs(allocation).max() <= _LARGEST:
        raise ValueError(f"an allocation {allocation}, expected {players} finite numbers")
    return np.ascontiguousarray(allocation, np.float64)
