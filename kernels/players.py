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

from kernels.arrays import Floats
from kernels.coalition import _core_excess, _shapley
from kernels.jit import kernel
from kernels.tail import _expected_shortfall

PLAYERS: Final = ("reversion", "momentum", "trend", "breakout")
MEMORIES: Final = np.array([3.0, 8.0, 34.0])
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

    def coalition(self, level: float) -> Coalition:
        """Return the game over the earnings remembered; expected shortfall at ``level`` in (0, 1)."""
        count = len(self)
        if not count or not 0.0 < level < 1.0:
            raise ValueError(f"{count} earnings, level {level}: expected at least 1, and (0, 1)")
        return coalition(self.earnings[:count], level)


def coalition(earnings: Floats, level: float) -> Coalition:
    """Return the game over ``earnings``, shape (n, 5), in any order: the players' own, then the volatility ratio."""
    if earnings.ndim != 2 or earnings.shape[0] < 1 or earnings.shape[1] != COLUMNS or not 0.0 < level < 1.0:
        raise ValueError(f"earnings of shape {earnings.shape}, level {level}: expected (n, 5), n >= 1, and (0, 1)")
    return Coalition(*_coalition(np.ascontiguousarray(earnings), level))


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


@kernel
def _coalition(earnings: Floats, level: float) -> tuple[Floats, Floats, float, Floats]:
    n = earnings.shape[0]
    values = np.zeros(16)
    losses = np.empty(n)
    for members in range(1, 16):
        size = 0.0
        for i in range(4):
            size += members >> i & 1
        for t in range(n):
            total = 0.0
            for i in range(4):
                if members >> i & 1:
                    total += earnings[t, i]
            losses[t] = -total / size
        values[members] = -_expected_shortfall(losses, level)
    shares = _shapley(values, 4)
    return values, shares, _core_excess(values, shares), _jensen(earnings)


@kernel
def _jensen(earnings: Floats) -> Floats:
    n = earnings.shape[0]
    gaps = np.zeros(4)
    third = n // 3
    if third < 2:
        return gaps
    order = np.argsort(earnings[:, 4], kind="mergesort")
    for i in range(4):
        gap = 0.0
        variance = 0.0
        for part in range(3):
            first = part * third if part < 2 else n - third
            last = first + third if part != 1 else n - third
            mean = 0.0
            square = 0.0
            for t in range(first, last):
                mean += earnings[order[t], i]
                square += earnings[order[t], i] ** 2
            count = last - first
            mean /= count
            scale = -2.0 if part == 1 else 1.0
            gap += scale * mean
            variance += scale * scale * max(square / count - mean * mean, 0.0) / count
        gaps[i] = gap / math.sqrt(variance) if variance > 1e-18 else 0.0
    return gaps
