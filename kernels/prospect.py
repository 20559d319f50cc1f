"""Cumulative prospect theory: what a gamble is worth to somebody who weighs losses more, and odds by their rank.

Value of an outcome x, in any unit, gains and losses being counted from a reference point at 0:
v(x) = x**alpha for x >= 0 and -lambda (-x)**beta for x < 0.
Weight of a probability: w(p) = p**gamma / (p**gamma + (1 - p)**gamma)**(1/gamma); delta in its place for losses.
Worth of a gamble: V = sum over gains of v(x_i) [w+(P(X >= x_i)) - w+(P(X > x_i))]
+ sum over losses of v(x_i) [w-(P(X <= x_i)) - w-(P(X < x_i))].

Tversky and Kahneman, "Advances in prospect theory: cumulative representation of uncertainty", Journal of Risk and
Uncertainty 5 (1992), 297-323. Tail probabilities are summed from either end, never taken as 1 minus the other: w is so
steep at 0 and 1 that a rounding of 1e-16 would become 1e-10.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel

LEAST_CURVATURE: Final = 0.28
"""Below this gamma the weight is no longer monotone in the probability (at 0.279 and under)."""

_SUM_TOLERANCE: Final = 1e-6


class Parameters(NamedTuple):
    """How outcomes and probabilities are seen.

    ``alpha`` and ``beta``, the powers of gains and losses, and ``loss_aversion`` (lambda) are positive; ``gamma`` and
    ``delta``, the curvatures of the weights of gains and losses, are in [``LEAST_CURVATURE``, 1].
    """

    alpha: float
    beta: float
    loss_aversion: float
    gamma: float
    delta: float


TVERSKY_KAHNEMAN: Final = Parameters(alpha=0.88, beta=0.88, loss_aversion=2.25, gamma=0.61, delta=0.69)
"""The medians of their subjects, 1992."""

NEUTRAL: Final = Parameters(alpha=1.0, beta=1.0, loss_aversion=1.0, gamma=1.0, delta=1.0)
"""With these the worth of a gamble is its expected value."""


def value(x: float, alpha: float, beta: float, loss_aversion: float) -> float:
    """Return v(x), alpha, beta and loss aversion positive.

    Examples
    --------
    >>> round(value(100.0, 0.88, 0.88, 2.25), 3), round(value(-100.0, 0.88, 0.88, 2.25), 3)
    (57.544, -129.474)
    """
    _check(Parameters(alpha, beta, loss_aversion, 1.0, 1.0))
    if not math.isfinite(x):
        raise ValueError(f"an outcome of {x}: expected a finite number")
    return _value(float(x), float(alpha), float(beta), float(loss_aversion))


def weight(p: float, gamma: float) -> float:
    """Return w(p), p in [0, 1], gamma in [``LEAST_CURVATURE``, 1].

    Examples
    --------
    >>> round(weight(0.01, 0.61), 4), round(weight(0.99, 0.61), 4)
    (0.0553, 0.9116)
    """
    if not (0.0 <= p <= 1.0 and LEAST_CURVATURE <= gamma <= 1.0):
        raise ValueError(f"probability {p}, gamma {gamma}: expected [0, 1] and [{LEAST_CURVATURE}, 1]")
    return _weight(float(p), 1.0 - p, float(gamma))


def cumulative(outcomes: Floats, probabilities: Floats, parameters: Parameters) -> float:
    """Return the worth V of a gamble, in units of outcomes to the power alpha or beta.

    Parameters
    ----------
    outcomes
        Gains and losses from the reference point, finite, in any order, shape (s,).
    probabilities
        Non-negative, shape (s,), summing to 1.

    Examples
    --------
    >>> fair = np.array([100.0, -100.0]), np.array([0.5, 0.5])
    >>> round(cumulative(*fair, NEUTRAL), 12), round(cumulative(*fair, TVERSKY_KAHNEMAN), 3)
    (0.0, -34.574)
    """
    if outcomes.ndim != 1:
        raise ValueError(f"outcomes of shape {outcomes.shape}: expected (s,)")
    return float(values_of(outcomes[None, :], probabilities, parameters)[0])


def certainty_equivalent(outcomes: Floats, probabilities: Floats, parameters: Parameters) -> float:
    """Return the sure outcome, in the unit of ``outcomes``, that is worth as much as the gamble.

    Examples
    --------
    >>> round(certainty_equivalent(np.array([100.0, 0.0]), np.array([0.05, 0.95]), TVERSKY_KAHNEMAN), 2)
    9.98
    """
    worth = cumulative(outcomes, probabilities, parameters)
    if worth >= 0.0:
        return float(worth ** (1.0 / parameters.alpha))
    return -float((-worth / parameters.loss_aversion) ** (1.0 / parameters.beta))


def values_of(scenarios: Floats, probabilities: Floats, parameters: Parameters) -> Floats:
    """Return the worth of each of several actions over the same scenarios.

    Parameters
    ----------
    scenarios
        Outcome of each action in each scenario, finite, shape (a, s). Rows in rising or falling order are fastest.
    probabilities
        Of the scenarios, non-negative, shape (s,), summing to 1.

    Returns
    -------
    Floats
        Shape (a,).

    Raises
    ------
    ValueError
        Shapes, numbers or parameters other than these.
    """
    if scenarios.ndim != 2 or probabilities.shape != scenarios.shape[1:] or not len(probabilities):
        raise ValueError(f"scenarios {scenarios.shape}, probabilities {probabilities.shape}: expected (a, s) and (s,)")
    _check(parameters)
    worths = _values_of(np.ascontiguousarray(scenarios), np.ascontiguousarray(probabilities), *map(float, parameters))
    if len(worths) != len(scenarios):
        raise ValueError(
            f"outcomes {scenarios}, probabilities {probabilities}: expected them finite, and chances that sum to 1"
        )
    return worths


def rank_weights(count: int, parameters: Parameters) -> Floats:
    """Return what each of ``count`` equally likely outcomes weighs by its rank, the lowest first.

    Returns
    -------
    Floats
        Shape (2, count): as a gain, and as a loss.

    Examples
    --------
    >>> rank_weights(2, NEUTRAL).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    _check(parameters)
    if count < 1:
        raise ValueError(f"{count} outcomes: expected one or more")
    return _rank_weights(count, float(parameters.gamma), float(parameters.delta))


