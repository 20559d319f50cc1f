"""The life of an order: proposed, cleared, approved or rejected, executed; and the book that results."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Strict

from bus.message import (
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


class LeaseState(StrEnum):
    """What risk lets execution do."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


SideField = Annotated[Side, Strict(False)]


class Order(Part):
    """An order as every gate sees it: unsigned quantity in units, ``reference_price`` the close it was sized on."""

    order_id: Name
    decision_id: Name
    symbol: Name
    side: SideField
    quantity: PositiveDecimal
    reference_price: PositiveDecimal
    bar: int

    @property
    def signed_quantity(self) -> Decimal:
        """Quantity with the sign of the side."""
        return self.quantity if self.side is Side.BUY else -self.quantity


class Verdict(Part):
    """One rule's word on one order: the measured value beside its limit, and whether the rule lets it pass.

    ``value`` is None where the rule could not measure; it then refuses, unless the order only shrinks a holding, and
    ``detail`` says why.
    """

    gate: Name
    rule: Name
    passes: bool
    value: float | None
    limit: float | None
    unit: str
    detail: str


class OrderProposed(Message, kind="ORDER_PROPOSED", plane=Plane.DIRECT, priority=Priority.NORMAL):
    """PADS asks compliance; checked once the gate has seen portfolio ``portfolio_version`` and the order's bar."""

    order: Order
    portfolio_version: int


class OrderCleared(Message, kind="ORDER_CLEARED", plane=Plane.DIRECT):
    """Compliance passes an order on to risk, with all its verdicts."""

    order: Order
    portfolio_version: int
    verdicts: tuple[Verdict, ...]


class OrderApproved(Message, kind="ORDER_APPROVED", plane=Plane.DIRECT):
    """Risk passes an order on to execution, with the verdicts of both gates; void after ``valid_until_ns``."""

    order: Order
    verdicts: tuple[Verdict, ...]
    valid_until_ns: int


class OrderRejected(Message, kind="ORDER_REJECTED", plane=Plane.BROADCAST):
    """An order that ends here; ``verdicts`` holds every rule's word, refusals included."""

    order: Order
    rejected_by: Name
    reason: str
    verdicts: tuple[Verdict, ...]


class ExecutionReport(Message, kind="EXECUTION_REPORT", plane=Plane.BROADCAST):
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


class PortfolioUpdate(Message, kind="PORTFOLIO_UPDATE", plane=Plane.BROADCAST):
    """The whole book after one event; ``symbol`` and ``bar`` are the last bar it has seen.

    ``version`` rises by one with each update; equity = cash + sum(quantity * last_price).
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


class RiskLease(
    Message, kind="RISK_LEASE", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, priority=Priority.HIGH, ttl_s=2.0
):
    """Risk's standing permission to execution, void after ``expires_ns``."""

    state: Annotated[LeaseState, Strict(False)]
    expires_ns: int
    reason: str


class RiskAlert(Message, kind="RISK_ALERT", plane=Plane.BROADCAST, priority=Priority.HIGH, overflow=Overflow.REFUSE):
    """Something a risk officer must see; ``symbol`` is "*" for the whole firm, ``severity`` in [0, 1].

    ``portfolio_version`` is the book it was raised on, 0 where it was not raised on one. An alert weighs on decisions
    made on later books, so that it does not matter which of the two reaches PADS first.
    """

    symbol: Name
    severity: Probability
    source: Name
    reason: str
    portfolio_version: int = 0
