"""Who stands beside the gates in the bench of their chain: for PADS, for execution, and for gates that do nothing."""

import time
from collections.abc import Callable
from decimal import Decimal

from bus.agent import Agent, Answer, handles
from bus.errors import Fatal
from bus.message import Delivery, Message, Plane
from bus.messages import (
    ExecutionReport,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    RiskLease,
)
from research.bench.kinds import Begin


class Passage(Message, kind="BENCH_PASSAGE", plane=Plane.DIRECT, delivery=Delivery.DEADLINE):
    """Execution's stand-in to that of PADS: the approval of an order was here at this time, or the gates refused it."""

    order_id: str
    at_ns: int
    refusal: str = ""


class Proposer(Agent):
    """Stands in for PADS: proposes one order after another and notes how long each took to be approved."""

    def __init__(self, make: Callable[[int], OrderProposed]) -> None:
        super().__init__("pads")
        self.make = make
        self.passages_s: list[float] = []
        self.wanted = 0
        self._left_ns = 0

    @handles(Begin)
    def begin(self, begin: Begin) -> Answer:
        """Take the order to begin."""
        self.wanted = begin.count
        return self._next()

    @handles(Passage)
    def arrive(self, passage: Passage) -> Answer:
        """Note a passage and propose the next order."""
        if passage.refusal:
            raise Fatal(f"the gates refuse the bench's order: {passage.refusal}")
        self.passages_s.append((passage.at_ns - self._left_ns) / 1e9)
        return self._next() if len(self.passages_s) < self.wanted else None

    def _next(self) -> Answer:
        self._left_ns = time.perf_counter_ns()
        self.send(self.make(len(self.passages_s)), to="compliance")
        return None


class Taker(Agent):
    """Stands in for execution: takes approvals, and ends each order at once, without a fill."""

    def __init__(self) -> None:
        super().__init__("execution")

    @handles(OrderApproved)
    def take(self, approved: OrderApproved) -> Answer:
        """Say when an approval arrived."""
        at_ns = time.perf_counter_ns()
        self.publish(ended(approved.order))
        self.send(Passage(order_id=approved.order.order_id, at_ns=at_ns), to="pads")
        return None

    @handles(OrderRejected)
    def hear(self, rejected: OrderRejected) -> Answer:
        """Say that an order was refused."""
        refusal = f"{rejected.rejected_by}: {rejected.reason}"
        self.send(Passage(order_id=rejected.order.order_id, at_ns=0, refusal=refusal), to="pads")
        return None

    @handles(RiskLease)
    def renew(self, lease: RiskLease) -> Answer:
        """Do nothing with a lease."""
        return None


class Relay(Agent):
    """Passes an order on unread, as a gate would; what it says has the same size."""

    DURABLE = (OrderProposed, OrderCleared)

    def __init__(self, name: str, cleared: OrderCleared, approved: OrderApproved) -> None:
        super().__init__(name)
        self._cleared = cleared
        self._approved = approved

    @handles(OrderProposed)
    def clear(self, proposed: OrderProposed) -> Answer:
        """Pass an order on to risk."""
        self.send(self._cleared, to="risk")
        return None

    @handles(OrderCleared)
    def approve(self, cleared: OrderCleared) -> Answer:
        """Pass an order on to execution."""
        self.send(self._approved, to="execution")
        return None


def ended(of: Order) -> ExecutionReport:
    """Return the report that an order ended without a fill."""
    zero = Decimal(0)
    return ExecutionReport(
        order=of, client_order_id=f"bd-{of.order_id}", report=1, status=OrderStatus.CANCELLED, bar=of.bar,
        last_quantity=zero, last_price=zero, fee=zero, slippage=zero, filled=zero, verdicts=(), reason="bench",
    )  # fmt: skip
