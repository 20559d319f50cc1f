"""Replicator dynamics of one population: imitation of what earns more.

x_i' = x_i (u_i - x u) with u = A x (Taylor and Jonker 1978, "Evolutionary stable strategies and game dynamics"). What
nobody plays is never imitated, so a share of 0 stays 0, and the dynamics may rest where somebody could still gain:
`velocity` is 0 there, and ``games.regret(a, a.T, x, x)``, the exploitability of `kernels.logit`, is not. The logit
dynamics, noisy best replies, are the other half of the pair: they play everything, and the noise decides where they
rest.
"""

import math

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel


def replicator(payoffs: Floats, start: Floats, steps: int, rate: float) -> Floats:
    """Return the shares of a population after some steps of the dynamics.

    Each step is x_i <- x_i exp(rate u_i) / sum_j x_j exp(rate u_j), the exact flow for payoffs that stand still
    meanwhile (multiplicative weights: Freund and Schapire 1999), taken on ln x so that no share is lost to underflow.
    The flow for a time t is the limit of t / rate steps. Where the flow only circles, as in a zero-sum cycle, steps of
    any rate spiral outward.

    Parameters
    ----------
    payoffs
        Payoff of each strategy (row) against each (column), finite, shape (n, n).
    start
        Shares at the start, shape (n,).
    steps, rate
        How many steps, at least 0, and the time that each takes, positive.

    Raises
    ------
    ValueError
        Shapes that do not fit, a payoff that is not finite, shares that are no probabilities, or steps or rate out of
        range.

    Examples
    --------
    >>> hawk_and_dove = np.array([[-1.0, 4.0], [0.0, 2.0]])
    >>> replicator(hawk_and_dove, np.array([0.1, 0.9]), 200, 0.1).round(4).tolist()
    [0.6667, 0.3333]
    """
    payoffs, start = _population(payoffs, start)
    if steps < 0 or not 0.0 < rate < math.inf:
        raise ValueError(f"steps {steps}, rate {rate}: expected steps >= 0 and a rate > 0")
    return _replicator(payoffs, start, steps, rate)


def velocity(payoffs: Floats, shares: Floats) -> Floats:
    """Return x_i (u_i - x u), the change of each share in a unit of time; all 0 where `replicator` rests."""
    return _velocity(*_population(payoffs, shares))


@kernel
def _replicator(payoffs: Floats, start: Floats, steps: int, rate: float) -> Floats:
    n = start.size
    shares = start.copy()
    logs = np.empty(n)
    for i in range(n):
        logs[i] = math.log(start[i]) if start[i] > 0.0 else -np.inf
    for _ in range(steps):
        utility = _utility(payoffs, shares)
        best = -np.inf
        for i in range(n):
            if logs[i] > -np.inf:
                best = max(best, utility[i])
        top = -np.inf
        for i in range(n):
            # Below the best there is no overflow, only a share that ends at 0.
            if logs[i] > -np.inf:
                logs[i] += rate * (utility[i] - best)
            top = max(top, logs[i])
        total = 0.0
        for i in range(n):
            shares[i] = math.exp(logs[i] - top)
            total += shares[i]
        for i in range(n):
            shares[i] /= total
            logs[i] -= top + math.log(total)
    return shares


@kernel
def _velocity(payoffs: Floats, shares: Floats) -> Floats:
    change = _utility(payoffs, shares)
    mean = 0.0
    for i in range(shares.size):
        mean += shares[i] * change[i]
    for i in range(shares.size):
        change[i] = shares[i] * (change[i] - mean)
    return change


@kernel
def _utility(payoffs: Floats, shares: Floats) -> Floats:
    utility = np.zeros(shares.size)
    for i in range(shares.size):
        for j in range(shares.size):
            utility[i] += payoffs[i, j] * shares[j]
    return utility


def _population(payoffs: Floats, shares: Floats) -> tuple[Floats, Floats]:
    if shares.ndim != 1 or shares.size == 0 or payoffs.shape != (shares.size, shares.size):
        raise ValueError(f"payoffs of shape {payoffs.shape} and shares of {shares.shape}, expected (n, n) and (n,)")
    if not np.abs(payoffs).max() <= 1e150:
        raise ValueError("a payoff is not finite, or beyond 1e150: expected numbers")
    if not (shares.min() >= 0.0 and abs(shares.sum() - 1.0) <= 1e-9):
        raise ValueError(f"shares {shares}, expected probabilities that add up to 1")
    return np.ascontiguousarray(payoffs, np.float64), np.ascontiguousarray(shares, np.float64)
