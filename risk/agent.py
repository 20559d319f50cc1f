"""Risk: judges each cleared order, and leases execution the right to trade."""

from typing import Any, Final

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.config import Settings
from bus.errors import ConfigError
from bus.gate import Gate, judge, refusals
from bus.message import Message
from bus.messages import (
    CommandResult,
    LeaseState,
    MarketUpdate,
    OrderApproved,
    OrderCleared,
    PortfolioUpdate,
    RiskAlert,
    RiskLease,
    Started,
    SystemCommand,
)
from risk.config import RiskConfig, RiskLimits
from risk.exposure import RiskBook, load_kernels
from risk.history import Histories
from risk.rules import RULES
from risk.standing import Standing

NAME: Final = "risk"
EXECUTION: Final = "execution"
_NS: Final = 1_000_000_000
_RENEWALS: Final = 4


class LeaseDue(Message, kind="RISK_LEASE_DUE"):
    """Timer: the lease must be renewed."""


class Risk(Gate):
    """Second gate: should the firm take this order."""

    DURABLE = (OrderCleared, SystemCommand)
    passes_on = OrderApproved

    def __init__(self, config: RiskConfig, limits: RiskLimits) -> None:
        super().__init__(NAME, config.remembered_orders)
        self.config = config
        self.limits = limits
        self.histories = Histories(config.window)
        self.standing = Standing(limits.drawdown_tiers)

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
            self.standing.daily.date(self.histories)
        return None

    @handles(OrderCleared)
    def decide(self, cleared: OrderCleared) -> Answer:
        """Approve an order, or refuse it with every rule's word."""
        order = cleared.order
        if self.must_wait(order, cleared.portfolio_version):
            return DEFER
        mine = judge(NAME, RULES, order, self._book(cleared), self.limits)
        self.remember(order)
        verdicts = cleared.verdicts + mine
        if refusals(mine):
            self.refuse(order, verdicts)
            return None
        valid_until_ns = self.now_ns + round(self.config.order_validity_s * _NS)
        self.let_go(order, verdicts, valid_until_ns)
        self.send(OrderApproved(order=order, verdicts=verdicts, valid_until_ns=valid_until_ns), to=EXECUTION)
        return None

    @handles(SystemCommand)
    def obey(self, command: SystemCommand) -> Answer:
        """Halt or resume, and tell execution at once."""
        before = self.standing.state
        is_done, detail = self.standing.obey(command)
        if self.standing.state is not before:
            self._alert(1.0 if self.standing.state is LeaseState.HALTED else 0.0, detail)
            self._lease()
        return CommandResult(is_done=is_done, detail=detail)

    def book_changed(self, book: PortfolioUpdate) -> None:
        """Measure drawdown and the day's loss; tell the firm of a deeper tier, and execution of a new state."""
        before = self.standing.state
        alert = self.standing.take(book)
        self.standing.daily.date(self.histories)
        if alert is not None:
            self._alert(float(self.standing.ladder.cut), alert, book.version)
        if self.standing.state is not before:
            self._lease()

    def last_bar(self, symbol: str) -> int | None:
        """Return the last bar seen of a symbol; None when it never had one."""
        return self.histories.last_bar(symbol)

    def forget_market(self) -> None:
        """Drop every window of bars."""
        self.histories.clear()

    def report(self) -> Report:
        """Return what an observer should see."""
        ladder = self.standing.ladder
        return {
            "state": str(self.standing.state),
            "reason": self.standing.reason,
            "drawdown": float(ladder.drawdown),
            "tier": ladder.tier,
            "daily_loss": float(self.standing.daily.fraction),
            "in_flight": len(self.in_flight),
            "approved": self.passed,
            "refused": self.refused,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return super().snapshot() | {"histories": self.histories.snapshot(), "standing": self.standing.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self.histories.restore(state["histories"])
        self.standing.restore(state["standing"])

    def _book(self, cleared: OrderCleared) -> RiskBook:
        return RiskBook(
            cleared=cleared,
            sender=self.conversation.sender,
            is_repeat=self.has_seen(cleared.order),
            portfolio=self.portfolio,
            is_whole=self.is_book_whole,
            in_flight=self.in_flight,
            histories=self.histories,
            standing=self.standing,
        )

    def _lease(self) -> None:
        expires_ns = self.now_ns + round(self.config.lease_s * _NS)
        lease = RiskLease(state=self.standing.state, expires_ns=expires_ns, reason=self.standing.reason)
        self.send(lease, to=EXECUTION, ttl_s=self.config.lease_s)

    def _alert(self, severity: float, reason: str, version: int = 0) -> None:
        alert = RiskAlert(symbol="*", severity=severity, source=NAME, reason=reason, portfolio_version=version)
        self.publish(alert)


def build(settings: Settings) -> Agent:
    """Build risk from its parameters and its limits."""
    config, limits = settings.table(NAME, RiskConfig), settings.limits(NAME, RiskLimits)
    if config.window <= limits.observations:
        raise ConfigError(
            f"risk.window = {config.window} bars can never give risk.observations = {limits.observations} returns; "
            f"give risk.window at least {limits.observations + 1} in firm.toml"
        )
    load_kernels()
    return Risk(config, limits)
