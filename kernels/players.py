"""Four ways to hold a market, what each has earned, and what they are worth together.

Positions in [-1, 1] are known at a bar's close and earn the next log return in units of volatility, cut at 6:

0. **reversion**: minus the squashed drift over 3 bars.
1. **momentum**: the squashed drift over 8 bars.
2. **trend**: the squashed drift over 34 bars.
3. **breakout**: the direction of the last return, by how far it exceeds one deviation: long volatility.

A drift is an exponentially weighted mean in deviations of a random walk's, squashed by x / (1 + |x|). Mirrored prices
flip positions and leave earnings alone.

**Coalition.** v(S) = -ES of the mean earnings of the players in S: a coalition is worth what it takes off the tail.
**Jensen gap.** A player's payoff f as a function of volatility, E f(sigma+d) + E f(sigma-d) - 2 f(sigma), is estimated
by his mean earnings in the bars of the highest, lowest and middle third of volatility relative to its own past,
mean_high + mean_low - 2 mean_mid, over its standard error: positive for who gains from volatility (Taleb and Douady
2013, the second-order heuristic).
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.coalition import _core_excess, _shapley
from kernels.jit import kernel
from kernels.tail import mean_of_tail, tail_size

PLAYERS: Final = ("reversion", "momentum", "trend", "breakout")
MEMORIES: Final = np.array([3.0, 8.0, 34.0])
_SPARE: Final = 3
"""Losses beyond the tail that the bound leaves in, so that a bar that drops out of the window seldom moves it."""

COLUMNS: Final = 5
"""Earnings of the four, and the volatility ratio they were earned at."""


class Coalition(NamedTuple):
    """What the players are worth.

    ``values`` (16,) are v(S) by bit mask, in volatilities; ``shares`` (4,) Shapley values, which add up to v of all;
    ``excess`` the most any coalition would gain by leaving, the core holding where it is <= 0; ``gaps`` (4,) Jensen
    gaps in standard errors.
    """

    values: Floats
    shares: Floats
    excess: float
    gaps: Floats


class Lead(NamedTuple):
    """What a coalition led by its better players holds, as ``lead`` says, and why.

    ``value`` is v of all, ``best_gap`` the greatest Jensen gap, ``excess`` that of ``Coalition``.
    """

    exposure: float
    value: float
    best_gap: float
    excess: float


class Players:
    """Positions and past earnings of the four players, kept up bar by bar.

    Parameters
    ----------
    window
        Bars of earnings remembered, at least 6.
    decay
        Weight of the past in the exponentially weighted variance, in [0, 1).
    """

    def __init__(self, window: int, decay: float) -> None:
        if not (window >= 6 and 0.0 <= decay < 1.0):
            raise ValueError(f"window {window}, decay {decay}: expected >= 6 and [0, 1)")
        self._window = window
        self._decay = decay
        self.clear()

    def clear(self) -> None:
        """Forget every bar."""
        self.state = np.zeros(8)
        self.positions = np.zeros(4)
        self.earnings = np.zeros((self._window, COLUMNS))
        self._order, self._bounds = _fresh(self._window)

    def __len__(self) -> int:
        return int(min(max(self.state[0] - 1.0, 0.0), self._window))

    def update(self, close: float) -> None:
        """Take a closing price, positive."""
        if not (close > 0.0 and math.isfinite(close)):
            raise ValueError(f"close {close}, expected positive and finite")
        _update(self.state, self.positions, self.earnings, close, self._decay)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {"state": self.state.copy(), "positions": self.positions.copy(), "earnings": self.earnings.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.state, self.positions = state["state"].copy(), state["positions"].copy()
        self.earnings = state["earnings"].copy()
        self._order, self._bounds = _fresh(self._window)

    def coalition(self, level: float) -> Coalition:
        """Return the game over the earnings remembered; expected shortfall at ``level`` in (0, 1)."""
        count = len(self)
        if not count or not 0.0 < level < 1.0:
            raise ValueError(f"{count} earnings, level {level}: expected at least 1, and (0, 1)")
        return Coalition(*_coalition(self.earnings[:count], level, self._order, self._bounds))

    def lead(self, level: float, temperature: float, gap_errors: float) -> Lead:
        """Return what the coalition holds; expected shortfall at ``level`` in (0, 1), the others positive."""
        count = len(self)
        if not (count and 0.0 < level < 1.0 and temperature > 0.0 and gap_errors > 0.0):
            raise ValueError(
                f"{count} earnings, level {level}, temperature {temperature}, gap errors {gap_errors}: "
                "expected at least 1, (0, 1), and both positive"
            )
        terms = (level, temperature, gap_errors)
        return Lead._make(_led(self.earnings[:count], self.positions, self._order, self._bounds, *terms))


def coalition(earnings: Floats, level: float) -> Coalition:
    """Return the game over ``earnings``, shape (n, 5), in any order: the players' own, then the volatility ratio."""
    if earnings.ndim != 2 or earnings.shape[0] < 1 or earnings.shape[1] != COLUMNS or not 0.0 < level < 1.0:
        raise ValueError(f"earnings of shape {earnings.shape}, level {level}: expected (n, 5), n >= 1, and (0, 1)")
    order, bounds = _fresh(len(earnings))
    return Coalition(*_coalition(np.ascontiguousarray(earnings), level, order, bounds))


