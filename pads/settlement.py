"""What a round was worth once its horizon has passed: outcome, scores, profits, and the weights that follow.

Everything is computed from the decision that was published, so that anyone who holds the two messages and the two
closing prices can check it.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from bus.messages import DecisionMade, MemberView, PerformanceFeedback, Score
from pads.board import Board
from pads.prior import OUTCOMES, outcome_of

_MAKERS: Final = 1
_SCORES: Final = TypeAdapter(tuple[Score, ...])
"""All scores of a round in one go, which takes two thirds of the time of one by one."""


class Pending(NamedTuple):
    """A decided round whose horizon has not ended; ``close`` is the price it was decided on.

    ``seen`` are the outcomes counted in its phase when it was decided; see ``pads.adaptability``. ``evidence`` goes
    back to seats of several replicas.
    """

    made: DecisionMade
    close: float
    seen: tuple[float, float, float] = (0.0, 0.0, 0.0)
    evidence: tuple[tuple[str, bytes], ...] = ()

    @property
    def end_bar(self) -> int:
        """The bar whose close settles the round."""
        return self.made.bar + self.made.horizon


class Settlement(NamedTuple):
    """What to publish, the weights from now on, and what to remember: the outcome and the move in bands."""

    feedback: PerformanceFeedback
    weights: list[float]
    outcome: int
    move: float


def settle(pending: Pending, close: float, weights: Sequence[float], board: Board, settled: int) -> Settlement:
    """Settle a round at the closing price of the bar that ends its horizon.

    Parameters
    ----------
    weights
        The traders' weights before this settlement, in the order of the board.
    settled
        Count of the instrument's settled rounds, this one included.
    """
    made = pending.made
    log_return = math.log(close / pending.close)
    k = outcome_of(log_return, made.band)
    traders, maker = made.members[:-_MAKERS], made.members[-_MAKERS]
    likelihoods = [None if view.belief is None else view.belief[k] for view in traders]
    after = board.reweigh(weights, likelihoods)
    scores = [_score(view, k, weight) for view, weight in zip(traders, after, strict=True)]
    gained = 0.0
    for score in scores:
        gained += score["profit"]
    scores.append(_score(maker, k, 0.0))
    feedback = PerformanceFeedback(
        decision_id=made.decision_id,
        symbol=made.symbol,
        bar=pending.end_bar,
        settled=settled,
        outcome=OUTCOMES[k],
        realized_return=log_return,
        scores=_SCORES.validate_python(scores),
        prior_log_score=math.log(made.prior[k]),
        board_log_score=math.log(made.price[k]),
        identity_error=abs(gained - made.liquidity * math.log(made.price[k] / made.prior[k])),
        evidence=pending.evidence,
    )
    return Settlement(feedback, after, k, log_return / made.band)


def _score(view: MemberView, outcome: int, weight: float) -> dict[str, Any]:
    """Return the fields of a score."""
    return {
        "member": view.member,
        "log_score": None if view.belief is None else math.log(view.belief[outcome]),
        "profit": view.shares[outcome] - view.cost,
        "weight": weight,
    }
