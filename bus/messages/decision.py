"""One round of the board: the question, the beliefs, the decision, and what it was worth."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, Strict

from bus.message import (
    SEATS,
    Delivery,
    Message,
    Name,
    NonNegativeDecimal,
    Overflow,
    Part,
    Plane,
    Priority,
    Probabilities,
    Probability,
)


class Action(StrEnum):
    """The seven things a seat or the board may choose."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"
    INCREASE = "INCREASE"
    DECREASE = "DECREASE"
    HEDGE = "HEDGE"
    EXIT = "EXIT"


class Outcome(StrEnum):
    """Where the log return over the horizon fell against the band; the order is that of every probability vector."""

    DOWN = "down"
    FLAT = "flat"
    UP = "up"


class Phase(StrEnum):
    """The adaptive cycle (Holling 2001)."""

    GROWTH = "growth"
    CONSERVATION = "conservation"
    RELEASE = "release"
    REORGANIZATION = "reorganization"


ActionField = Annotated[Action, Strict(False)]
OutcomeField = Annotated[Outcome, Strict(False)]
PhaseField = Annotated[Phase, Strict(False)]
MOST_EVIDENCE: Final = 65_536
"""Longest evidence, in bytes."""
Evidence = Annotated[bytes, Field(max_length=MOST_EVIDENCE)]
"""What a seat of several replicas learns from when a round settles, in a form of its own; empty without an answer."""


class DecisionRequest(
    Message, kind="DECISION_REQUEST", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, senders=("pads",)
):
    """PADS asks a seat. The seat answers only once it has seen bar ``bar`` and ``settled`` feedbacks of the symbol.

    ``band`` is the half-width of "flat" as a log return over ``horizon`` bars; ``position`` is signed units held,
    ``entry_price`` their average price (0 without a position) and ``exposure`` their share of equity, with its sign;
    ``drawdown`` is the share of its peak that the firm's equity has lost. ``told`` is for a seat of several replicas:
    the severity in its last answer on the symbol; None where the process that is asked remembers that itself.
    """

    round_id: Name
    symbol: Name
    bar: int
    horizon: Annotated[int, Field(ge=1)]
    band: Annotated[float, Field(gt=0)]
    prior: Probabilities
    position: Decimal
    entry_price: NonNegativeDecimal
    exposure: float
    drawdown: Probability
    phase: PhaseField
    appetite: Probability
    settled: int
    deadline_ns: int
    told: Probability | None = None


class DecisionResponse(
    Message, kind="DECISION_RESPONSE", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, senders=(SEATS,)
):
    """A seat's belief over (down, flat, up), or None when it abstains; ``reasons`` are (factor, contribution).

    ``suspected_phase`` is the phase that the seat sees the market enter, None where it suspects no change; PADS checks
    it against its own reading. ``severity`` is that of a danger the seat sees in the market itself, 0 without one.
    A replica puts what the seat will learn from into ``evidence``, and is not whole where it lacks bars or feedback
    that others of its seat may have.
    """

    round_id: Name
    symbol: Name
    bar: int
    belief: Probabilities | None
    confidence: Probability
    choice: ActionField
    expected_return: float
    reasons: tuple[tuple[str, float], ...]
    suspected_phase: PhaseField | None = None
    severity: Probability = 0.0
    evidence: Evidence = b""
    is_whole: bool = True


class MemberView(Part):
    """One member's part in a round.

    ``weight`` w, ``stake`` lambda = w * confidence; ``shares`` bought of (down, flat, up); ``cost`` paid, both in
    units of the market's own currency. A member that was absent or abstained has no belief and stake 0.
    """

    member: Name
    belief: Probabilities | None
    confidence: Probability
    weight: Probability
    stake: Probability
    shares: tuple[float, float, float]
    cost: float


class DecisionMade(Message, kind="DECISION_MADE", plane=Plane.BROADCAST, priority=Priority.NORMAL, senders=("pads",)):
    """The board's decision on one symbol at one bar, with everything that made it.

    ``target`` and ``position`` are signed units; ``expected_return`` a log return over the horizon after costs;
    ``conviction`` the share of the stronger side in p_up + p_down; ``order_id`` names the order that follows, if any;
    ``style`` the style in force.
    """

    decision_id: Name
    symbol: Name
    bar: int
    horizon: int
    band: float
    prior: Probabilities
    price: Probabilities
    liquidity: float
    members: tuple[MemberView, ...]
    is_quorate: bool
    action: ActionField
    choice_reason: str
    conviction: Probability
    expected_return: float
    target: Decimal
    position: Decimal
    phase: PhaseField
    appetite: Probability
    order_id: str | None
    style: str = ""


class Score(Part):
    """What one member earned in a settled round: log score (nats), market profit, and the weight that follows."""

    member: Name
    log_score: float | None
    profit: float
    weight: Probability


class PerformanceFeedback(
    Message,
    kind="PERFORMANCE_FEEDBACK",
    plane=Plane.BROADCAST,
    priority=Priority.NORMAL,
    overflow=Overflow.DROP,
    senders=("pads",),
):
    """A round settled: ``settled`` counts the symbol's settled rounds, this one included.

    ``bar`` is the bar that settled it, ``realized_return`` the log return over the horizon, ``prior_log_score`` what
    the prior alone would have scored, ``identity_error`` |sum of profits - b ln(p[k]/pi[k])|. ``evidence`` gives
    back to each seat of several replicas what came with its answer, so that all of them learn it.
    """

    decision_id: Name
    symbol: Name
    bar: int
    settled: int
    outcome: OutcomeField
    realized_return: float
    scores: tuple[Score, ...]
    prior_log_score: float
    board_log_score: float
    identity_error: float
    evidence: tuple[tuple[Name, Evidence], ...] = ()


class PhaseTransition(
    Message, kind="PHASE_TRANSITION", plane=Plane.BROADCAST, overflow=Overflow.DROP, senders=("pads",)
):
    """The phase of a symbol's market changed at a bar."""

    symbol: Name
    bar: int
    previous: PhaseField
    phase: PhaseField
    reason: str
