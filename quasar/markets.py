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

from typing import Any, Final

import numpy as np

from bus.message import Probabilities
from kernels import factor_market
from kernels.arrays import Floats, Ints
from market.factors import DIRECTIONAL_FACTORS, FACTORS

_IS_DIRECTIONAL: Final = np.array(DIRECTIONAL_FACTORS)
_IN_ORDER: Final = np.arange(len(FACTORS))


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
        self._record: Floats = np.zeros((factor_market.ROWS, len(FACTORS)))

    def evidence(self, factors: Floats) -> Floats:
        """Return the log odds that each factor's market adds to the prior's, shape (8,)."""
        out = np.empty(len(FACTORS))
        self.write_evidence(factors, _IN_ORDER, out)
        return out

    def write_evidence(self, factors: Floats, places: Ints, out: Floats) -> None:
        """Write the same to ``out``, each factor's at its place."""
        factor_market.evidence(self._record, self._half_doubt, factors, places, out)

    def learn(self, factors: Floats, prior: Probabilities, direction: int, weight: float) -> None:
        """Settle every market; ``direction`` is -1, 0 or 1 for down, flat or up."""
        kept = self._discount**weight
        factor_market.settle(
            self._record, factors, _IS_DIRECTIONAL, prior[0], prior[2], direction, weight=weight, kept=kept
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"record": self._record.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._record = state["record"].copy()