def _fresh(window: int) -> tuple[Ints, Floats]:
    """Return a memory of no call."""
    return np.arange(window), np.full(16, -np.inf)


@kernel
def _update(state: Floats, positions: Floats, earnings: Floats, close: float, decay: float) -> None:
    # 0 bars, 1 log close, 2 sum of squares, 3 weight, 4-6 drifts, 7 mean log volatility
    log = math.log(close)
    bars = state[0]
    state[0] = bars + 1.0
    if bars < 1.0:
        state[1] = log
        return
    move = log - state[1]
    state[1] = log
    before = math.sqrt(state[2] / state[3]) if state[3] > 0.0 else 0.0
    state[2] = decay * state[2] + move * move
    state[3] = decay * state[3] + 1.0
    sigma = math.sqrt(state[2] / state[3])
    gain = min(max(move / before, -6.0), 6.0) if before > 0.0 else 0.0
    place = int(bars - 1.0) % earnings.shape[0]
    for k in range(4):
        earnings[place, k] = positions[k] * gain
    level = math.log(before) if before > 0.0 else state[7]
    earnings[place, 4] = level - state[7]
    state[7] = level if bars < 3.0 else state[7] + 0.02 * (level - state[7])
    for k in range(3):
        memory = 3.0 if k == 0 else (8.0 if k == 1 else 34.0)
        state[4 + k] += (move - state[4 + k]) / min(bars, memory)
        z = state[4 + k] * math.sqrt(2.0 * min(bars, memory) - 1.0) / sigma if sigma > 0.0 else 0.0
        positions[k] = z / (1.0 + abs(z))
    positions[0] = -positions[0]
    beyond = max(abs(move) / before - 1.0, 0.0) if before > 0.0 else 0.0
    positions[3] = np.sign(move) * beyond / (1.0 + beyond)


def lead(positions: Floats, shares: Floats, gaps: Floats, temperature: float, gap_errors: float) -> float:
    """Return sum_i pi_i a_i position_i, pi = softmax(shares / temperature), a = gap / (gap + gap_errors) or 0.

    Parameters
    ----------
    positions, shares, gaps
        Positions in [-1, 1], Shapley values and Jensen gaps, finite, shape (n,) each, n >= 1.
    temperature, gap_errors
        Positive.

    Returns
    -------
    float
        In [-1, 1].

    Examples
    --------
    >>> lead(np.array([1.0, -1.0]), np.zeros(2), np.array([1.0, -3.0]), 0.2, 1.0)
    0.25
    """
    if positions.ndim != 1 or not positions.size or not positions.shape == shares.shape == gaps.shape:
        raise ValueError(f"shapes {positions.shape}, {shares.shape}, {gaps.shape}: expected (n,) thrice, n >= 1")
    if not (temperature > 0.0 and gap_errors > 0.0):
        raise ValueError(f"temperature {temperature}, gap errors {gap_errors}: expected both positive")
    return float(_lead(positions, shares, gaps, temperature, gap_errors))


@kernel
def _led(
    earnings: Floats,
    positions: Floats,
    order: Ints,
    bounds: Floats,
    level: float,
    temperature: float,
    gap_errors: float,
) -> tuple[float, float, float, float]:
    values, shares, excess, gaps = _coalition(earnings, level, order, bounds)
    best = gaps[0]
    for i in range(1, gaps.shape[0]):
        best = max(best, gaps[i])
    return _lead(positions, shares, gaps, temperature, gap_errors), values[15], best, excess


