"""What a trade moves the price, and how much of that our own trades have shown.

I = Y sigma sqrt(Q / V): the square-root law (Torre and Ferrari 1997; Almgren, Thum, Hauptmann and Li 2005; Toth et al.
2011), I as a fraction of price, sigma daily volatility of returns, Q the order's units, V the day's; Y is about 1.

Y is a regression through the origin of cost in sigmas, z = cost / sigma, on x = sqrt(Q / V), noise of a stated
deviation: a normal prior of Y stays normal. State: precision P and information b (mean b / P). With each order

    P <- delta P + (1 - delta) P_0 + x^2 / noise^2,  b <- delta b + (1 - delta) b_0 + x z / noise^2,

so what is forgotten is replaced by the prior (Kulhavy and Zarrop 1993), and old evidence never leaves a void. A cost
that lies more than ``clip`` predictive deviations from what was expected counts as one that lies just so far.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

_PRECISION: Final = 0
_INFORMATION: Final = 1
_COUNT: Final = 2
STATE_SIZE: Final = 3


class Prior(NamedTuple):
    """What is held of Y before any order, and how orders change it.

    ``mean`` and ``deviation`` of Y; ``noise`` the deviation of one order's cost in daily sigmas; ``memory`` delta in
    (0, 1], 1 forgets nothing; ``clip`` in predictive deviations; Y as answered lies in [``least``, ``most``].
    """

    mean: float
    deviation: float
    noise: float
    memory: float
    clip: float
    least: float
    most: float


def impact(coefficient: float, sigma: float, quantity: float, volume: float) -> float:
    """Return the price concession as a fraction of price: Y sigma sqrt(Q / V).

    Examples
    --------
    >>> impact(1.0, 0.02, 10_000.0, 1_000_000.0)
    0.002
    """
    if not (0.0 <= coefficient < math.inf and 0.0 <= sigma < math.inf and 0.0 <= quantity < math.inf):
        raise ValueError(f"Y {coefficient}, sigma {sigma}, quantity {quantity}: expected finite and not negative")
    if not 0.0 < volume < math.inf:
        raise ValueError(f"volume {volume}, expected finite and > 0")
    return coefficient * sigma * math.sqrt(quantity / volume)


def initial(prior: Prior) -> Floats:
    """Return the state before any order, shape (``STATE_SIZE``,)."""
    _check(prior)
    precision = prior.deviation**-2.0
    return np.array([precision, precision * prior.mean, 0.0])


def update(state: Floats, prior: Prior, sigma: float, quantity: float, volume: float, cost: float) -> bool:
    """Learn from one finished order of our own; return whether it said anything.

    Parameters
    ----------
    state
        What ``initial`` gave and earlier orders changed; changed in place.
    prior
        The one given to ``initial``.
    sigma, quantity, volume
        Daily volatility, units traded, the day's units. Any of them 0, negative or not finite: nothing is learned.
    cost
        What the order paid against the price on arrival, as a fraction of it, gains negative. Not finite: as above.
    """
    if state.shape != (STATE_SIZE,):
        raise ValueError(f"state of shape {state.shape}, expected ({STATE_SIZE},)")
    _check(prior)
    return bool(_update(state, *prior[:5], sigma, quantity, volume, cost))


def calibrated(orders: Floats, prior: Prior) -> Floats:
    """Return the state after ``orders``, shape (n, 4): sigma, quantity, volume and cost of each, oldest first."""
    if orders.ndim != 2 or orders.shape[1] != 4:
        raise ValueError(f"orders of shape {orders.shape}, expected (n, 4)")
    state = initial(prior)
    _calibrate(state, *prior[:5], np.ascontiguousarray(orders, np.float64))
    return state


def coefficient(state: Floats, prior: Prior) -> float:
    """Return Y: the posterior mean, within the prior's bounds."""
    return min(max(float(state[_INFORMATION] / state[_PRECISION]), prior.least), prior.most)


def deviation(state: Floats) -> float:
    """Return the posterior deviation of Y."""
    return float(state[_PRECISION] ** -0.5)


def count(state: Floats) -> int:
    """Return how many orders said something."""
    return int(state[_COUNT])


def _check(prior: Prior) -> None:
    if not (prior.deviation > 0.0 and prior.noise > 0.0 and prior.clip > 0.0 and 0.0 < prior.memory <= 1.0):
        raise ValueError(f"{prior}, expected deviations and clip > 0 and memory in (0, 1]")
    if not (0.0 <= prior.least <= prior.mean <= prior.most and all(map(math.isfinite, prior))):
        raise ValueError(f"{prior}, expected 0 <= least <= mean <= most, all finite")


@kernel
def _calibrate(
    state: Floats, mean: float, deviation: float, noise: float, memory: float, clip: float, orders: Floats
) -> None:
    for i in range(orders.shape[0]):
        _update(state, mean, deviation, noise, memory, clip, orders[i, 0], orders[i, 1], orders[i, 2], orders[i, 3])


@kernel
def _update(
    state: Floats,
    mean: float,
    deviation: float,
    noise: float,
    memory: float,
    clip: float,
    sigma: float,
    quantity: float,
    volume: float,
    cost: float,
) -> bool:
    usable = 0.0 < sigma < math.inf and 0.0 < quantity < math.inf and 0.0 < volume < math.inf
    if not (usable and math.isfinite(cost)):
        return False
    x = math.sqrt(quantity / volume)
    first = deviation**-2.0
    precision = memory * state[_PRECISION] + (1.0 - memory) * first
    information = memory * state[_INFORMATION] + (1.0 - memory) * first * mean
    expected = x * information / precision
    reach = clip * math.sqrt(noise * noise + x * x / precision)
    z = min(max(cost / sigma, expected - reach), expected + reach)
    state[_PRECISION] = precision + x * x / (noise * noise)
    state[_INFORMATION] = information + x * z / (noise * noise)
    state[_COUNT] += 1.0
    return True
