"""Games of two players in normal form: the equilibria, each with its certificate.

**Equilibria.** Look at the mixed strategies that their support and their best replies determine: on a support I, the
one mixture against which |I| replies pay alike, and no reply pays more. Supports are tried from small to large, and a
reply that another beats against all of I is left out (conditional dominance: Porter, Nudelman and Shoham 2008, "Simple
search methods for finding a Nash equilibrium"). Two such strategies are an equilibrium if each plays best replies to
the other only. In a nondegenerate game these are all its equilibria, an odd number, of supports of equal size. In a
degenerate game they are the extreme points of its components of equilibria, every pure one among them (von Stengel
2002, "Computing equilibria for two-person games"); what lies between them is not listed.

**Degenerate** is a game in which some mixed strategy has more pure best replies than pure strategies in its support. If
there is one, there is one among the strategies above, and they are all looked at, equilibrium or not. Payoffs within
1e-10 of the spread of their matrix count as equal, so a game that close to a degenerate one is called degenerate too.

The dynamics of a crowd are elsewhere: imitation in `kernels.replicator`, noisy best replies in `kernels.logit`.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel
from kernels.replicator import replicator as replicator

MOST_STRATEGIES: Final = 6
CERTIFICATE: Final = 1e-9
"""No equilibrium is listed in which a player could gain more than this share of the spread of its payoffs."""

_LARGEST: Final = 1e150
_SUM_TOLERANCE: Final = 1e-9
_TIE: Final = 1e-10
_NEVER: Final = 1e-12
"""A probability so small that leaving it out makes and breaks no tie."""


class Enumeration(NamedTuple):
    """Equilibria in the order of the row player's supports, small before large, then of the column player's.

    ``rows`` (k, m) and ``columns`` (k, n) are mixed strategies; ``regrets`` (k,) the most that either player could gain
    by deviating, in units of payoff, at most ``CERTIFICATE`` of the spread of that player's payoffs; ``is_degenerate``
    tells that there may be more equilibria than are listed.
    """

    rows: Floats
    columns: Floats
    regrets: Floats
    is_degenerate: bool


def support_enumeration(row: Floats, column: Floats) -> Enumeration:
    """Return the equilibria of a game, or the extreme ones if it is degenerate; at least one.

    Parameters
    ----------
    row, column
        Payoffs of the row and of the column player, finite, shape (m, n) each, with m and n from 1 to 6.

    Raises
    ------
    ValueError
        Shapes that differ or are too large, or a payoff that is not finite (or beyond 1e150).

    Examples
    --------
    >>> found = support_enumeration(np.array([[1.0, 0.0], [-2.0, 3.0]]), np.array([[3.0, 2.0], [-1.0, 0.0]]))
    >>> found.rows.tolist(), found.columns.tolist(), found.is_degenerate
    ([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], False)
    """
    row, column = _game(row, column)
    if max(row.shape) > MOST_STRATEGIES:
        raise ValueError(f"a game of shape {row.shape}, expected at most {MOST_STRATEGIES} strategies a player")
    return Enumeration(*_support_enumeration(row, column))


def regret(row: Floats, column: Floats, x: Floats, y: Floats) -> float:
    """Return the most that either player could gain by deviating from ``x`` against ``y``; 0 at an equilibrium.

    Of a symmetric game, ``regret(a, a.T, x, x)`` is the exploitability of the shares x.

    Parameters
    ----------
    row, column
        Payoffs, shape (m, n) each.
    x, y
        Mixed strategies, shape (m,) and (n,).

    Raises
    ------
    ValueError
        Shapes that do not fit, a payoff that is not finite, or no probabilities.
    """
    row, column = _game(row, column)
    return float(_regret(row, column, _mixture(x, row.shape[0]), _mixture(y, row.shape[1])))


@kernel
def _support_enumeration(row: Floats, column: Floats) -> tuple[Floats, Floats, Floats, bool]:
    """Enumerate a game, each player's payoffs with his own strategies as rows."""
    xs, x_supports, x_replies, has_row_ties = _vertices(_scaled(column))
    ys, y_supports, y_replies, has_column_ties = _vertices(_scaled(row))
    m, n = row.shape
    count = 0
    for a in range(x_supports.size):
        for b in range(y_supports.size):
            count += x_supports[a] & ~y_replies[b] == 0 and y_supports[b] & ~x_replies[a] == 0
    rows = np.empty((count, m))
    columns = np.empty((count, n))
    regrets = np.empty(count)
    k = 0
    for a in range(x_supports.size):
        for b in range(y_supports.size):
            if x_supports[a] & ~y_replies[b] == 0 and y_supports[b] & ~x_replies[a] == 0:
                for i in range(m):
                    rows[k, i] = xs[a, i]
                for j in range(n):
                    columns[k, j] = ys[b, j]
                regrets[k] = _regret(row, column, rows[k], columns[k])
                k += 1
    return rows, columns, regrets, has_row_ties or has_column_ties


