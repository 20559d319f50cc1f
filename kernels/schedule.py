"""How a parent order is laid out over intervals: TWAP, VWAP, POV and implementation shortfall, in whole lots.

Implementation shortfall after Almgren and Chriss (2000), "Optimal Execution of Portfolio Transactions": the price does
an arithmetic random walk, n units in tau move it for good by gamma * n and are themselves traded eps + eta * n / tau
away from it. Of all ways to trade X units in N intervals of tau = T / N, least expected cost + lambda * variance has

    eta~ = eta - gamma tau / 2,  kappa~^2 = lambda sigma^2 / eta~,  2 (cosh(kappa tau) - 1) = (kappa~ tau)^2,
    x_j = X sinh(kappa (T - t_j)) / sinh(kappa T),
    E = gamma X^2 / 2 + eps X + eta~ / tau * sum n_j^2,  V = sigma^2 tau sum_{j=1..N} x_j^2.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel

MOST_LOTS: Final = 1 << 62
_GRAIN: Final = 1 << 52
"""Weights are counted in this fraction of the greatest, so that quotas are whole numbers and their sum exact."""


class Market(NamedTuple):
    """What trading meets, in one unit of time throughout.

    ``sigma`` is volatility in price per square root of time, not a return; ``half_spread`` (eps) price per unit;
    ``permanent`` (gamma) price per unit; ``temporary`` (eta) price per unit per time.
    """

    sigma: float
    half_spread: float
    permanent: float
    temporary: float


class Trajectory(NamedTuple):
    """Units still held at 0, tau, ..., T, shape (N + 1,), what it is expected to cost (price times units), and risk.

    ``kappa`` is per unit of time: 1 / kappa is how long the greater part of the order takes. ``variance`` is that of
    the cost.
    """

    kappa: float
    holdings: Floats
    expected_cost: float
    variance: float


def split(lots: int, weights: Sequence[float] | Floats) -> Ints:
    """Share out whole lots in proportion to weights by the largest remainder (Hamilton 1792), earlier first on ties.

    The sum is ``lots`` exactly, each share is its quota rounded down or up, and a greater weight, or an equal one that
    comes earlier, never gets less.

    Parameters
    ----------
    lots
        0 to 2**62.
    weights
        Finite, not negative, not all 0.

    Examples
    --------
    >>> split(10, [1.0, 1.0, 1.0]).tolist(), split(7, [0.25, 0.3, 0.45]).tolist()
    ([4, 3, 3], [2, 2, 3])
    """
    _check_lots(lots)
    shares = np.asarray(weights, np.float64)
    if shares.ndim != 1 or not shares.size or not np.isfinite(shares).all() or shares.min() < 0.0:
        raise ValueError(f"weights {weights}, expected one or more, finite and not negative")
    if not shares.max() > 0.0:
        raise ValueError(f"weights {weights}, expected one above 0")
    grains = [round(share * _GRAIN) for share in (shares / shares.max()).tolist()]
    total = sum(grains)
    quotas = [divmod(lots * grain, total) for grain in grains]
    out = [whole for whole, _ in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda i: -quotas[i][1])
    for i in by_remainder[: lots - sum(out)]:
        out[i] += 1
    return np.array(out, np.int64)


def twap(lots: int, intervals: int) -> Ints:
    """Lay ``lots`` out evenly over time, never more than half a lot off the straight line.

    With equal weights every remainder ties; of all those shares this is the one that spreads the odd lots.

    Examples
    --------
    >>> twap(4, 8).tolist()
    [1, 0, 1, 0, 1, 0, 1, 0]
    """
    _check_lots(lots)
    if intervals < 1:
        raise ValueError(f"{intervals} intervals, expected at least 1")
    done = [(2 * lots * k + intervals) // (2 * intervals) for k in range(intervals + 1)]
    return np.array([done[k + 1] - done[k] for k in range(intervals)], np.int64)


def volume_curve(volumes: Floats) -> Floats:
    """Return the mean share of a day's volume in each interval, summing to 1, each day counting the same.

    Parameters
    ----------
    volumes
        Earlier days, shape (days, intervals); NaN where unknown. A day with an unknown interval, or without a trade,
        says nothing of the shape of a day and is left out.

    Raises
    ------
    ValueError
        A wrong shape, a negative or infinite volume, or no day that says anything.
    """
    if volumes.ndim != 2 or not volumes.shape[1] or (volumes < 0.0).any() or np.isinf(volumes).any():
        raise ValueError(f"volumes of shape {volumes.shape}, expected (days, intervals), finite and not negative")
    totals = volumes.sum(axis=1)
    usable = np.isfinite(totals) & (totals > 0.0)
    if not usable.any():
        raise ValueError("no whole day with volume, expected at least one")
    curve: Floats = (volumes[usable] / totals[usable, None]).mean(axis=0)
    return curve


def vwap(lots: int, curve: Floats) -> Ints:
    """Lay ``lots`` out along a volume curve, as of ``volume_curve``."""
    return split(lots, curve)


def pov(lots: int, volumes: Ints, rate: float) -> Ints:
    """Lay ``lots`` out as a share of the volume observed: child k brings what was traded up to rate * volume before k.

    child_k = min(lots, floor(rate * sum_{i<k} volume_i)) - what was traded before. Causal: the market's volume of an
    interval, our own included, counts from the next one on, so the first child is 0, and what the volume did not allow
    stays untraded: all children sum to min(lots, floor(rate * volume before the last)).

    Parameters
    ----------
    lots
        0 to 2**62.
    volumes
        Market volume of each interval in lots, not negative, shape (n,).
    rate
        Participation, in (0, 1].
    """
    _check_lots(lots)
    if volumes.ndim != 1 or volumes.dtype != np.int64 or (volumes < 0).any() or volumes.sum(dtype=float) > MOST_LOTS:
        raise ValueError(f"volumes {volumes}, expected whole lots in one row, none negative, at most 2**62 together")
    if not 0.0 < rate <= 1.0:
        raise ValueError(f"rate {rate}, expected (0, 1]")
    return _pov(lots, np.ascontiguousarray(volumes), rate)


def pov_child(lots_left: int, lots_done: int, volume: int, rate: float) -> int:
    """Return the next child of a participation order, given the market's volume since it began, in lots.

    Examples
    --------
    >>> pov_child(lots_left=100, lots_done=20, volume=400, rate=0.1), pov_child(5, 20, 400, 0.1)
    (20, 5)
    """
    if min(lots_left, lots_done, volume) < 0 or not 0.0 < rate <= 1.0:
        raise ValueError(f"lots {lots_left}, {lots_done}, {volume} and rate {rate}, expected none negative, and (0, 1]")
    return min(max(math.floor(rate * volume) - lots_done, 0), lots_left)


def urgency(horizon: float, intervals: int, market: Market, aversion: float) -> float:
    """Return kappa, per unit of time, of risk ``aversion`` lambda (1 / price / unit).

    Solved without loss of digits: cosh z - 1 = 2 sinh^2(z / 2), so kappa = 2 / tau * asinh(kappa~ tau / 2).
    """
    tau = _checked_interval(horizon, intervals, market)
    if not 0.0 <= aversion < math.inf:
        raise ValueError(f"risk aversion {aversion}, expected finite and not negative")
    bare = math.sqrt(aversion / _effective(market, tau)) * market.sigma
    return 2.0 / tau * math.asinh(bare * tau / 2.0)


def almgren_chriss(quantity: float, horizon: float, intervals: int, market: Market, aversion: float) -> Trajectory:
    """Return the trajectory of least expected cost + ``aversion`` * variance, the module's formula.

    Parameters
    ----------
    quantity
        X, units to trade, > 0; buying and selling cost the same.
    horizon, intervals
        T, in the market's unit of time, and N.
    market
        Its frictions; 2 eta > gamma tau, or trading faster would be cheaper.
    aversion
        lambda, >= 0: 0 is the straight line.
    """
    if not 0.0 < quantity < math.inf:
        raise ValueError(f"quantity {quantity}, expected finite and > 0")
    kappa = urgency(horizon, intervals, market, aversion)
    # sinh(kappa (T - t)) / sinh(kappa T) by exponents that are never positive, so that no urgency overflows.
    left = 1.0 - np.arange(intervals + 1) / intervals
    depth = kappa * horizon
    held = (
        left if depth < 1e-9 else np.exp(-depth * (1.0 - left)) * np.expm1(-2.0 * depth * left) / np.expm1(-2.0 * depth)
    )
    holdings: Floats = quantity * held
    return Trajectory(kappa, holdings, *cost(holdings, horizon, market))


def cost(holdings: Floats, horizon: float, market: Market) -> tuple[float, float]:
    """Return expected cost and variance of any way down to 0: ``holdings`` at 0, tau, ..., T, shape (N + 1,).

    Raises
    ------
    ValueError
        A shape, a value that is not finite, holdings that rise or do not end at 0, or a market out of range.
    """
    if holdings.ndim != 1 or holdings.size < 2 or not np.isfinite(holdings).all() or holdings[-1] != 0.0:
        raise ValueError(f"holdings {holdings}, expected two or more, finite, the last 0")
    tau = _checked_interval(horizon, holdings.size - 1, market)
    children = -np.diff(holdings)
    if children.min() < 0.0:
        raise ValueError(f"holdings {holdings}, expected never to rise")
    total = float(holdings[0])
    fixed = market.permanent * total * total / 2.0 + market.half_spread * total
    rushed = _effective(market, tau) / tau * float(children @ children)
    return fixed + rushed, market.sigma**2 * tau * float(holdings[1:] @ holdings[1:])


def shortfall(lots: int, trajectory: Trajectory) -> Ints:
    """Lay ``lots`` out along a trajectory: no child is greater than the one before it."""
    return split(lots, -np.diff(trajectory.holdings))


def _check_lots(lots: int) -> None:
    if not 0 <= lots <= MOST_LOTS:
        raise ValueError(f"{lots} lots, expected 0 to 2**62")


def _checked_interval(horizon: float, intervals: int, market: Market) -> float:
    if intervals < 1 or not 0.0 < horizon < math.inf:
        raise ValueError(f"horizon {horizon} in {intervals} intervals, expected finite, > 0 and at least 1")
    if not all(0.0 <= value < math.inf for value in market):
        raise ValueError(f"{market}, expected finite and not negative")
    tau = horizon / intervals
    if _effective(market, tau) <= 0.0:
        raise ValueError(f"{market} with intervals of {tau}, expected temporary > permanent * interval / 2")
    return tau


def _effective(market: Market, tau: float) -> float:
    """eta~: temporary impact less the half of the permanent one that it contains already."""
    return market.temporary - market.permanent * tau / 2.0


@kernel
def _pov(lots: int, volumes: Ints, rate: float) -> Ints:
    children = np.zeros(volumes.size, np.int64)
    volume = 0
    done = 0
    for k in range(volumes.size):
        due = min(lots, math.floor(rate * volume))
        children[k] = due - done
        done = due
        volume += volumes[k]
    return children
