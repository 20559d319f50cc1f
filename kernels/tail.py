"""The tail of a sample of losses: value at risk and expected shortfall, of one book and of every book it may become.

A loss is positive, a gain negative; a gain in the tail stays negative. Rockafellar and Uryasev (2002), "Conditional
value-at-risk for general loss distributions", give the weight of the observation at the quantile.
"""

from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

_WHOLE: Final = 1e-9
"""A tail of 0.9999999999999998 observations is one observation: the level was decimal, its complement is not."""

_SEARCHED: Final = 6
"""Holdings whose corners are all looked at: 64 of them, a Gray code apart."""


def expected_shortfall(losses: Floats, level: float) -> float:
    """Return the mean of the worst ``1 - level`` of ``losses``.

    With L sorted downward and m = (1 - level) n: [sum of the first floor(m) + (m - floor(m)) L[floor(m) + 1]] / m.

    Parameters
    ----------
    losses
        Sample of losses, shape (n,), n >= 1, in any order and unit.
    level
        Confidence, in (0, 1).

    Raises
    ------
    ValueError
        Empty sample, a value that is not finite, or a level outside (0, 1).

    Examples
    --------
    >>> round(expected_shortfall(np.arange(1.0, 101.0), 0.975), 12)
    99.2
    """
    return float(_expected_shortfall(_sample(losses), checked_level(level)))


def value_at_risk(losses: Floats, level: float) -> float:
    """Return the smallest loss that at least a share ``level`` of ``losses`` does not exceed; see `expected_shortfall`.

    Examples
    --------
    >>> value_at_risk(np.arange(1.0, 101.0), 0.975)
    98.0
    """
    return float(_value_at_risk(_sample(losses), checked_level(level)))


def worst_shortfall(returns: Floats, held: Floats, low: Floats, high: Floats, level: float) -> float:
    """Return the expected shortfall of the worst book that open orders can make of a book, by historical simulation.

    Holding s may end anywhere in [low[s], high[s]], which contains held[s]. Expected shortfall is convex in the
    holdings, so its maximum is at a corner, and the corners of the six widest holdings are all looked at. Each further
    open holding adds the shortfall of its own worse change, which bounds it from above by subadditivity.

    Parameters
    ----------
    returns
        Joint simple returns, shape (holdings, n), n >= 1.
    held, low, high
        Value of each holding as a fraction of equity, signed, shape (holdings,).
    level
        Confidence, in (0, 1).

    Raises
    ------
    ValueError
        Shapes that do not fit, an empty sample, a value that is not finite, or a level outside (0, 1).
    """
    if returns.ndim != 2 or returns.shape[1] == 0:
        raise ValueError(f"returns must have shape (holdings, n) with n >= 1, got {returns.shape}")
    if {held.shape, low.shape, high.shape} != {returns.shape[:1]}:
        raise ValueError(f"{len(returns)} rows of returns, but holdings of {held.shape}, {low.shape}, {high.shape}")
    if not (np.isfinite(returns).all() and np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("returns and holdings must be finite")
    if not ((low <= held).all() and (held <= high).all()):
        raise ValueError("each holding must lie between its low and its high")
    return float(_worst_shortfall(returns, held, low, high, checked_level(level)))


@kernel
def tail_size(n: int, level: float) -> tuple[int, float]:
    """Return floor(m) and m, the number of observations in the tail of n."""
    size = n * (1.0 - level)
    whole = int(np.floor(size + _WHOLE))
    return whole, max(size, float(whole))


@kernel
def _tail(losses: Floats, level: float) -> tuple[Floats, float]:
    """Return the floor(m) + 1 greatest losses, downward, and m."""
    n = losses.size
    whole, size = tail_size(n, level)
    worst = np.empty(min(whole + 1, n))
    keep_worst(losses, worst)
    return worst, size


@kernel
def keep_worst(losses: Floats, worst: Floats) -> None:
    """Write the greatest of ``losses`` to ``worst``, downward, as many as it has room for."""
    count = worst.shape[0]
    for i in range(count):
        worst[i] = -np.inf
    for i in range(losses.shape[0]):
        loss = losses[i]
        if loss <= worst[count - 1]:
            continue
        place = count - 1
        while place > 0 and worst[place - 1] < loss:
            worst[place] = worst[place - 1]
            place -= 1
        worst[place] = loss


@kernel
def _expected_shortfall(losses: Floats, level: float) -> float:
    worst, size = _tail(losses, level)
    return mean_of_tail(worst, int(np.floor(size)), size)


@kernel
def mean_of_tail(worst: Floats, whole: int, size: float) -> float:
    """Mean of the tail of losses sorted downward: ``whole`` of them and a part of the next."""
    total = 0.0
    for i in range(whole):
        total += worst[i]
    if size > whole:
        total += (size - whole) * worst[whole]
    return total / size


@kernel
def _value_at_risk(losses: Floats, level: float) -> float:
    worst, _ = _tail(losses, level)
    return float(worst[-1])


@kernel
def _worst_shortfall(returns: Floats, held: Floats, low: Floats, high: Floats, level: float) -> float:
    widest = np.argsort(low - high, kind="mergesort")
    count = min(int(np.count_nonzero(low < high)), _SEARCHED)
    book = held.copy()
    book[widest[:count]] = low[widest[:count]]
    n = returns.shape[1]
    losses = np.zeros(n)
    for s in range(book.size):
        for i in range(n):
            losses[i] -= returns[s, i] * book[s]
    worst = _expected_shortfall(losses, level)
    for corner in range(1, 1 << count):
        bit = 0
        while not (corner >> bit) & 1:
            bit += 1
        s = widest[bit]
        end = high[s] if book[s] == low[s] else low[s]
        for i in range(n):
            losses[i] -= returns[s, i] * (end - book[s])
        book[s] = end
        worst = max(worst, _expected_shortfall(losses, level))
    for s in widest[count:]:
        if low[s] < high[s]:
            worst += _worse_change(returns[s], low[s] - held[s], high[s] - held[s], level)
    return worst


@kernel
def _worse_change(returns: Floats, down: float, up: float, level: float) -> float:
    return max(_expected_shortfall(-down * returns, level), _expected_shortfall(-up * returns, level), 0.0)


def _sample(losses: Floats) -> Floats:
    if losses.ndim != 1 or losses.size == 0:
        raise ValueError(f"losses must be one row of at least one number, got shape {losses.shape}")
    if not np.isfinite(losses).all():
        raise ValueError("losses must be finite")
    return losses


def checked_level(level: float) -> float:
    """Return ``level``; raise ValueError where it does not lie in (0, 1)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    return level