@kernel
def _vertices(payoffs: Floats) -> tuple[Floats, Ints, Ints, bool]:
    """Return strategies over the columns, their supports and best replies among the rows as bit masks, and any ties."""
    n, m = payoffs.shape
    bases = 1
    for k in range(1, m + 1):
        bases = bases * (n + k) // k
    strategies = np.zeros((bases, m))
    supports = np.zeros(bases, np.int64)
    replies = np.zeros(bases, np.int64)
    system = np.empty((m, m + 1))
    utility = np.empty(n)
    has_ties = False
    count = 0
    for size in range(1, min(m, n) + 1):
        for support in range(1, 1 << m):
            if _count(support) != size:
                continue
            worthwhile = _undominated(payoffs, support)
            first = count
            for chosen in range(1, 1 << n):
                if chosen & ~worthwhile or _count(chosen) != size:
                    continue
                is_known = False
                for k in range(first, count):
                    is_known |= chosen & ~replies[k] == 0
                if not is_known and _indifferent(payoffs, support, chosen, system, strategies, count):
                    best = _replies_to(payoffs, strategies, count, utility)
                    if chosen & ~best == 0:
                        supports[count] = support
                        replies[count] = best
                        has_ties |= _count(best) > size
                        count += 1
    return strategies[:count], supports[:count], replies[:count], has_ties


@kernel
def _undominated(payoffs: Floats, support: int) -> int:
    """Return the rows that no other row beats against every column of ``support``."""
    n, m = payoffs.shape
    kept = 0
    for j in range(n):
        is_beaten = False
        for other in range(n):
            beats = True
            for i in range(m):
                if support >> i & 1:
                    beats &= payoffs[other, i] - payoffs[j, i] > _TIE
            is_beaten |= beats
        if not is_beaten:
            kept |= 1 << j
    return kept


@kernel
def _indifferent(payoffs: Floats, support: int, chosen: int, system: Floats, strategies: Floats, k: int) -> bool:
    """Fill in the mixture over ``support`` against which ``chosen`` pay alike; tell whether there is exactly one."""
    n, m = payoffs.shape
    first = -1
    size = 0
    for j in range(n):
        if not chosen >> j & 1:
            continue
        if first < 0:
            first = j
            continue
        largest = 0.0
        place = 0
        for i in range(m):
            if support >> i & 1:
                system[size, place] = payoffs[j, i] - payoffs[first, i]
                largest = max(largest, abs(system[size, place]))
                place += 1
        if largest <= _TIE:
            return False
        for c in range(place):
            system[size, c] /= largest
        system[size, place] = 0.0
        size += 1
    for c in range(size + 2):
        system[size, c] = 1.0
    if not _solve(system, size + 1):
        return False
    place = 0
    for i in range(m):
        strategies[k, i] = 0.0
        if support >> i & 1:
            strategies[k, i] = system[place, size + 1]
            place += 1
    return True