def worths(stakes: Floats, returns: Floats, weights: Floats, parameters: Parameters) -> Floats:
    """Return the worth of each of several stakes in the same equally likely returns.

    The same as ``values_of`` the outcomes, for returns that are in order already.

    Parameters
    ----------
    stakes
        Shape (2, a): how much each action has at stake, and what it gains for sure; finite.
    returns
        Rising, shape (s,).
    weights
        As ``rank_weights`` gives them for s outcomes.

    Returns
    -------
    Floats
        Shape (a,).
    """
    if stakes.ndim != 2 or len(stakes) != 2 or returns.ndim != 1 or weights.shape != (2, len(returns)):
        raise ValueError(
            f"stakes {stakes.shape}, weights {weights.shape}, {len(returns)} returns: expected (2, a), (2, s)"
        )
    _check(parameters)
    found = np.empty(stakes.shape[1])
    alpha, beta, loss_aversion, _, _ = parameters
    if not _worths(stakes, returns, weights, float(alpha), float(beta), float(loss_aversion), found):
        raise ValueError(f"stakes {stakes}, returns {returns}: expected them finite, and returns that rise")
    return found


def _check(parameters: Parameters) -> None:
    alpha, beta, loss_aversion, gamma, delta = parameters
    is_sound = 0 < alpha < math.inf and 0 < beta < math.inf and 0 < loss_aversion < math.inf
    if not (is_sound and LEAST_CURVATURE <= gamma <= 1 and LEAST_CURVATURE <= delta <= 1):
        raise ValueError(
            f"{parameters}: expected alpha, beta and loss aversion > 0, gamma and delta in [{LEAST_CURVATURE}, 1]"
        )


@kernel
def _value(x: float, alpha: float, beta: float, loss_aversion: float) -> float:
    if x >= 0.0:
        return float(x**alpha)
    return float(-loss_aversion * (-x) ** beta)


@kernel
def _weight(p: float, rest: float, gamma: float) -> float:
    """Return w(p), with ``rest`` = 1 - p as its own number, which keeps the digits of both where one is tiny."""
    power = p**gamma
    return float(power / (power + rest**gamma) ** (1.0 / gamma))


