"""Risk: judges each cleared order, and leases execution the right to trade."""

from typing import Any, Final

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.approval import approve
from bus.command import Authority
from bus.config import Settings
from bus.errors import ConfigError
from bus.gate import Gate, judge, refusal, refusals
from bus.keys import OPERATORS, Signer, Verifier
from bus.message import Message
from bus.messages import (
    CommandResult,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    PortfolioUpdate,
    RiskAlert,
    Started,
    SystemCommand,
    Undelivered,
    record_of,
)
from portfolio.history import Histories
from portfolio.limits import BookLimits, book_limits
from portfolio.tail import START, TailGauge, load_kernels
from risk.clearance import COMPLIANCE, unclear
from risk.config import RiskConfig, RiskLimits
from risk.daily_report import DailyReport, DayEnd
from risk.deleveraging import Deleveraging
from risk.exposure import RiskBook, order_risk
from risk.rules import RULES
from risk.standing import Standing
from risk.stress import Stress

NAME: Final = "risk"
EXECUTION: Final = "execution"
_NS: Final = 1_000_000_000
_RENEWALS: Final = 4
_PARTS: Final = ("histories", "gauge", "stress", "standing", "deleveraging", "daily_report", "authority")
_ODD_SEVERITY: Final = 0.5
"""Enough for an operator to look at, too little for PADS to sell by: what is held has not become worse."""


class LeaseDue(Message, kind="RISK_LEASE_DUE"):
    """Timer: the lease must be renewed."""


