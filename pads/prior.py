"""What outcomes came before, how often and how far: the prior of the board and the sizes of moves.

Both are discounted counts with pseudo-observations, so that they are defined from the first bar and forget slowly.
"""

import math
from typing import Any, Final

from bus.message import Probabilities
from bus.messages import Outcome

OUTCOMES: Final = tuple(Outcome)
UNIFORM: Final[Probabilities] = (1 / 3, 1 / 3, 1 / 3)
ADD_ONE: Final = 3.0
"""Pseudo-observations of add-one smoothing, one for each outcome."""


def outcome_of(log_return: float, band: float) -> int:
    """Return the index of the outcome: 0 below -band, 2 above +band, 1 in between and at the edges."""
    return 0 if log_return < -band else 2 if log_return > band else 1


def typical_move(kappa: float) -> float:
    """Return the mean size, in bands, of a normal return beyond a band of kappa standard deviations.

    It is the inverse Mills ratio phi(kappa)/(1 - Phi(kappa)) over kappa.

    Examples
    --------
    >>> round(typical_move(0.5), 4)
    2.2822
    """
    density = math.exp(-0.5 * kappa * kappa) / math.sqrt(2.0 * math.pi)
    return density / (0.5 * math.erfc(kappa / math.sqrt(2.0))) / kappa


class OutcomeHistory:
    """Discounted counts of outcomes, and the discounted sum of the moves that made them, in bands.

    Parameters
    ----------
    discount
        What is left of earlier counts when the next outcome arrives.
    typical
        Size in bands of the move assumed for one pseudo-observation of down and of up; flat counts as no move.
    """

    def __init__(self, discount: float, typical: float) -> None:
        self._discount = discount
        self._typical = typical
        self._counts = [0.0, 0.0, 0.0]
        self._moves = [0.0, 0.0, 0.0]

    def observe(self, outcome: int, move: float) -> None:
        """Count one outcome and its log return in bands."""
        counts, moves, discount = self._counts, self._moves, self._discount
        for k in range(3):
            counts[k] *= discount
            moves[k] *= discount
        counts[outcome] += 1.0
        moves[outcome] += move

    @property
    def observations(self) -> float:
        """Discounted number of outcomes seen."""
        return (self._counts[0] + self._counts[2]) + self._counts[1]

    def frequencies(self, base: Probabilities = UNIFORM, pseudo: float = ADD_ONE) -> Probabilities:
        """Return the frequencies with ``pseudo`` observations added in the proportions of ``base``."""
        (down, flat, up), (p_down, p_flat, p_up) = self._counts, base
        down, flat, up = down + pseudo * p_down, flat + pseudo * p_flat, up + pseudo * p_up
        total = (down + up) + flat
        return down / total, flat / total, up / total

    def mean_moves(self) -> tuple[float, float, float]:
        """Return the mean log return of each outcome in bands, one pseudo-observation included."""
        (n_down, n_flat, n_up), (down, flat, up) = self._counts, self._moves
        return (down - self._typical) / (n_down + 1.0), flat / (n_flat + 1.0), (up + self._typical) / (n_up + 1.0)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"counts": list(self._counts), "moves": list(self._moves)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._counts, self._moves = list(state["counts"]), list(state["moves"])