@kernel
def _is_gamble(scenarios: Floats, probabilities: Floats) -> bool:
    total = 0.0
    for k in range(len(probabilities)):
        if not probabilities[k] >= 0.0:
            return False
        total += probabilities[k]
    for i in range(scenarios.shape[0]):
        for k in range(scenarios.shape[1]):
            if not math.isfinite(scenarios[i, k]):
                return False
    return abs(total - 1.0) <= _SUM_TOLERANCE


@kernel
def _rank(outcomes: Floats, order: Ints) -> None:
    """Sort ``order`` so that outcomes rise, equal ones by index.

    By insertion, because scenarios are mostly quantiles, and the row before has brought them in order already.
    """
    for k in range(1, len(order)):
        held = order[k]
        place = k
        while place > 0:
            other = order[place - 1]
            if outcomes[other] < outcomes[held] or (outcomes[other] == outcomes[held] and other < held):
                break
            order[place] = other
            place -= 1
        order[place] = held


@kernel
def _values_of(
    scenarios: Floats,
    probabilities: Floats,
    alpha: float,
    beta: float,
    loss_aversion: float,
    gamma: float,
    delta: float,
) -> Floats:
    """Return the worths, none at all where an argument is unsound."""
    actions, count = scenarios.shape
    if not _is_gamble(scenarios, probabilities):
        return np.empty(0)
    worths = np.empty(actions)
    order = np.arange(count)
    below, above = np.zeros(count + 1), np.zeros(count + 1)
    for i in range(actions):
        outcomes = scenarios[i]
        _rank(outcomes, order)
        for k in range(count):
            below[k + 1] = below[k] + probabilities[order[k]]
            above[count - 1 - k] = above[count - k] + probabilities[order[count - 1 - k]]
        gains, losses, reached = 0.0, 0.0, 0.0
        for k in range(count - 1, -1, -1):
            if not outcomes[order[k]] > 0.0:
                break
            seen = _weight(above[k], below[k], gamma)
            gains += (seen - reached) * _value(outcomes[order[k]], alpha, beta, loss_aversion)
            reached = seen
        reached = 0.0
        for k in range(count):
            if not outcomes[order[k]] < 0.0:
                break
            seen = _weight(below[k + 1], above[k + 1], delta)
            losses += (seen - reached) * _value(outcomes[order[k]], alpha, beta, loss_aversion)
            reached = seen
        worths[i] = gains + losses
    return worths


@kernel
def _rank_weights(count: int, gamma: float, delta: float) -> Floats:
    below, above = np.zeros(count + 1), np.zeros(count + 1)
    for k in range(count):
        below[k + 1] = below[k] + 1.0 / count
        above[count - 1 - k] = above[count - k] + 1.0 / count
    weights = np.empty((2, count))
    reached = 0.0
    for k in range(count - 1, -1, -1):
        seen = _weight(above[k], below[k], gamma)
        weights[0, k] = seen - reached
        reached = seen
    reached = 0.0
    for k in range(count):
        seen = _weight(below[k + 1], above[k + 1], delta)
        weights[1, k] = seen - reached
        reached = seen
    return weights


@kernel
def _worths(
    stakes: Floats, returns: Floats, weights: Floats, alpha: float, beta: float, loss_aversion: float, found: Floats
) -> bool:
    """Write the worths; return False where an argument is unsound."""
    count = len(returns)
    for k in range(1, count):
        if not returns[k] >= returns[k - 1]:
            return False
    for i in range(stakes.shape[1]):
        stake, sure = stakes[0, i], stakes[1, i]
        if not math.isfinite(stake * returns[0] + sure) or not math.isfinite(stake * returns[count - 1] + sure):
            return False
        gains, losses = 0.0, 0.0
        for k in range(count - 1, -1, -1):
            outcome = stake * returns[k if stake >= 0.0 else count - 1 - k] + sure
            if not outcome > 0.0:
                break
            gains += weights[0, k] * _value(outcome, alpha, beta, loss_aversion)
        for k in range(count):
            outcome = stake * returns[k if stake >= 0.0 else count - 1 - k] + sure
            if not outcome < 0.0:
                break
            losses += weights[1, k] * _value(outcome, alpha, beta, loss_aversion)
        found[i] = gains + losses
    return True
