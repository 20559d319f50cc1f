"""The life of an order: proposed, cleared, approved or rejected, executed; and the book that results."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from bus.message import (
    Count,
    Delivery,
    Message,
    Name,
    NonNegativeDecimal,
    Overflow,
    Part,
    Plane,
    PositiveDecimal,
    Priority,
    Probability,
)


class Side(StrEnum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"


class OrderStatus(StrEnum):
    """States of an order at execution; the last four are ends."""

    ACCEPTED = "accepted"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"


class Urgency(StrEnum):
    """How much of the market's volume an order may take to be done soon."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Severity(StrEnum):
    """What the breach of a rule leads to."""

    WARNING = "warning"
    """It is recorded and told; the order may go."""
    SERIOUS = "serious"
    """The order is refused."""
    CRITICAL = "critical"
    """The order is refused, and the firm may not go on as it is."""


class LeaseState(StrEnum):
    """What risk lets execution do."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


SideField = Annotated[Side, Strict(False)]
UrgencyField = Annotated[Urgency, Strict(False)]
SeverityField = Annotated[Severity, Strict(False)]
Digest = Annotated[str, Field(min_length=64, max_length=64)]
"""SHA-256 in hexadecimal."""


class Order(Part):
    """An order as every gate sees it: unsigned quantity in units, ``reference_price`` the close it was sized on."""

    order_id: Name
    decision_id: Name
    symbol: Name
    side: SideField
    quantity: PositiveDecimal
    reference_price: PositiveDecimal
    bar: int
    urgency: UrgencyField = Urgency.MEDIUM

    @property
    def signed_quantity(self) -> Decimal:
        """Quantity with the sign of the side."""
        return self.quantity if self.side is Side.BUY else -self.quantity


class Verdict(Part):
    """One rule's word on one order: the measured value beside its limit, and whether the rule lets it pass.

    ``value`` is None where the rule could not measure; it then refuses, unless the order only shrinks a holding, and
    ``detail`` says why. ``id`` is the rule's number in the register; a warning that does not pass refuses nothing.
    ``remedy`` says what would help, empty where the rule passes.
    """

    gate: Name
    rule: Name
    passes: bool
    value: float | None
    limit: float | None
    unit: str
    detail: str
    id: str = ""
    severity: SeverityField = Severity.SERIOUS
    remedy: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the order may not go because of this word."""
        return not self.passes and self.severity is not Severity.WARNING


class Approval(Part):
    """A gate's signature (Ed25519) over one exact order, void after ``valid_until_ns``; ``key`` names the key used."""

    gate: Name
    valid_until_ns: int
    key: Name
    signature: bytes


class OrderProposed(
    Message, kind="ORDER_PROPOSED", plane=Plane.DIRECT, priority=Priority.NORMAL, senders=("pads", "risk")
):
    """PADS asks compliance; checked once the gate has seen portfolio ``portfolio_version`` and the order's bar."""

    order: Order
    portfolio_version: int


class OrderCleared(Message, kind="ORDER_CLEARED", plane=Plane.DIRECT, senders=("compliance",)):
    """Compliance passes an order on to risk, with all its verdicts and its signature."""

    order: Order
    portfolio_version: int
    verdicts: tuple[Verdict, ...]
    approval: Approval


class OrderApproved(Message, kind="ORDER_APPROVED", plane=Plane.DIRECT, senders=("risk",)):
    """Risk passes an order on to execution, with the verdicts and the signatures of both gates."""

    order: Order
    verdicts: tuple[Verdict, ...]
    approvals: tuple[Approval, ...]

    @property
    def valid_until_ns(self) -> int:
        """When the first of the signatures is void; 0 without one."""
        return min((approval.valid_until_ns for approval in self.approvals), default=0)


class OrderRejected(Message, kind="ORDER_REJECTED", plane=Plane.BROADCAST, senders=("pads", "risk", "compliance")):
    """An order that ends here; ``verdicts`` holds every rule's word, refusals included."""

    order: Order
    rejected_by: Name
    reason: str
    verdicts: tuple[Verdict, ...]


class ExecutionReport(Message, kind="EXECUTION_REPORT", plane=Plane.BROADCAST, senders=("execution",)):
    """One event in the life of an order at the broker.

    ``last_quantity``, ``last_price`` and ``fee`` belong to this event (0 unless it is a fill); ``slippage`` is the
    signed cost of this fill against the bar's open, in money; ``report`` counts the order's reports from 1.
    """

    order: Order
    client_order_id: Name
    report: int
    status: Annotated[OrderStatus, Strict(False)]
    bar: int
    last_quantity: NonNegativeDecimal
    last_price: NonNegativeDecimal
    fee: NonNegativeDecimal
    slippage: Decimal
    filled: NonNegativeDecimal
    verdicts: tuple[Verdict, ...]
    reason: str


