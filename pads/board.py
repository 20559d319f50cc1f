"""The board: its members, the market they trade in, and the weights they earn.

Traders are the configured seats, then consensus and adaptability, which live here; the market maker sets the prior and
the liquidity and takes the other side of every trade. Each instrument has weights of its own, so that a seat is paid
where it is right and the bars of one instrument never change another's round. Seats are ordered by name whatever the
order of the configuration, and every sum runs in that order, so neither configuration nor arrival changes a bit.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from bus.message import Probabilities
from bus.messages import MemberView
from kernels.lmsr import pooled_trade
from market.fixed_share import fixed_share
from pads.config import ADAPTABILITY, CONSENSUS, MARKET_MAKER, PadsConfig

_SUM_TOLERANCE: Final = 1e-6
_COLUMNS: Final = 5
_NONE: Final = (math.nan, math.nan, math.nan, 0.0)
_VIEWS: Final = TypeAdapter(tuple[MemberView, ...])
"""All views of a trade in one go, which takes two thirds of the time of one by one."""


class Opinion(NamedTuple):
    """A belief over (down, flat, up), None where a member is absent or abstains, and the confidence in it."""

    belief: Probabilities | None
    confidence: float


ABSENT: Final = Opinion(None, 0.0)


class Trade(NamedTuple):
    """A settled price and every member's part in it, the market maker's last."""

    price: Probabilities
    members: tuple[MemberView, ...]


class Board:
    """The members and their initial weights; the current weights belong to the caller, one list an instrument."""

    def __init__(self, config: PadsConfig) -> None:
        self.seats = tuple(sorted(config.stakes))
        self.liquidity = config.liquidity
        self._alpha = config.alpha
        stakes = [config.stakes[seat] for seat in self.seats]
        self.traders = (*(stake.member for stake in stakes), CONSENSUS, ADAPTABILITY)
        weights = [*(stake.weight for stake in stakes), config.consensus_weight, config.adaptability_weight]
        total = math.fsum(weights)
        self.initial_weights = [weight / total for weight in weights]

    def trade(
        self,
        prior: Probabilities,
        answers: Mapping[str, Opinion],
        adaptability: Opinion,
        weights: Sequence[float],
        *,
        is_open: bool = True,
    ) -> Trade:
        """Let all members trade at once from ``prior`` and return the price.

        A member without a belief has stake 0; what it would have staked stays with the prior. In a market that is not
        open every stake is 0 and the price is the prior; the beliefs stand, and are scored like any others.
        """
        table: list[float] = []
        for seat, weight in zip((*self.seats, CONSENSUS), weights, strict=False):
            belief, confidence = answers.get(seat, ABSENT)
            table += _NONE if belief is None else (*belief, confidence)
            table.append(weight)
        table += _NONE if adaptability.belief is None else (*adaptability.belief, adaptability.confidence)
        table.append(weights[-1])
        members = np.array(table).reshape(len(self.traders), _COLUMNS)
        *rows, maker = pooled_trade(np.array(prior), members, len(self.seats), self.liquidity, is_open=is_open)
        views = [
            _view(member, None if math.isnan(row[0]) else (row[0], row[1], row[2]), weight, row)
            for member, weight, row in zip(self.traders, weights, rows, strict=True)
        ]
        views.append(_view(MARKET_MAKER, prior, 0.0, maker))
        return Trade((maker[0], maker[1], maker[2]) if is_open else prior, _VIEWS.validate_python(views))

    def reweigh(self, weights: Sequence[float], likelihoods: Sequence[float | None]) -> list[float]:
        """Return the weights after an outcome, by fixed-share Hedge on each trader's own log score.

        ``likelihoods`` are the probabilities that the traders gave to what happened, None for those without a belief.
        """
        return fixed_share(weights, self.initial_weights, likelihoods, self._alpha)

    def renew(self, weights: Sequence[float], share: float) -> list[float]:
        """Return the weights after a change of phase: a share of all weight goes back to where it began.

        What members earned they earned in the phase before: w_i <- (1 - share) w_i + share w_i(0).
        """
        return [(1.0 - share) * w + share * begun for w, begun in zip(weights, self.initial_weights, strict=True)]


def is_distribution(belief: Probabilities) -> bool:
    """Tell whether probabilities sum to 1 within tolerance."""
    return abs((belief[0] + belief[2]) + belief[1] - 1.0) <= _SUM_TOLERANCE


def _view(member: str, belief: Probabilities | None, weight: float, row: Sequence[float]) -> dict[str, Any]:
    """Return the fields of a view; ``row`` is (belief, confidence, stake, shares, cost)."""
    _, _, _, confidence, stake, down, flat, up, cost = row
    return {
        "member": member,
        "belief": belief,
        "confidence": confidence,
        "weight": weight,
        "stake": stake,
        "shares": (down, flat, up),
        "cost": cost,
    }