@kernel
def _solve(system: Floats, size: int) -> bool:
    """Solve equations for probabilities in place, right-hand sides last; tell whether there is one solution."""
    for k in range(size):
        top = k
        for r in range(k + 1, size):
            if abs(system[r, k]) > abs(system[top, k]):
                top = r
        if abs(system[top, k]) <= _TIE:
            return False
        for c in range(k, size + 1):
            kept = system[k, c]
            system[k, c] = system[top, c]
            system[top, c] = kept
        for r in range(k + 1, size):
            factor = system[r, k] / system[k, k]
            for c in range(k + 1, size + 1):
                system[r, c] -= factor * system[k, c]
    for k in range(size - 1, -1, -1):
        for c in range(k + 1, size):
            system[k, size] -= system[k, c] * system[c, size]
        system[k, size] /= system[k, k]
        if not system[k, size] > _NEVER:
            return False
    return True


@kernel
def _best_replies(payoffs: Floats, strategy: Floats) -> int:
    return _replies_to(payoffs, strategy.reshape((1, strategy.size)), 0, np.empty(payoffs.shape[0]))


@kernel
def _replies_to(payoffs: Floats, strategies: Floats, k: int, utility: Floats) -> int:
    """Return the best replies to the strategy in row ``k``; an array is not sliced where time counts."""
    n = payoffs.shape[0]
    best = -np.inf
    for j in range(n):
        utility[j] = 0.0
        for i in range(strategies.shape[1]):
            utility[j] += payoffs[j, i] * strategies[k, i]
        best = max(best, utility[j])
    replies = 0
    for j in range(n):
        if best - utility[j] <= _TIE:
            replies |= 1 << j
    return replies


@kernel
def _count(mask: int) -> int:
    bits = 0
    while mask:
        mask &= mask - 1
        bits += 1
    return bits


@kernel
def _scaled(payoffs: Floats) -> Floats:
    """Return payoffs from 0 to less than 1, shifted and divided by a power of two, which rounds nothing further."""
    low = np.inf
    high = -np.inf
    for j in range(payoffs.shape[0]):
        for i in range(payoffs.shape[1]):
            low = min(low, payoffs[j, i])
            high = max(high, payoffs[j, i])
    _, exponent = math.frexp(high - low)
    scaled = np.empty(payoffs.shape)
    for j in range(payoffs.shape[0]):
        for i in range(payoffs.shape[1]):
            scaled[j, i] = math.ldexp(payoffs[j, i] - low, -exponent)
    return scaled


@kernel
def _regret(row: Floats, column: Floats, x: Floats, y: Floats) -> float:
    return max(_gain(row, x, y), _gain(column, y, x))


@kernel
def _gain(payoffs: Floats, own: Floats, other: Floats) -> float:
    # Measured from one payoff, so that a high level of all of them costs no digits.
    base = payoffs[0, 0]
    best = -np.inf
    mean = 0.0
    for i in range(own.size):
        utility = 0.0
        for j in range(other.size):
            utility += (payoffs[i, j] - base) * other[j]
        best = max(best, utility)
        mean += own[i] * utility
    return max(best - mean, 0.0)


def _game(row: Floats, column: Floats) -> tuple[Floats, Floats]:
    """Return both payoffs checked, each with its player's own strategies as rows."""
    if row.ndim != 2 or row.shape != column.shape or row.size == 0:
        raise ValueError(f"payoffs of shape {row.shape} and {column.shape}, expected (m, n) twice, with m, n >= 1")
    if not (np.abs(row).max() <= _LARGEST and np.abs(column).max() <= _LARGEST):
        raise ValueError(f"a payoff is not finite, or beyond {_LARGEST:g}: expected numbers")
    return np.ascontiguousarray(row, np.float64), np.ascontiguousarray(column.T, np.float64)


def _mixture(shares: Floats, strategies: int) -> Floats:
    if shares.shape != (strategies,) or not (shares.min() >= 0.0 and abs(shares.sum() - 1.0) <= _SUM_TOLERANCE):
        raise ValueError(f"a mixed strategy {shares}, expected {strategies} probabilities that add up to 1")
    return np.ascontiguousarray(shares, np.float64)
