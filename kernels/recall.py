"""Recall by likeness: the fidelity |<a|b>|^2 of one state with each of many, all of them real, and what came after.

The weight of a state is its fidelity over the sum of all; amplified (``kernels.amplitude``), the states that match
have the more of it.
"""

import math
from typing import NamedTuple

import numpy as np

from kernels.amplitude import amplify_real
from kernels.arrays import Floats, Ints
from kernels.circuit import NORM_TOLERANCE
from kernels.jit import kernel


class Recalled(NamedTuple):
    """Weight that went down, stayed flat and went up; sum of squared weights; steps, and weight of those that match."""

    down: float
    flat: float
    up: float
    squares: float
    steps: int
    matching: float


def situation(factors: Floats, features: Floats, others: Ints, contrast: float) -> Floats:
    """Return real amplitudes in proportion to (1, contrast times the factors, contrast times some features).

    Parameters
    ----------
    factors, features
        Finite, shapes (n,) and (m,).
    others
        Which features, shape (k,).

    Returns
    -------
    Floats
        Shape (1 + n + k,), norm 1.

    Examples
    --------
    >>> situation(np.array([0.5]), np.array([0.0, 1.0]), np.array([0]), 2.0).round(6).tolist()
    [0.707107, 0.707107, 0.0]
    """
    if factors.ndim != 1 or features.ndim != 1 or others.ndim != 1:
        raise ValueError(f"factors {factors.shape}, features {features.shape}, others {others.shape}: expected vectors")
    out = np.empty(1 + len(factors) + len(others))
    if not _situation(factors, features, others, contrast, out):
        raise ValueError(f"factors {factors}, features {others.tolist()} of {features}: expected finite numbers")
    return out


def recall(
    state: Floats, columns: Floats, outcomes: Ints, match: float, weights: Floats, *, is_amplified: bool
) -> Recalled:
    """Weigh states by their likeness to one, and sum the weights by what came after them.

    Parameters
    ----------
    state
        Real amplitudes of norm 1, shape (d,).
    columns
        The same in every column, shape (d, m); the first n count.
    outcomes
        -1, 0 or 1 for down, flat or up, shape (m,).
    match
        Least fidelity of a state that matches.
    weights
        Changed in place to the weight of each state, shape (n,), 1 <= n <= m.

    Raises
    ------
    ValueError
        Shapes or outcomes other than these, or states none of which is like the one at all.
    """
    held = len(weights)
    if state.ndim != 1 or columns.ndim != 2 or len(columns) != len(state) or not 0 < held <= columns.shape[1]:
        raise ValueError(f"state {state.shape}, columns {columns.shape}, {held} weights: expected (d,), (d, m), 1 to m")
    if outcomes.shape != columns.shape[1:]:
        raise ValueError(f"outcomes {outcomes.shape} of {columns.shape[1]} states")
    down, flat, up, squares, steps, matching = _recall(state, columns, outcomes, match, weights, is_amplified)
    if steps < 0:
        raise ValueError(
            f"state {state} is like none of {held}, a column is no state, or an outcome none: expected norm 1"
        )
    return Recalled(float(down), float(flat), float(up), float(squares), steps, float(matching))


def fidelities(state: Floats, others: Floats) -> Floats:
    """Return |<state|other>|^2 for each row of ``others``, in [0, 1].

    Parameters
    ----------
    state
        Real amplitudes of norm 1, shape (d,).
    others
        The same in every row, shape (n, d).

    Returns
    -------
    Floats
        Shape (n,): 1 where a row is the same state, 0 where it is orthogonal. That of real states is the square of the
        cosine between them.

    Examples
    --------
    >>> fidelities(np.array([1.0, 0.0]), np.array([[0.6, 0.8], [0.0, 1.0]])).tolist()
    [0.36, 0.0]
    """
    if state.ndim != 1 or others.ndim != 2 or others.shape[1] != state.shape[0]:
        raise ValueError(f"state {state.shape}, others {others.shape}: expected (d,) and (n, d)")
    if not abs(float(state @ state) - 1.0) <= NORM_TOLERANCE:
        raise ValueError(f"{state} is not a state: expected norm 1")
    return _fidelities(state, others)


@kernel
def _fidelities(state: Floats, others: Floats) -> Floats:
    out = np.empty(len(others))
    for i in range(len(others)):
        overlap = 0.0
        for k in range(len(state)):
            overlap += state[k] * others[i, k]
        out[i] = min(overlap * overlap, 1.0)
    return out


@kernel
def _situation(factors: Floats, features: Floats, others: Ints, contrast: float, out: Floats) -> bool:
    total = out[0] = 1.0
    for k in range(len(factors)):
        out[1 + k] = contrast * factors[k]
        total += out[1 + k] * out[1 + k]
    for k in range(len(others)):
        if not 0 <= others[k] < len(features):
            return False
        at = 1 + len(factors) + k
        out[at] = contrast * features[others[k]]
        total += out[at] * out[at]
    norm = math.sqrt(total)
    for k in range(len(out)):
        out[k] /= norm
    return math.isfinite(norm)


@kernel
def _recall(
    state: Floats, columns: Floats, outcomes: Ints, match: float, weights: Floats, is_amplified: bool
) -> tuple[float, float, float, float, int, float]:
    """Return -1 steps where an outcome is none, or weights do not sum to 1; sums run in the order of the columns."""
    held = len(weights)
    weights[:] = 0.0
    for k in range(len(state)):
        for i in range(held):
            weights[i] += state[k] * columns[k, i]
    total = 0.0
    marked = np.empty(held, np.bool_)
    for i in range(held):
        weights[i] = min(weights[i] * weights[i], 1.0)
        marked[i] = weights[i] >= match
        total += weights[i]
    if not total > 0.0:
        return 0.0, 0.0, 0.0, 0.0, -1, 0.0
    steps, matching = 0, 0.0
    if is_amplified:
        start = np.empty(held)
        for i in range(held):
            start[i] = math.sqrt(weights[i] / total)
        steps, matching = amplify_real(start, marked, weights)
        for i in range(held):
            weights[i] *= weights[i]
    else:
        for i in range(held):
            weights[i] /= total
            matching += weights[i] if marked[i] else 0.0
    squares = 0.0
    shares = np.zeros(3)
    for i in range(held):
        if not -1 <= outcomes[i] <= 1:
            return 0.0, 0.0, 0.0, 0.0, -1, 0.0
        squares += weights[i] * weights[i]
        shares[outcomes[i] + 1] += weights[i]
    return shares[0], shares[1], shares[2], squares, steps, matching