class PositionView(Part):
    """One holding: signed units, average entry price, last close it is marked at."""

    symbol: Name
    quantity: Decimal
    average_price: NonNegativeDecimal
    last_price: PositiveDecimal


class WorkingOrder(Part):
    """An accepted order with units still to fill."""

    order: Order
    remaining: PositiveDecimal


class PortfolioUpdate(Message, kind="PORTFOLIO_UPDATE", plane=Plane.BROADCAST, senders=("execution",)):
    """The whole book after one event; ``symbol`` and ``bar`` are the last bar it has seen.

    ``version`` rises by one with each update; equity = cash + sum(quantity * last_price). ``carry`` is what holding
    has brought so far: dividends, less borrow fees.
    """

    version: int
    symbol: Name
    bar: int
    cash: Decimal
    equity: Decimal
    peak_equity: Decimal
    realized: Decimal
    fees: NonNegativeDecimal
    positions: tuple[PositionView, ...]
    working: tuple[WorkingOrder, ...]
    carry: Decimal = Decimal(0)


class RiskLease(
    Message,
    kind="RISK_LEASE",
    plane=Plane.DIRECT,
    delivery=Delivery.DEADLINE,
    priority=Priority.HIGH,
    ttl_s=2.0,
    senders=("risk",),
):
    """Risk's standing permission to execution, void after ``expires_ns``.

    ``halt`` counts the halts of this firm so far, the one in force included; ``budget`` its drawdown budgets: with a
    higher one than before, the peak of equity begins anew at the equity of that moment.
    """

    state: Annotated[LeaseState, Strict(False)]
    expires_ns: int
    reason: str
    halt: Count = 0
    budget: Count = 0


class RiskAlert(Message, kind="RISK_ALERT", plane=Plane.BROADCAST, priority=Priority.HIGH, overflow=Overflow.REFUSE):
    """Something a risk officer must see; ``symbol`` is "*" for the whole firm, ``severity`` in [0, 1].

    ``portfolio_version`` is the book it was raised on, 0 where it was not raised on one. An alert weighs on decisions
    made on later books, so that it does not matter which of the two reaches PADS first. ``round_id`` is the round in
    which a seat saw the danger, empty for anybody else.
    """

    symbol: Name
    severity: Probability
    source: Name
    reason: str
    portfolio_version: int = 0
    round_id: str = ""


class ExecutionCost(Message, kind="EXECUTION_COST", plane=Plane.BROADCAST, senders=("execution",)):
    """What an order that ended has cost: Perold's implementation shortfall, in money, a cost positive.

    ``total`` = ``delay`` + ``trading`` + ``opportunity`` + ``fees``, exactly. ``decision_price`` is the reference price
    of the order, ``arrival_price`` that of the market when it came to the broker, ``end_price`` that when it ended. The
    means of the fills against arrival, TWAP and VWAP of the bars it was at work in are in basis points, a cost
    positive; None without a fill or a benchmark. ``impact`` is what the model expected as a fraction of price,
    ``coefficient`` its Y after this order.
    """

    order: Order
    status: Annotated[OrderStatus, Strict(False)]
    schedule: Name
    children: Count
    bar: int
    filled: NonNegativeDecimal
    average_price: NonNegativeDecimal
    decision_price: PositiveDecimal
    arrival_price: PositiveDecimal
    end_price: PositiveDecimal
    delay: Decimal
    trading: Decimal
    opportunity: Decimal
    fees: NonNegativeDecimal
    total: Decimal
    arrival_bps: float | None
    twap_bps: float | None
    vwap_bps: float | None
    impact: float
    coefficient: float


class HaltStage(StrEnum):
    """How far a halt has come."""

    NONE = "none"
    CANCELLING = "cancelling"
    FLATTENING = "flattening"
    FLAT = "flat"
    """The broker itself says that no order rests and nothing is held."""


class HaltStatus(
    Message,
    kind="HALT_STATUS",
    plane=Plane.BROADCAST,
    priority=Priority.HIGH,
    overflow=Overflow.REFUSE,
    senders=("execution",),
):
    """How far halt number ``halt`` has come, by the broker's own word; ``positions`` are signed units."""

    halt: Count
    stage: Annotated[HaltStage, Strict(False)]
    working: Count
    positions: tuple[tuple[str, Decimal], ...]
    reason: str
    detail: str
