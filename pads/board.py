"""The board: its members, the market they trade in, and the weights they earn.

Traders are the configured seats, then consensus and adaptability, which live here; the market maker sets the prior and
the liquidity and takes the other side of every trade. Each instrument has weights of its own, so that a seat is paid
where it is right and the bars of one instrument never change another's round. Seats are ordered by name whatever the
order of the configuration, and every sum runs in that order, so neither configuration nor arrival changes a bit.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from bus.message import Probabilities
from bus.messages import MemberView
from kernels.lmsr import consensus, joint_trade
from market.fixed_share import fixed_share
from pads.config import ADAPTABILITY, CONSENSUS, MARKET_MAKER, PadsConfig

_SUM_TOLERANCE: Final = 1e-6


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
        opinions = self._opinions(answers, adaptability, weights)
        stakes = [weight * opinion.confidence * is_open for weight, opinion in zip(weights, opinions, strict=True)]
        trade = joint_trade(
            np.array(prior),
            np.array([opinion.belief or prior for opinion in opinions]),
            np.array(stakes),
            self.liquidity,
        )
        beliefs, shares, costs = trade.beliefs.tolist(), trade.shares.tolist(), trade.costs.tolist()
        views = [
            MemberView(
                member=member,
                belief=None if opinion.belief is None else tuple(belief),
                confidence=opinion.confidence,
                weight=weight,
                stake=stake,
                shares=tuple(bought),
                cost=cost,
            )
            for member, opinion, belief, weight, stake, bought, cost in zip(
                self.traders, opinions, beliefs, weights, stakes, shares, costs, strict=True
            )
        ]
        down, flat, up = trade.price.tolist()
        return Trade((down, flat, up) if is_open else prior, (*views, _maker(prior, stakes, shares, costs)))

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

    def _opinions(
        self, answers: Mapping[str, Opinion], adaptability: Opinion, weights: Sequence[float]
    ) -> list[Opinion]:
        opinions = [answers.get(seat, ABSENT) for seat in self.seats]
        return [*opinions, _consensus(opinions, weights), adaptability]


def is_distribution(belief: Probabilities) -> bool:
    """Tell whether probabilities sum to 1 within tolerance."""
    return abs((belief[0] + belief[2]) + belief[1] - 1.0) <= _SUM_TOLERANCE


def _consensus(opinions: Sequence[Opinion], weights: Sequence[float]) -> Opinion:
    """Return the weighted linear pool of the seats' beliefs; agreement is its confidence, and one voice makes none."""
    voices = [(opinion.belief, weights[i]) for i, opinion in enumerate(opinions) if opinion.belief is not None]
    if len(voices) < 2 or not any(weight > 0.0 for _, weight in voices):
        return ABSENT
    pool, divergence = consensus(np.array([belief for belief, _ in voices]), np.array([weight for _, weight in voices]))
    down, flat, up = pool.tolist()
    return Opinion((down, flat, up), 1.0 - divergence)


def _maker(
    prior: Probabilities, stakes: Sequence[float], shares: Sequence[Sequence[float]], costs: Sequence[float]
) -> MemberView:
    """Return the market maker's part: the prior's exponent as its stake, and the other side of every trade."""
    down, flat, up = (0.0 - sum(column) for column in zip(*shares, strict=True))
    return MemberView(
        member=MARKET_MAKER,
        belief=prior,
        confidence=1.0,
        weight=0.0,
        stake=min(max(1.0 - sum(stakes), 0.0), 1.0),
        shares=(down, flat, up),
        cost=0.0 - sum(costs),
    )