@kernel
def _lead(positions: Floats, shares: Floats, gaps: Floats, temperature: float, gap_errors: float) -> float:
    n = shares.shape[0]
    top = -np.inf
    for i in range(n):
        top = max(top, shares[i])
    leads = np.empty(n)
    total = 0.0
    for i in range(n):
        leads[i] = math.exp((shares[i] - top) / temperature)
        total += leads[i]
    exposure = 0.0
    for i in range(n):
        gain = max(gaps[i], 0.0)
        exposure += leads[i] / total * gain / (gain + gap_errors) * positions[i]
    return exposure


@kernel
def _coalition(earnings: Floats, level: float, order: Ints, bounds: Floats) -> tuple[Floats, Floats, float, Floats]:
    """Return what ``Coalition`` holds; ``order`` and ``bounds`` are a memory of the last call that only saves time."""
    n = earnings.shape[0]
    totals = np.empty((16, n))
    for t in range(n):
        totals[0, t] = 0.0
    for members in range(1, 16):
        last = 3 if members >= 8 else (2 if members >= 4 else (1 if members >= 2 else 0))
        for t in range(n):
            totals[members, t] = totals[members - (1 << last), t] + earnings[t, last]
    whole, size = tail_size(n, level)
    values = np.zeros(16)
    worst = np.empty(n)
    for members in range(1, 16):
        count = (members & 1) + (members >> 1 & 1) + (members >> 2 & 1) + (members >> 3)
        bounds[members] = _worst(totals, members, float(count), min(whole + 1, n), bounds[members], worst)
        values[members] = -mean_of_tail(worst, int(np.floor(size)), size)
    shares = _shapley(values, 4)
    return values, shares, _core_excess(values, shares), _jensen(earnings, order)


@kernel
def _worst(totals: Floats, k: int, count: float, tail: int, bound: float, worst: Floats) -> float:
    """Write the ``tail`` greatest of -totals[k] / count, downward, and return a bound on totals for the next call.

    Totals above ``bound`` are passed over, unless too few are left: then all are looked at.
    """
    n = totals.shape[1]
    kept = 0
    for t in range(n):
        worst[kept] = totals[k, t]
        kept += totals[k, t] <= bound
    if kept < tail:
        kept = n
        for t in range(n):
            worst[t] = totals[k, t]
    for i in range(1, kept):
        total = worst[i]
        place = i
        while place > 0 and worst[place - 1] > total:
            worst[place] = worst[place - 1]
            place -= 1
        worst[place] = total
    bound = worst[min(tail + _SPARE, kept) - 1]
    for i in range(tail):
        worst[i] = -worst[i] / count
    return bound


@kernel
def _sort(earnings: Floats, order: Ints) -> None:
    """Bring ``order``, places 0 to n - 1 in any order, into that of column 4, equals by place."""
    for i in range(1, earnings.shape[0]):
        own = order[i]
        value = earnings[own, 4]
        place = i
        while place > 0:
            before = order[place - 1]
            if earnings[before, 4] < value or (earnings[before, 4] == value and before < own):
                break
            order[place] = before
            place -= 1
        order[place] = own


@kernel
def _jensen(earnings: Floats, order: Ints) -> Floats:
    n = earnings.shape[0]
    gaps = np.zeros(4)
    third = n // 3
    if third < 2:
        return gaps
    _sort(earnings, order)
    means, squares, variances = np.empty(4), np.empty(4), np.zeros(4)
    for part in range(3):
        first = part * third if part < 2 else n - third
        last = first + third if part != 1 else n - third
        means[:] = 0.0
        squares[:] = 0.0
        for t in range(first, last):
            for i in range(4):
                earned = earnings[order[t], i]
                means[i] += earned
                squares[i] += earned * earned
        count = last - first
        scale = -2.0 if part == 1 else 1.0
        for i in range(4):
            mean = means[i] / count
            gaps[i] += scale * mean
            variances[i] += scale * scale * max(squares[i] / count - mean * mean, 0.0) / count
    for i in range(4):
        gaps[i] = gaps[i] / math.sqrt(variances[i]) if variances[i] > 1e-18 else 0.0
    return gaps
