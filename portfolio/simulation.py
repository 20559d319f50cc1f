"""The losses of one book over given scenarios, whatever its open orders fill, and what one more order makes of them."""

from functools import cached_property
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.dependence import book_correlation, weighted_covariance
from kernels.marginal import BookTail, book_losses
from kernels.tail import expected_shortfall, worst_shortfall

_SEARCHED: Final = 6
_RANKED_FROM: Final = 3
"""Question from which ranking the scenarios of a book pays; the answer is the same to the last bit."""
_SECOND: Final = np.array([0.0, 1.0])


class Simulation:
    """The losses of a book over scenarios, at the worst corner of its open orders.

    Parameters
    ----------
    returns
        Scenarios, shape (holdings, n).
    held, low, high
        Fractions of equity, signed, shape (holdings,).
    level
        Confidence, in (0, 1).
    """

    def __init__(self, returns: Floats, held: Floats, low: Floats, high: Floats, level: float) -> None:
        self._returns, self._held, self._level = returns, held, level
        self._losses = book_losses(returns, held)
        self._open = np.flatnonzero(low < high)
        self._down, self._up = (low - held)[self._open], (high - held)[self._open]
        self._asked = 0

    @cached_property
    def before(self) -> float:
        """Expected shortfall, of equity, over one bar."""
        return self._worst(-self._losses) if self._open.size else expected_shortfall(self._losses, self._level)

    @cached_property
    def _ranked(self) -> BookTail:
        """The book as held, its scenarios ranked for what orders may change."""
        return BookTail(self._returns, self._held, self._level)

    def after(self, row: int, change: float) -> float:
        """Return the expected shortfall with an order, which changes one holding, filled."""
        if self._open.size:
            return self._worst(self.earned(row, change))
        self._asked += 1
        if self._asked < _RANKED_FROM:
            return expected_shortfall(-self.earned(row, change), self._level)
        return self._ranked.after(row, change)

    def earned(self, row: int, change: float) -> Floats:
        """Return what the book as held and the order earn in each scenario, shape (n,)."""
        earned: Floats = change * self._returns[row] - self._losses
        return earned

    def widest(self, row: int, change: float) -> Floats:
        """Return the losses at the corner of greatest variance, shape (n,): the worst one for a Student's t.

        The corners of the six widest open holdings are looked at; each further one is taken where it is larger.
        """
        earned = self.earned(row, change)
        if not self._open.size:
            return -earned
        order = np.argsort(self._down - self._up, kind="stable")
        rows, down, up = self._returns[self._open][order], self._down[order], self._up[order]
        further = np.where(-down > up, down, up)[_SEARCHED:]
        for weight, each in zip(further.tolist(), rows[_SEARCHED:], strict=True):
            earned = earned + weight * each
        corners = [earned]
        for each, low, high in zip(rows[:_SEARCHED], down.tolist(), up.tolist(), strict=False):
            corners = [corner + weight * each for corner in corners for weight in (low, high)]
        return -max(corners, key=lambda corner: float(np.var(corner)))

    def correlation(self, row: int, book: Floats, decay: float) -> float:
        """Return the correlation of one holding with the rest of ``book``, shape (holdings,), by EWMA, in [-1, 1].

        Raises
        ------
        ValueError
            Too few scenarios, or the rest or the holding does not move: a correlation is undefined.
        """
        earned = self.earned(row, -self._held[row])
        for other in np.flatnonzero(book != self._held):
            if other != row:
                earned += (book[other] - self._held[other]) * self._returns[other]
        covariance = weighted_covariance(np.stack([self._returns[row], earned]), decay)
        return book_correlation(covariance, _SECOND, 0)

    def _worst(self, earned: Floats) -> float:
        """Take what is held as one holding that is certain, beside the open ones."""
        rows = np.concatenate([earned[None, :], self._returns[self._open]])
        held = np.zeros(rows.shape[0])
        held[0] = 1.0
        low, high = held.copy(), held.copy()
        low[1:], high[1:] = self._down, self._up
        return worst_shortfall(rows, held, low, high, self._level)
