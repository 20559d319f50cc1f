"""Eight factors, each a binary market, priced by its own record.

A factor f in [-1, 1] that flips in a mirror has a market on the direction of a round that moved: one share pays 1 if
the outcome goes with the factor's side. A factor that does not has one on whether the round moved at all: its share
pays 1 for a move if the factor is above 0 and for a flat round if it is below. A round counts |f| / h, h its horizon.
With A and O what went with and against the factor, E and F what the priors of the same rounds had expected of both
(all discounted), and d rounds of doubt, the log odds of a share against the prior's are

    l = ln((A + d/2) / (O + d/2)) - ln((E + d/2) / (F + d/2)),

0 for a factor that tells no more than the prior. Its evidence is f l: log odds of up against down, or of a move
against none. A factor that is absent has f = 0: its market neither trades nor speaks. Sums have shape (8,), in
rounds.
"""

from typing import Any

import numpy as np

from bus.message import Probabilities
from kernels.arrays import Floats
from market.factors import DIRECTIONAL_FACTORS, FACTORS

_IS_DIRECTIONAL = np.array(DIRECTIONAL_FACTORS)


class FactorMarkets:
    """The record of every factor's market.

    Parameters
    ----------
    discount
        What a round keeps of its say when the next one settles.
    doubt
        Rounds at the prior that each market begins with.
    """

    def __init__(self, discount: float, doubt: float) -> None:
        self._discount = discount
        self._half_doubt = doubt / 2.0
        self._record: Floats = np.zeros((4, len(FACTORS)))

    def evidence(self, factors: Floats) -> Floats:
        """Return the log odds that each factor's market adds to the prior's, shape (8,)."""
        logs = np.log(self._record + self._half_doubt)
        odds: Floats = (logs[0] - logs[1]) - (logs[2] - logs[3])
        return factors * odds

    def learn(self, factors: Floats, prior: Probabilities, direction: int, weight: float) -> None:
        """Settle every market; ``direction`` is -1, 0 or 1 for down, flat or up."""
        self._record *= self._discount**weight
        moving = prior[0] + prior[2]
        sides = np.where(factors > 0.0, 1.0, -1.0)
        up = prior[2] / moving if moving > 0.0 else 0.5
        expected = np.where(_IS_DIRECTIONAL, np.where(sides > 0.0, up, 1.0 - up), _chance_of(sides, moving))
        agreed = np.where(_IS_DIRECTIONAL, sides == direction, (sides > 0.0) == (direction != 0))
        stakes = weight * np.abs(factors)
        if direction == 0:
            stakes = np.where(_IS_DIRECTIONAL, 0.0, stakes)
        self._record += stakes * np.stack([agreed, ~agreed, expected, 1.0 - expected])

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"record": self._record.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._record = state["record"].copy()


def _chance_of(sides: Floats, moving: float) -> Floats:
    return np.where(sides > 0.0, moving, 1.0 - moving)
