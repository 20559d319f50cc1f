"""Compliance: judges each proposed order and passes it on to risk."""

from typing import Any, Final

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.config import Settings
from bus.gate import Gate, judge, refusals
from bus.messages import MarketUpdate, Order, OrderCleared, OrderProposed, OrderRejected
from compliance.config import ComplianceConfig, ComplianceLimits
from compliance.desk import Desk
from compliance.rules import RULES
from compliance.tape import Tape

NAME: Final = "compliance"
RISK: Final = "risk"
_NS: Final = 1_000_000_000


class Compliance(Gate):
    """First gate: may the firm send this order."""

    DURABLE = (OrderProposed,)
    passes_on = OrderCleared

    def __init__(self, config: ComplianceConfig, limits: ComplianceLimits) -> None:
        super().__init__(NAME, config.remembered_orders)
        self.config = config
        self.limits = limits
        self.tapes: dict[str, Tape] = {}

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> Answer:
        """Keep a close."""
        tape = self.tapes.get(update.symbol)
        if tape is None:
            tape = self.tapes[update.symbol] = self._new_tape()
        tape.append(update)
        return None

    @handles(OrderProposed)
    def decide(self, proposed: OrderProposed) -> Answer:
        """Pass an order on to risk, or refuse it with every rule's word."""
        order = proposed.order
        if self.must_wait(order, proposed.portfolio_version):
            return DEFER
        tape = self.tapes.get(order.symbol)
        desk = Desk(order, self.has_seen(order), tape, self.portfolio, self.is_book_whole, self.in_flight)
        verdicts = judge(NAME, RULES, order, desk, self.limits)
        self.remember(order)
        if refusals(verdicts):
            self.refuse(order, verdicts)
            return None
        self.let_go(order, verdicts, self.now_ns + round(self.config.order_life_s * _NS))
        cleared = OrderCleared(order=order, portfolio_version=proposed.portfolio_version, verdicts=verdicts)
        self.send(cleared, to=RISK)
        return None

    @handles(OrderRejected)
    def take_rejection(self, rejected: OrderRejected) -> Answer:
        """Stop counting an order that risk refused."""
        self.in_flight.drop(rejected.order.order_id)
        return None

    def remember(self, order: Order) -> None:
        """Note an order, and count it against the rate of its symbol."""
        super().remember(order)
        tape = self.tapes.get(order.symbol)
        if tape is not None:
            tape.orders += 1

    def last_bar(self, symbol: str) -> int | None:
        """Return the last bar seen of a symbol; None when it never had one."""
        tape = self.tapes.get(symbol)
        return None if tape is None else tape.bar

    def forget_market(self) -> None:
        """Drop every tape's closes."""
        for tape in self.tapes.values():
            tape.clear()

    def report(self) -> Report:
        """Return what an observer should see."""
        return {"in_flight": len(self.in_flight), "cleared": self.passed, "refused": self.refused}

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return super().snapshot() | {"tapes": {symbol: tape.snapshot() for symbol, tape in self.tapes.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self.tapes = {symbol: self._new_tape() for symbol in state["tapes"]}
        for symbol, tape in self.tapes.items():
            tape.restore(state["tapes"][symbol])

    def _new_tape(self) -> Tape:
        return Tape(max(self.limits.contiguous_bars, self.limits.order_age_bars + 1))


def build(settings: Settings) -> Agent:
    """Build compliance from its parameters and its limits."""
    return Compliance(settings.table(NAME, ComplianceConfig), settings.limits(NAME, ComplianceLimits))
