"""What one more order does to the expected shortfall of a book, without computing the book anew.

The book's loss of each day is kept, and the days are ranked by it once. An order that changes holding s by w turns
loss L_i into L_i - w r_si, which exceeds L_i by at most max_j(-w r_sj). Going down the ranking, the tail is complete as
soon as no later day can reach it: after a few dozen of a thousand days for an order that is small beside the book, at
worst after all. The result is that of `tail.expected_shortfall` over the changed losses to the last bit.
"""

import math
from typing import Self

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel
from kernels.tail import checked_level, mean_of_tail, tail_size


class BookTail:
    """The tail of a book, ready for the question what an order would make of it.

    Parameters
    ----------
    returns
        Joint simple returns, in days or other scenarios, shape (holdings, n), n >= 1. They are kept, not copied.
    held
        Value of each holding as a fraction of equity, signed, shape (holdings,).
    level
        Confidence, in (0, 1).

    Raises
    ------
    ValueError
        Shapes that do not fit, no scenario, a value that is not finite, or a level outside (0, 1).

    Examples
    --------
    >>> book = BookTail(np.array([[-0.01, 0.02, 0.03, -0.04]]), np.array([0.5]), 0.75)
    >>> book.before, round(book.after(0, 0.25), 12), round(book.marginal(0, -0.5), 12)
    (0.02, 0.03, -0.02)
    """

    def __init__(self, returns: Floats, held: Floats, level: float) -> None:
        if returns.ndim != 2 or returns.shape[1] == 0 or held.shape != returns.shape[:1]:
            raise ValueError(f"returns {returns.shape} and holdings {held.shape}: expected (holdings, n), (holdings,)")
        returns = np.ascontiguousarray(returns, np.float64)
        if not (np.isfinite(returns).all() and np.isfinite(held).all()):
            raise ValueError("returns and holdings must be finite")
        self.level = checked_level(level)
        self._returns = returns
        # Rows, and bounds as plain numbers: fetching them from arrays would cost more than the search for the tail.
        self._rows = list(returns)
        self._lowest: list[float] = returns.min(axis=1).tolist()
        self._highest: list[float] = returns.max(axis=1).tolist()
        self._whole, self._size = tail_size(returns.shape[1], level)
        self._take(_book_losses(returns, np.ascontiguousarray(held, np.float64)))

    def after(self, holding: int, change: float) -> float:
        """Return the expected shortfall of the book with ``change``, a fraction of equity, added to one holding.

        Raises
        ------
        ValueError
            No such holding, or a change that is not finite.
        """
        if not (0 <= holding < len(self._rows) and abs(change) < math.inf):
            raise self._refused(holding, change)
        most = -change * (self._lowest[holding] if change > 0.0 else self._highest[holding])
        found: float = _shortfall_after(
            self._losses, self._ranking, self._rows[holding], change, most, self._whole, self._size
        )
        return found

    def marginal(self, holding: int, change: float) -> float:
        """Return by how much an order raises the expected shortfall; negative for one that lowers it."""
        return self.after(holding, change) - self.before

    def add(self, holding: int, change: float) -> None:
        """Take an order into the book; the losses are updated, the days ranked again."""
        if not (0 <= holding < len(self._rows) and abs(change) < math.inf):
            raise self._refused(holding, change)
        self._take(self._losses - change * self._rows[holding])

    def hold(self, held: Floats) -> Self:
        """Take over another book on the same scenarios, shape (holdings,), finite."""
        if held.shape != self._returns.shape[:1] or not np.isfinite(held).all():
            raise ValueError(f"holdings of shape {held.shape}, expected {self._returns.shape[:1]}, finite")
        self._take(_book_losses(self._returns, np.ascontiguousarray(held, np.float64)))
        return self

    def _take(self, losses: Floats) -> None:
        ranking = np.argsort(-losses, kind="stable")
        self._ranking: Ints = ranking
        self._losses = losses
        self.before = float(mean_of_tail(losses[ranking[: self._whole + 1]], self._whole, self._size))

    def _refused(self, holding: int, change: float) -> ValueError:
        return ValueError(f"holding {holding}, change {change}: expected 0 to {len(self._rows) - 1}, and finite")


def book_losses(returns: Floats, held: Floats) -> Floats:
    """Return the loss of a book in each scenario, shape (n,); shapes as in `BookTail`.

    Raises
    ------
    ValueError
        Shapes that do not fit.
    """
    if returns.ndim != 2 or held.shape != returns.shape[:1]:
        raise ValueError(f"returns {returns.shape} and holdings {held.shape}: expected (holdings, n), (holdings,)")
    return _book_losses(np.ascontiguousarray(returns, np.float64), np.ascontiguousarray(held, np.float64))


@kernel
def _book_losses(returns: Floats, held: Floats) -> Floats:
    losses = np.zeros(returns.shape[1])
    for s in range(held.size):
        if held[s] != 0.0:
            for i in range(losses.size):
                losses[i] -= returns[s, i] * held[s]
    return losses


@kernel
def _shortfall_after(
    losses: Floats, ranking: Ints, returns: Floats, change: float, most: float, whole: int, size: float
) -> float:
    """Shortfall of the changed losses; no loss grows by more than ``most``."""
    last = min(whole, losses.size - 1)
    worst = np.empty(last + 1)
    kept = 0
    for i in ranking:
        if kept > last and losses[i] + most <= worst[last]:
            break
        loss = losses[i] - change * returns[i]
        if kept > last:
            if loss <= worst[last]:
                continue
            place = last
        else:
            place = kept
            kept += 1
        while place > 0 and worst[place - 1] < loss:
            worst[place] = worst[place - 1]
            place -= 1
        worst[place] = loss
    return mean_of_tail(worst, whole, size)
