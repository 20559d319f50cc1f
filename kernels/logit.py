"""Momentum, reversion and standing aside as a game: what each has earned, and where logit dynamics lead a crowd.

**Payoffs.** With log returns r, their variance sigma^2 (exponentially weighted) and mean over a memory of m bars
(exponentially weighted by 1/m), the signal is s_m = squash(mean_m sqrt(2m - 1) / sigma): a random walk's mean in
standard deviations. Momentum at memory m holds s_m, reversion -s_m, flat 0. The payoff of a strategy is the
discounted mean of what it held times the next return in units of volatility, so a reversion earns minus its momentum
and flat earns 0. Traders hear of it late: what was earned in the last ``delay`` bars does not count yet.

**Game.** A continuum of traders mixes over the strategies with shares x. Who holds what everyone holds pays for it:
u_i(x) = U_i - crowding * e_i * sum_j x_j e_j, with e the holdings now. This is a potential game with a concave
potential, so that its logit (quantal-response) equilibrium x = softmax(u(x) / temperature) is unique, and the logit
dynamics x' = softmax(u(x) / temperature) - x lead there from anywhere.

Sources: McKelvey and Palfrey 1995 (quantal response); Fudenberg and Levine 1998 (logit dynamics); Sandholm 2010
(potential games). Mirrored returns change the sign of every holding and leave payoffs and shares as they are.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel

TOLERANCE: Final = 1e-10
_MOST_STEPS: Final = 2_000


class Equilibrium(NamedTuple):
    """Where the dynamics came to rest.

    ``shares`` sum to 1; ``exposure`` is what the crowd holds in sum, in [-1, 1]; ``residual`` the largest change that
    one more undamped step would make; ``exploitability`` what the best single strategy earns above the crowd.
    """

    shares: Floats
    exposure: float
    residual: float
    exploitability: float

    @property
    def has_converged(self) -> bool:
        """Tell whether the residual is within ``TOLERANCE``."""
        return self.residual <= TOLERANCE


class Rest(NamedTuple):
    """An ``Equilibrium`` without its shares; ``momentum`` is what the momentum strategies have of them together."""

    momentum: float
    exposure: float
    residual: float
    exploitability: float

    @property
    def has_converged(self) -> bool:
        """Tell whether the residual is within ``TOLERANCE``."""
        return self.residual <= TOLERANCE


def payoffs(closes: Floats, memories: Ints, *, decay: float, discount: float, delay: int = 0) -> tuple[Floats, Floats]:
    """Return payoff and present holding of each strategy.

    Parameters
    ----------
    closes
        Closing prices, oldest first, positive, at least 3 + ``delay``.
    memories
        Memories in bars, each at least 1, shape (k,).
    decay, discount
        Weight of the past in the variance and in the payoffs, in [0, 1) and (0, 1].
    delay
        Bars after which a payoff is known, at least 0; holdings are those of now.

    Returns
    -------
    payoffs, holdings
        Shape (2k + 1,): momentum and reversion of each memory in turn, then flat. Both 0 where closes never moved.
    """
    if closes.ndim != 1 or delay < 0 or closes.shape[0] < 3 + delay:
        raise ValueError(f"closes of shape {closes.shape}, delay {delay}: expected (n,) with n >= 3 + delay, and >= 0")
    if memories.ndim != 1 or memories.shape[0] == 0 or memories.min() < 1:
        raise ValueError(f"memories {memories}, expected at least one, each of at least one bar")
    if not (0.0 <= decay < 1.0 and 0.0 < discount <= 1.0):
        raise ValueError(f"decay {decay}, discount {discount}: expected 0 <= decay < 1 and 0 < discount <= 1")
    return _payoffs(closes, memories, decay, discount, delay)


def equilibrium(earned: Floats, holdings: Floats, *, temperature: float, crowding: float) -> Equilibrium:
    """Follow the logit dynamics from equal shares until they rest.

    Parameters
    ----------
    earned, holdings
        Payoff and holding of each strategy, shape (n,); holdings in [-1, 1].
    temperature
        Noise of the choice, in units of payoff, positive; small is close to best response.
    crowding
        Payoff lost per unit held when the whole crowd holds the same unit, at least 0.
    """
    if earned.shape != holdings.shape or earned.ndim != 1 or earned.shape[0] == 0:
        raise ValueError(f"payoffs of shape {earned.shape} and holdings of {holdings.shape}: expected (n,) twice")
    if not (temperature > 0.0 and crowding >= 0.0):
        raise ValueError(f"temperature {temperature}, crowding {crowding}: expected > 0 and >= 0")
    return Equilibrium(*_equilibrium(earned, holdings, temperature, crowding, TOLERANCE, _MOST_STEPS))


def rest(
    closes: Floats,
    memories: Ints,
    *,
    decay: float,
    discount: float,
    delay: int,
    temperature: float,
    crowding: float,
) -> Rest:
    """Return the ``equilibrium`` of the ``payoffs``, in one call; arguments are theirs, ``closes`` of any stride."""
    if closes.ndim != 1 or delay < 0 or closes.shape[0] < 3 + delay:
        raise ValueError(f"closes of shape {closes.shape}, delay {delay}: expected (n,) with n >= 3 + delay, and >= 0")
    if memories.ndim != 1 or memories.shape[0] == 0 or not (0.0 <= decay < 1.0 and 0.0 < discount <= 1.0):
        raise ValueError(f"memories {memories}, decay {decay}, discount {discount}: expected one, [0, 1) and (0, 1]")
    if not (temperature > 0.0 and crowding >= 0.0):
        raise ValueError(f"temperature {temperature}, crowding {crowding}: expected > 0 and >= 0")
    terms = (decay, discount, temperature, crowding, TOLERANCE)
    return Rest._make(_rest(closes, memories, delay, _MOST_STEPS, *terms))


@kernel
def _rest(
    closes: Floats,
    memories: Ints,
    delay: int,
    most_steps: int,
    decay: float,
    discount: float,
    temperature: float,
    crowding: float,
    tolerance: float,
) -> tuple[float, float, float, float]:
    for i in range(memories.shape[0]):
        if memories[i] < 1:
            raise ValueError("a memory is less than one bar")
    held = np.empty(closes.shape[0])
    for t in range(closes.shape[0]):
        held[t] = closes[t]
    earned, holdings = _payoffs(held, memories, decay, discount, delay)
    shares, exposure, residual, exploitability = _equilibrium(
        earned, holdings, temperature, crowding, tolerance, most_steps
    )
    momentum = 0.0
    for i in range(0, shares.shape[0] - 1, 2):
        momentum += shares[i]
    return momentum, exposure, residual, exploitability


@kernel
def _payoffs(closes: Floats, memories: Ints, decay: float, discount: float, delay: int) -> tuple[Floats, Floats]:
    k = memories.shape[0]
    means = np.zeros(k)
    signals = np.zeros(k)
    earned = np.zeros(k)
    total = 0.0
    weight = 0.0
    rounds = 0.0
    widths = np.empty(k)
    for i in range(k):
        widths[i] = math.sqrt(2.0 * memories[i] - 1.0)
    previous = math.log(closes[0])
    for t in range(1, closes.shape[0]):
        current = math.log(closes[t])
        move = current - previous
        previous = current
        total = decay * total + move * move
        weight = decay * weight + 1.0
        sigma = math.sqrt(total / weight)
        is_first = t == 1
        is_known = not is_first and t < closes.shape[0] - delay
        rounds = discount * rounds + 1.0 if is_known else rounds
        for i in range(k):
            gain = signals[i] * move / sigma if sigma > 0.0 else 0.0
            earned[i] = discount * earned[i] + gain if is_known else earned[i]
            means[i] = move if is_first else means[i] + (move - means[i]) / memories[i]
            z = means[i] * widths[i] / sigma if sigma > 0.0 else 0.0
            signals[i] = z / (1.0 + abs(z))
    values = np.zeros(2 * k + 1)
    holdings = np.zeros(2 * k + 1)
    for i in range(k):
        values[2 * i] = earned[i] / rounds
        values[2 * i + 1] = -values[2 * i]
        holdings[2 * i] = signals[i]
        holdings[2 * i + 1] = -signals[i]
    return values, holdings


@kernel
def _equilibrium(
    earned: Floats, holdings: Floats, temperature: float, crowding: float, tolerance: float, most_steps: int
) -> tuple[Floats, float, float, float]:
    n = earned.shape[0]
    shares = np.full(n, 1.0 / n)
    # The map's slope lies in [-crowding/temperature, 0]; this step makes the damped map a contraction.
    step = 2.0 / (2.0 + crowding / temperature)
    residual = np.inf
    exposure = 0.0
    reply = np.empty(n)
    for _ in range(most_steps):
        exposure = _dot(shares, holdings)
        _softmax(earned, holdings, exposure * crowding, temperature, reply)
        residual = 0.0
        for i in range(n):
            residual = max(residual, abs(reply[i] - shares[i]))
        if residual <= tolerance:
            break
        for i in range(n):
            shares[i] += step * (reply[i] - shares[i])
    exposure = _dot(shares, holdings)
    best = -np.inf
    for i in range(n):
        reply[i] = earned[i] - crowding * exposure * holdings[i]
        best = max(best, reply[i])
    return shares, exposure, residual, best - _dot(shares, reply)


@kernel
def _softmax(earned: Floats, holdings: Floats, price: float, temperature: float, shares: Floats) -> None:
    n = shares.shape[0]
    top = -np.inf
    for i in range(n):
        shares[i] = (earned[i] - price * holdings[i]) / temperature
        top = max(top, shares[i])
    total = 0.0
    for i in range(n):
        shares[i] = math.exp(shares[i] - top)
        total += shares[i]
    for i in range(n):
        shares[i] /= total


@kernel
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total