class Risk(Gate):
    """Second gate: should the firm take this order."""

    DURABLE = (OrderCleared, SystemCommand)
    passes_on = OrderApproved

    def __init__(
        self, config: RiskConfig, limits: RiskLimits, book: BookLimits, signer: Signer, verifier: Verifier
    ) -> None:
        super().__init__(NAME, config.remembered_orders)
        self.signer = signer
        self.verifier = verifier
        self.authority = Authority(NAME, verifier)
        self.config = config
        self.limits = limits
        self.histories = Histories(config.window)
        self.gauge = TailGauge(self.histories)
        self.stress = Stress(book.regime)
        self.standing = Standing(book)
        self.deleveraging = Deleveraging()
        self.daily_report = DailyReport(config.window)

    @handles(Started)
    def begin(self, started: Started) -> Answer:
        """Give the first lease."""
        return self.renew(LeaseDue())

    @handles(LeaseDue)
    def renew(self, due: LeaseDue) -> Answer:
        """Give a lease, and the next one well before it ends."""
        self._lease()
        self.after(self.config.lease_s / _RENEWALS, LeaseDue())
        return None

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> Answer:
        """Keep a bar, and date the book that waited for it."""
        if self.histories.append(update):
            self.note_split(update)
            self.stress.take(update)
            self._date()
        return None

    @handles(OrderCleared)
    def decide(self, cleared: OrderCleared) -> Answer:
        """Approve an order, or refuse it with every rule's word."""
        order = cleared.order
        if self.must_wait(order, cleared.portfolio_version):
            return DEFER
        book = self._book(cleared)
        mine = judge(NAME, RULES, order, book, self.limits)
        self.publish(order_risk(book))
        if book.objection:
            sender = self.conversation.sender
            self._alert(_ODD_SEVERITY, f"clearance of order {order.order_id} from {sender} refused: {book.objection}")
        self.remember(order)
        verdicts = cleared.verdicts + mine
        if refusals(mine):
            self.refuse(order, verdicts)
            return None
        valid_until_ns = self.now_ns + round(self.config.order_validity_s * _NS)
        self.let_go(order, verdicts, valid_until_ns)
        approvals = (cleared.approval, approve(self.signer, order, valid_until_ns, self.now_ns))
        self.send(OrderApproved(order=order, verdicts=verdicts, approvals=approvals), to=EXECUTION)
        return None

    @handles(SystemCommand)
    def obey(self, command: SystemCommand) -> Answer:
        """Halt or resume for an operator, and tell execution at once."""
        refused = self.authority.turn_away(self, command)
        if refused is not None:
            return refused
        before = self.standing.terms
        is_done, detail = self.standing.obey(command)
        if self.standing.terms != before:
            self._alert(0.0 if self.standing.halt_reason is None else 1.0, detail)
            self._lease()
        result = CommandResult(is_done=is_done, detail=detail)
        self.publish(record_of(command, self.conversation.sender, result))
        return result

    @handles(Undelivered)
    def give_up(self, notice: Undelivered) -> Answer:
        """Refuse in public what was not acknowledged: an order passed on, or one of risk's own."""
        if notice.kind != OrderProposed.KIND:
            return super().give_up(notice)
        order = self.deleveraging.pop_conversation(self.conversation.correlation_id)
        if order is not None:
            self.refuse(order, (refusal(NAME, "delivery", f"{notice.recipient} did not acknowledge the order"),))
        return None

    def book_changed(self, book: PortfolioUpdate) -> None:
        """Take the budget: tell the firm of another tier, halt beyond it, and shrink what is over the limit."""
        before = self.standing.terms
        for severity, reason in self.standing.take(book):
            self._alert(severity, reason, book.version)
        if self.standing.terms != before:
            self._lease()
        self._date()
        order = self.deleveraging.due(self.standing.budget, book, self.conversation.correlation_id)
        if order is not None:
            self._propose(order, book)

    def last_bar(self, symbol: str) -> int | None:
        """Return the last bar seen of a symbol; None when it never had one."""
        return self.histories.last_bar(symbol)

    def forget_market(self) -> None:
        """Drop every window of bars."""
        self.histories.clear()
        self.stress.clear()

    def report(self) -> Report:
        """Return what an observer should see."""
        counts = {"in_flight": len(self.in_flight), "approved": self.passed, "refused": self.refused}
        counts["refused_commands"] = self.authority.refused
        return self.standing.report() | counts

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return super().snapshot() | {name: getattr(self, name).snapshot() for name in _PARTS}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        for name in _PARTS:
            getattr(self, name).restore(state[name])

    def _date(self) -> None:
        """Date books whose bars are here, and report the days that end with them."""
        for dated in self.standing.date(self.histories):
            end = self.daily_report.enter(dated, self.histories)
            if end is not None:
                self._close_day(end, dated.book.version)

    def _close_day(self, end: DayEnd, version: int) -> None:
        self.publish(end.report)
        if end.has_turned_red:
            self._alert(_ODD_SEVERITY, f"the back-test of expected shortfall has turned red: {end.words}", version)

    def _propose(self, order: Order, book: PortfolioUpdate) -> None:
        """Ask compliance for a shrinking order; in a halt refuse it in public, because PADS waits for it."""
        halt_reason = self.standing.halt_reason
        if halt_reason is None:
            self.send(OrderProposed(order=order, portfolio_version=book.version), to=COMPLIANCE)
        else:
            self.refuse(order, (refusal(NAME, "halt", f"halted: {halt_reason}"),))

    def _book(self, cleared: OrderCleared) -> RiskBook:
        return RiskBook(
            cleared=cleared,
            objection=unclear(self.verifier, cleared, self.conversation.sender, self.now_ns),
            is_repeat=self.has_seen(cleared.order),
            portfolio=self.portfolio,
            is_whole=self.is_book_whole,
            in_flight=self.in_flight,
            histories=self.histories,
            standing=self.standing,
            gauge=self.gauge,
            stress=self.stress,
        )

    def _lease(self) -> None:
        expires_ns = self.now_ns + round(self.config.lease_s * _NS)
        self.send(self.standing.lease(expires_ns), to=EXECUTION, ttl_s=self.config.lease_s)

    def _alert(self, severity: float, reason: str, version: int = 0) -> None:
        alert = RiskAlert(symbol="*", severity=severity, source=NAME, reason=reason, portfolio_version=version)
        self.publish(alert)


def build(settings: Settings) -> Agent:
    """Build risk from its parameters and its limits."""
    config, limits = settings.table(NAME, RiskConfig), settings.limits(NAME, RiskLimits)
    least = limits.observations + START + 1
    if config.window < least:
        raise ConfigError(
            f"risk.window = {config.window} bars can never give risk.observations = {limits.observations} returns "
            f"after the {START} that start their volatility; give risk.window at least {least} in firm.toml"
        )
    load_kernels()
    signer, verifier = Signer.load(settings.keys, NAME), Verifier.load(settings.keys, (COMPLIANCE, *OPERATORS))
    return Risk(config, limits, book_limits(settings), signer, verifier)
