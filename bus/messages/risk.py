"""What the gates tell beside their word on an order: the tail of every book, violations, and what guards a position."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Strict

from bus.message import Count, Message, Name, Overflow, Part, Plane, PositiveDecimal, Probability
from bus.messages.order import Digest, SeverityField, SideField


class Tail(Part):
    """One-day expected shortfall at 97.5 % of a book, of equity, a loss positive; None where it cannot be measured.

    By plain history, by history filtered to today's volatility, and by a fitted Student's t.
    """

    historical: float | None
    filtered: float | None
    student: float | None


class OrderRisk(Message, kind="ORDER_RISK", plane=Plane.BROADCAST, senders=("risk",)):
    """What an order that risk judged would do to the tail of the book: before, after, and the marginal change."""

    order_id: Name
    symbol: Name
    bar: int
    observations: Count
    before: Tail
    after: Tail
    marginal: Tail


class RiskReport(Message, kind="RISK_REPORT", plane=Plane.BROADCAST, senders=("risk",)):
    """The risk of the book at the end of a day, and how earlier forecasts of it fared.

    ``day`` counts days since the epoch. ``value_at_risk`` and ``tail`` are forecasts for the next day at 97.5 %, of
    equity; ``loss`` is what the day itself lost. ``days`` forecasts were compared with what came, ``exceedances`` were
    worse than value at risk; ``z2`` (Acerbi and Szekely), ``light`` and the p-values are None or empty below 100 days.
    ``tail_dependence`` and ``copula_dependence`` are the largest lower-tail coefficients among the pairs held, counted
    and by Student's copula, of ``pair``.
    """

    day: int
    version: int
    equity: Decimal
    drawdown: float
    tier: Count
    value_at_risk: float | None
    tail: Tail
    pair: tuple[str, ...]
    tail_dependence: float | None
    copula_dependence: float | None
    loss: float | None
    days: Count
    exceedances: Count
    z2: float | None
    light: str
    kupiec_p: float | None
    christoffersen_p: float | None


class ViolationStatus(StrEnum):
    """Life of a violation."""

    OPEN = "open"
    INVESTIGATING = "investigating"
    REMEDIATED = "remediated"
    CLOSED = "closed"


class ComplianceViolation(Message, kind="COMPLIANCE_VIOLATION", plane=Plane.BROADCAST, senders=("compliance",)):
    """One entry of the log of violations: a violation at one stage of its life.

    ``entry`` counts the entries from 1; ``digest`` is the SHA-256 of this entry chained to ``previous``, that of the
    one before. ``symbol`` is "*" where the rule is about the whole book; ``order_id`` is None where no order was at
    hand. ``operator`` is who brought it to ``status``, empty where the rules did.
    """

    entry: Count
    violation_id: Name
    rule_id: Name
    rule: Name
    severity: SeverityField
    symbol: Name
    bar: int
    order_id: str | None
    value: float | None
    limit: float | None
    unit: str
    status: Annotated[ViolationStatus, Strict(False)]
    operator: str
    detail: str
    remedy: str
    previous: Digest
    digest: Digest


class Grade(StrEnum):
    """How endangered a position is; HIGH is closed."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Level(Part):
    """A price drawn from a swing; ``kind`` is retracement, extension, stop or target, ``ratio`` its number."""

    kind: Name
    ratio: Decimal
    price: PositiveDecimal


class PositionLevels(Message, kind="POSITION_LEVELS", plane=Plane.BROADCAST, overflow=Overflow.DROP, senders=("pads",)):
    """What guards a position from a bar on, and how endangered it is; sent when it changes.

    ``entry`` is the average price of entry, ``stop`` where it is given up, both in money; ``levels`` are drawn between
    ``swing_start`` and ``swing_end``, empty and None where no confirmed swing gives valid ones.
    """

    symbol: Name
    bar: int
    side: SideField
    entry: PositiveDecimal
    stop: PositiveDecimal
    swing_start: PositiveDecimal | None
    swing_end: PositiveDecimal | None
    levels: tuple[Level, ...]
    score: Probability
    grade: Annotated[Grade, Strict(False)]
