"""The logarithmic market scoring rule: cost, price, the pools of beliefs, and one joint trade of many members.

Hanson, "Combinatorial information market design" (2003): C(q) = b ln sum_k exp(q_k/b), price = softmax(q/b). Members
who all trade at once from the prior leave the logarithmic pool of their beliefs as the price; what they pay is shared
after Aumann and Shapley, "Values of non-atomic games" (1974). Sums over outcomes run from both ends to the middle, so
that mirrored outcomes give the mirrored result to the last bit; sums over members run in the order of the rows, so that
a caller who always gives the same order gets the same bits.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

BELIEF_FLOOR: Final = 1e-3
"""Beliefs are raised to at least this much, then normalised again, before they are traded on."""

_SUM_TOLERANCE: Final = 1e-6
_NODES: Final = np.array([
    0.09501250983763744, 0.2816035507792589, 0.45801677765722737, 0.6178762444026438,
    0.755404408355003, 0.8656312023878318, 0.9445750230732326, 0.9894009349916499,
])  # fmt: skip
_NODE_WEIGHTS: Final = np.array([
    0.1894506104550685, 0.18260341504492358, 0.16915651939500254, 0.14959598881657674,
    0.12462897125553388, 0.09515851168249279, 0.062253523938647894, 0.027152459411754096,
])  # fmt: skip
_PANEL_SPREAD: Final = 5.0
"""Spread of log odds that one 16-point panel covers: the nearest pole is then pi/5 away, the error below 1e-14."""


class JointTrade(NamedTuple):
    """What came of one joint trade of n members over m outcomes.

    ``beliefs`` are those traded on, floored and normalised; ``profits[i, k]`` is what member i has at outcome k,
    ``shares[i, k] - costs[i]``.
    """

    price: Floats
    beliefs: Floats
    shares: Floats
    costs: Floats
    profits: Floats


class Consensus(NamedTuple):
    """The weighted linear pool of beliefs and their Jensen-Shannon divergence over ln m, 0 where all agree."""

    pool: Floats
    divergence: float


def cost(shares: Floats, liquidity: float) -> float:
    """Return C(q) = b ln sum_k exp(q_k/b), what the maker has taken in once ``shares`` q are out, up to a constant.

    Examples
    --------
    >>> round(cost(np.array([10.0, 0.0]), 100.0) - cost(np.zeros(2), 100.0), 4)
    5.1249
    """
    _check_market(shares, liquidity)
    return _cost(shares, liquidity)


def price(shares: Floats, liquidity: float) -> Floats:
    """Return softmax(q/b), the price of each outcome once ``shares`` q are out.

    Examples
    --------
    >>> price(np.array([10.0, 0.0]), 100.0).round(6).tolist()
    [0.524979, 0.475021]
    """
    _check_market(shares, liquidity)
    return _softmax(shares / liquidity)


def max_loss(liquidity: float, outcomes: int) -> float:
    """Return b ln n, the most that the maker can lose from a uniform start.

    Examples
    --------
    >>> round(max_loss(100.0, 3), 4)
    109.8612
    """
    if not liquidity > 0 or outcomes < 2:
        raise ValueError(
            f"liquidity {liquidity} and {outcomes} outcomes: expected liquidity > 0 and two outcomes or more"
        )
    return liquidity * math.log(outcomes)


def log_pool(prior: Floats, beliefs: Floats, stakes: Floats) -> Floats:
    """Return the logarithmic pool p proportional to prior^(1 - sum stakes) * prod_i beliefs_i^stakes_i.

    Parameters
    ----------
    prior
        Positive probabilities, shape (m,).
    beliefs
        Positive probabilities, shape (n, m); used as they are, without a floor.
    stakes
        Non-negative exponents, shape (n,), their sum at most 1.
    """
    _check_shapes(prior, beliefs, stakes)
    if not (np.all(prior > 0) and np.all(beliefs > 0) and np.all(stakes >= 0) and stakes.sum() <= 1 + _SUM_TOLERANCE):
        raise ValueError("a logarithmic pool needs positive probabilities and stakes >= 0 that sum to at most 1")
    return _log_pool(prior, beliefs, stakes)


def consensus(beliefs: Floats, weights: Floats) -> Consensus:
    """Return the weighted linear pool and the Jensen-Shannon divergence, which is H(pool) - sum_i w_i H(belief_i).

    It is normalised by ln m, m outcomes, which bounds it whatever the weights and the number of members.

    Parameters
    ----------
    beliefs
        Probabilities, shape (n, m); zeros are allowed.
    weights
        Non-negative, shape (n,), of positive sum; only their proportions count.

    Examples
    --------
    >>> consensus(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 1.0])).divergence
    1.0
    """
    if beliefs.ndim != 2 or beliefs.shape[1] < 2 or weights.shape != beliefs.shape[:1]:
        raise ValueError(f"beliefs {beliefs.shape} and weights {weights.shape}: expected (n, m) and (n,)")
    table = _consensus(beliefs, weights)
    divergence = float(table[-1])
    if math.isnan(divergence):
        raise ValueError(
            f"beliefs {beliefs.tolist()}, weights {weights}: expected weights >= 0 of positive sum, beliefs >= 0"
        )
    return Consensus(table[:-1], divergence)


def joint_trade(prior: Floats, beliefs: Floats, stakes: Floats, liquidity: float) -> JointTrade:
    """Let all members trade at once from the prior, each towards its own belief as far as its stake goes.

    Member i buys shares_i = b * stake_i * (ln belief_i - ln prior) and pays its Aumann-Shapley share
    cost_i = shares_i . integral over t in [0, 1] of softmax((q0 + t sum_j shares_j)/b), so that for every outcome k
    sum_i (shares_ik - cost_i) = b ln(price_k/prior_k). The integral has no closed form for three outcomes; it is
    taken by Gauss-Legendre quadrature, 16 nodes for each 5 of spread in log odds, which is exact to rounding (1e-12).

    Parameters
    ----------
    prior
        Positive probabilities, shape (m,), summing to 1.
    beliefs
        Probabilities, shape (n, m), each row summing to 1; floored at ``BELIEF_FLOOR`` and normalised before use.
    stakes
        Weight times confidence, shape (n,), non-negative, their sum at most 1. A member with stake 0 buys nothing.
    liquidity
        b > 0, in units of the market's own currency.

    Raises
    ------
    ValueError
        Shapes or values outside the above.
    """
    _check_shapes(prior, beliefs, stakes)
    members, outcomes = beliefs.shape
    table = _joint_trade(prior, beliefs, stakes, liquidity)
    if table[members, outcomes] != 0.0:
        raise ValueError(
            f"prior {prior}, beliefs {beliefs.tolist()}, stakes {stakes}, liquidity {liquidity}: expected "
            "probabilities that sum to 1, a positive prior, stakes >= 0 that sum to at most 1, and liquidity > 0"
        )
    rows = table[:members]
    return JointTrade(
        price=table[members, :outcomes],
        beliefs=rows[:, :outcomes],
        shares=rows[:, outcomes : 2 * outcomes],
        costs=rows[:, 2 * outcomes],
        profits=rows[:, 2 * outcomes + 1 :],
    )


def pooled_trade(
    prior: Floats, members: Floats, seats: int, liquidity: float, *, is_open: bool = True
) -> list[list[float]]:
    """Let all trade at once as ``joint_trade`` does, with the ``consensus`` of the first members among them.

    Parameters
    ----------
    prior
        Positive probabilities, shape (m,), summing to 1.
    members
        Rows of (belief, confidence, weight), shape (n, m + 2); NaN for the belief of one that has none. Row ``seats``
        is the consensus of those before it: of it only the weight counts, its confidence is their agreement. It has no
        belief where fewer than two of them have one or none that has one has weight.
    seats
        Members that the consensus is taken of, the row after them not among them; in [0, n).
    liquidity
        b > 0, in units of the market's own currency.
    is_open
        Where False every stake is 0.

    Returns
    -------
    list[list[float]]
        A row of (belief, confidence, stake, shares, cost) for each member, the belief floored and normalised, NaN for
        one that has none, then a row of the same for the other side of every trade, with the price for a belief.

    Raises
    ------
    ValueError
        Shapes or values outside the above.
    """
    count, width = members.shape if members.ndim == 2 else (0, 0)
    if prior.ndim != 1 or len(prior) < 2 or width != len(prior) + 2 or not 0 <= seats < count:
        raise ValueError(f"prior {prior.shape}, members {members.shape}, seats {seats}: expected (m,), (n, m + 2), < n")
    rows: list[list[float]] = _pooled_trade(prior, members, seats, liquidity, is_open).tolist()
    if math.isnan(rows[-1][0]):
        raise ValueError(
            f"prior {prior}, members {members.tolist()}, liquidity {liquidity}: expected probabilities that sum to 1, "
            "a positive prior, weights >= 0 of positive sum, stakes that sum to at most 1, and liquidity > 0"
        )
    return rows


def _check_market(shares: Floats, liquidity: float) -> None:
    if shares.ndim != 1 or len(shares) < 2 or not liquidity > 0 or not np.all(np.isfinite(shares)):
        raise ValueError(
            f"shares {shares} at liquidity {liquidity}: expected a finite vector of two or more, and b > 0"
        )


def _check_shapes(prior: Floats, beliefs: Floats, stakes: Floats) -> None:
    if beliefs.ndim != 2 or prior.shape != beliefs.shape[1:] or stakes.shape != beliefs.shape[:1] or len(prior) < 2:
        raise ValueError(
            f"prior {prior.shape}, beliefs {beliefs.shape}, stakes {stakes.shape}: expected (m,), (n, m), (n,)"
        )


@kernel
def _mirror_sum(values: Floats) -> float:
    last = len(values) - 1
    total = 0.0
    for k in range(len(values) // 2):
        total += values[k] + values[last - k]
    if last % 2 == 0:
        total += values[last // 2]
    return total


@kernel
def _softmax(exponents: Floats) -> Floats:
    powers = np.exp(exponents - exponents.max())
    prices: Floats = powers / _mirror_sum(powers)
    return prices


@kernel
def _cost(shares: Floats, liquidity: float) -> float:
    top = shares.max()
    return float(top + liquidity * math.log(_mirror_sum(np.exp((shares - top) / liquidity))))


@kernel
def _log_pool(prior: Floats, beliefs: Floats, stakes: Floats) -> Floats:
    exponents = (1.0 - stakes.sum()) * np.log(prior)
    for i in range(len(stakes)):
        exponents = exponents + stakes[i] * np.log(beliefs[i])
    return _softmax(exponents)


@kernel
def _consensus(beliefs: Floats, weights: Floats) -> Floats:
    members, outcomes = beliefs.shape
    table = np.zeros(outcomes + 1)
    total = weights.sum()
    if not (0.0 < total < np.inf and weights.min() >= 0.0 and beliefs.min() >= 0.0):
        table[outcomes] = np.nan
        return table
    for k in range(outcomes):
        for i in range(members):
            table[k] += weights[i] / total * beliefs[i, k]
    terms = np.zeros(outcomes)
    for k in range(outcomes):
        for i in range(members):
            if beliefs[i, k] > 0.0 and weights[i] > 0.0 and table[k] > 0.0:  # a share of the least number is none
                terms[k] += weights[i] / total * beliefs[i, k] * math.log(beliefs[i, k] / table[k])
    table[outcomes] = min(max(_mirror_sum(terms) / math.log(outcomes), 0.0), 1.0)
    return table


@kernel
def _is_sound(prior: Floats, beliefs: Floats, stakes: Floats, liquidity: float) -> bool:
    """Tell whether every argument of a joint trade is what it should be; comparisons are such that NaN fails."""
    if not 0.0 < liquidity < np.inf or not abs(_mirror_sum(prior) - 1.0) <= _SUM_TOLERANCE:
        return False
    for k in range(len(prior)):
        if not prior[k] > 0.0:
            return False
    staked = 0.0
    for i in range(len(stakes)):
        if not stakes[i] >= 0.0 or not abs(_mirror_sum(beliefs[i]) - 1.0) <= _SUM_TOLERANCE:
            return False
        staked += stakes[i]
        for k in range(len(prior)):
            if not beliefs[i, k] >= 0.0:
                return False
    return staked <= 1.0 + _SUM_TOLERANCE


@kernel
def _average_price(start: Floats, drift: Floats) -> Floats:
    """Return the integral over t in [0, 1] of softmax(start + t drift)."""
    outcomes = len(start)
    panels = 1 + int((drift.max() - drift.min()) / _PANEL_SPREAD)
    result = np.zeros(outcomes)
    point = np.empty(outcomes)
    for panel in range(panels):
        for node in range(-len(_NODES), len(_NODES)):
            side = node if node >= 0 else -node - 1
            offset = _NODES[side] if node >= 0 else -_NODES[side]
            t = (panel + 0.5 * (1.0 + offset)) / panels
            for k in range(outcomes):
                point[k] = start[k] + t * drift[k]
            top = point.max()
            for k in range(outcomes):
                point[k] = math.exp(point[k] - top)
            scale = _NODE_WEIGHTS[side] / (2.0 * panels * _mirror_sum(point))
            for k in range(outcomes):
                result[k] += scale * point[k]
    return result


@kernel
def _joint_trade(prior: Floats, beliefs: Floats, stakes: Floats, liquidity: float) -> Floats:
    """Return rows of (belief, shares, cost, profits), and a last one of (price, 1.0 if the arguments are unsound)."""
    members, outcomes = beliefs.shape
    table = np.zeros((members + 1, 3 * outcomes + 1))
    if not _is_sound(prior, beliefs, stakes, liquidity):
        table[members, outcomes] = 1.0
        return table
    start = np.log(prior)
    drift = np.zeros(outcomes)
    for i in range(members):
        floored = np.maximum(beliefs[i], BELIEF_FLOOR)
        total = _mirror_sum(floored)
        for k in range(outcomes):
            table[i, k] = floored[k] / total
            pull = stakes[i] * (math.log(table[i, k]) - start[k])
            table[i, outcomes + k] = liquidity * pull
            drift[k] += pull
    table[members, :outcomes] = _softmax(start + drift)
    average = _average_price(start, drift)
    for i in range(members):
        shares = table[i, outcomes : 2 * outcomes]
        paid = _mirror_sum(shares * average)
        table[i, 2 * outcomes] = paid
        for k in range(outcomes):
            table[i, 2 * outcomes + 1 + k] = shares[k] - paid
    return table


@kernel
def _pooled_trade(prior: Floats, members: Floats, seats: int, liquidity: float, is_open: bool) -> Floats:
    """Return rows of (belief, confidence, stake, shares, cost), the maker's last; NaN there if unsound."""
    count, outcomes = len(members), len(prior)
    rows = np.full((count + 1, 2 * outcomes + 3), np.nan)
    beliefs = np.empty((count, outcomes))
    stakes = np.empty(count)
    for i in range(count):
        rows[i, outcomes] = members[i, outcomes]
        for k in range(outcomes):
            rows[i, k] = members[i, k]
    _agree(rows, members, seats)
    staked = 0.0
    for i in range(count):
        stakes[i] = members[i, outcomes + 1] * rows[i, outcomes] if is_open else 0.0
        staked += stakes[i]
        is_present = not math.isnan(rows[i, 0])
        for k in range(outcomes):
            beliefs[i, k] = rows[i, k] if is_present else prior[k]
    table = _joint_trade(prior, beliefs, stakes, liquidity)
    if table[count, outcomes] != 0.0:
        return rows
    for i in range(count):
        rows[i, outcomes + 1] = stakes[i]
        is_present = not math.isnan(rows[i, 0])
        for k in range(outcomes):
            if is_present:
                rows[i, k] = table[i, k]
            rows[i, outcomes + 2 + k] = table[i, outcomes + k]
        rows[i, 2 * outcomes + 2] = table[i, 2 * outcomes]
    for k in range(outcomes + 2, 2 * outcomes + 3):
        bought = 0.0
        for i in range(count):
            bought += rows[i, k]
        rows[count, k] = 0.0 - bought
    for k in range(outcomes):
        rows[count, k] = table[count, k]
    rows[count, outcomes] = 1.0
    rows[count, outcomes + 1] = min(max(1.0 - staked, 0.0), 1.0)
    return rows


@kernel
def _agree(rows: Floats, members: Floats, seats: int) -> None:
    """Write the consensus of the first members that have a belief into the row after them."""
    outcomes = members.shape[1] - 2
    beliefs = np.empty((seats, outcomes))
    weights = np.empty(seats)
    voices = 0
    heaviest = 0.0
    for i in range(seats):
        if not math.isnan(members[i, 0]):
            for k in range(outcomes):
                beliefs[voices, k] = members[i, k]
            weights[voices] = members[i, outcomes + 1]
            heaviest = max(heaviest, weights[voices])
            voices += 1
    rows[seats, outcomes] = 0.0
    for k in range(outcomes):
        rows[seats, k] = math.nan
    if voices < 2 or not heaviest > 0.0:
        return
    agreed = _consensus(beliefs[:voices], weights[:voices])
    rows[seats, outcomes] = 1.0 - agreed[outcomes]
    for k in range(outcomes):
        rows[seats, k] = agreed[k]
