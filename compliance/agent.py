"""Compliance: judges each proposed order, passes it on to risk, inspects the book, and keeps the log of violations."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.approval import approve
from bus.command import Authority
from bus.config import Settings
from bus.errors import ConfigError
from bus.gate import Gate, judge, refusals
from bus.keys import OPERATORS, Signer, Verifier
from bus.message import Message
from bus.messages import (
    Command,
    CommandResult,
    DataReport,
    ExecutionCost,
    Gap,
    Heard,
    MarketUpdate,
    Order,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    PortfolioUpdate,
    RiskAlert,
    Silent,
    Started,
    SystemCommand,
    Verdict,
    record_of,
)
from compliance.config import ComplianceConfig, ComplianceLimits
from compliance.inspection import Entered
from compliance.refusal import record_refusal
from compliance.rules import RULES
from compliance.rules.order import SENDERS
from compliance.watch import Watch
from market.sessions import Sessions
from portfolio.limits import BookLimits, book_limits
from portfolio.tail import START, load_kernels

NAME: Final = "compliance"
RISK: Final = "risk"
DUPLICATE: Final = "duplicate"
REFUSAL_SEVERITY: Final = 0.3
"""A refusal is for an operator to see; the firm has already acted on it."""
_NS: Final = 1_000_000_000


class InspectionDue(Message, kind="COMPLIANCE_INSPECTION_DUE"):
    """Timer: the book is to be inspected."""


class Compliance(Gate):
    """First gate: may the firm send this order."""

    DURABLE = (OrderProposed, SystemCommand)
    passes_on = OrderCleared

    def __init__(
        self,
        config: ComplianceConfig,
        limits: ComplianceLimits,
        shared: BookLimits,
        signer: Signer,
        verifier: Verifier,
        sessions: Mapping[str, Sessions],
        agents: Sequence[str],
    ) -> None:
        super().__init__(NAME, config.remembered_orders)
        self.signer = signer
        self.authority = Authority(NAME, verifier)
        self.config = config
        self.limits = limits
        self.watch = Watch(config, limits, shared, sessions, agents, NAME)

    @handles(Started)
    def begin(self, started: Started) -> Answer:
        """Set the timer of inspections."""
        self.after(self.config.inspection_s, InspectionDue())
        return None

    @handles(InspectionDue)
    def inspect(self, due: InspectionDue) -> Answer:
        """Measure every standing rule on the last book, availability too, and again after a while."""
        self._tell(self.watch.inspect(self.now_ns))
        self.after(self.config.inspection_s, InspectionDue())
        return None

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> Answer:
        """Keep a bar, and inspect the books that waited for it."""
        self.note_split(update)
        self.watch.take_bar(update)
        self._follow()
        return None

    @handles(DataReport)
    def take_source(self, report: DataReport) -> Answer:
        """Keep what a source tells of itself."""
        self.watch.sources[report.symbol] = report
        return None

    @handles(ExecutionCost)
    def take_cost(self, cost: ExecutionCost) -> Answer:
        """Keep what an order cost, and inspect the books that waited for it."""
        self.watch.take_cost(cost)
        self._follow()
        return None

    @handles(OrderProposed)
    def decide(self, proposed: OrderProposed) -> Answer:
        """Pass an order on to risk, or refuse it with every rule's word."""
        order, sender = proposed.order, self.conversation.sender
        is_known = sender in SENDERS
        if is_known and self.must_wait(order, proposed.portfolio_version):
            return DEFER
        desk = self.watch.desk(
            order, sender, self.has_seen(order), self.portfolio, self.is_book_whole, self.in_flight
        )  # fmt: skip
        verdicts = judge(NAME, RULES, order, desk, self.limits)
        if not is_known:
            self._turn_away(order, verdicts)
            return None
        self.remember(order)
        if refusals(verdicts):
            self.refuse(order, verdicts)
            return None
        self._clear(proposed, verdicts)
        return None

    @handles(OrderRejected)
    def take_rejection(self, rejected: OrderRejected) -> Answer:
        """Stop counting an order that risk refused.

        One that was refused here was not counted, one that risk had before is still on its way, and one that PADS gave
        up may be.
        """
        is_repeat = any(verdict.rule == DUPLICATE and verdict.refuses for verdict in rejected.verdicts)
        if rejected.rejected_by == RISK and not is_repeat:
            self.in_flight.drop(rejected.order.order_id)
        return None

    @handles(SystemCommand)
    def obey(self, command: SystemCommand) -> Answer:
        """Review a violation for an operator, and have the ledger keep who asked for what."""
        refused = self.authority.turn_away(self, command)
        if refused is not None:
            return refused
        result = self._review(command)
        self.publish(record_of(command, self.conversation.sender, result))
        return result

    def _review(self, command: SystemCommand) -> CommandResult:
        if command.command is not Command.REVIEW:
            return CommandResult(is_done=False, detail=f"compliance does not know {command.command}; it knows review")
        operator, reason = command.operator.strip(), command.reason.strip()
        if not (command.violation_id and command.status and operator and reason):
            detail = "a review needs a violation, a status, the name of an operator and a reason"
            return CommandResult(is_done=False, detail=detail)
        try:
            entries = self.watch.log.move(command.violation_id, command.status, operator, reason)
        except ValueError as error:
            return CommandResult(is_done=False, detail=str(error))
        self._tell(Entered(entries, []))
        return CommandResult(is_done=True, detail=f"{command.violation_id} is {command.status}: {reason} ({operator})")

    @handles(Heard)
    def hear(self, heard: Heard) -> Answer:
        """Take note that an agent is there."""
        self.watch.availability.hear(heard.agent, self.now_ns)
        return None

    @handles(Silent)
    def miss(self, silent: Silent) -> Answer:
        """Take note that an agent is not heard from."""
        self.watch.availability.miss(silent.agent, silent.since_ns)
        return None

    @handles(Gap)
    def lose(self, gap: Gap) -> Answer:
        """Trust neither book nor bars after a loss, and wait for no cost that is lost."""
        super().lose(gap)
        if gap.stream == ExecutionCost.KIND:
            self.watch.line.costs.give_up()
        self._follow()
        return None

    def book_changed(self, book: PortfolioUpdate) -> None:
        """Inspect a newer book once its turn comes."""
        self.watch.line.take_book(book)
        self._follow()

    def must_wait(self, order: Order, portfolio_version: int) -> bool:
        """Tell whether something that the order presumes is still on its way."""
        return super().must_wait(order, portfolio_version) or self.watch.is_behind(order, portfolio_version)

    def refuse(self, order: Order, verdicts: tuple[Verdict, ...]) -> None:
        """Publish that an order ends here, enter every rule that refused it, and alert."""
        super().refuse(order, verdicts)
        self._record(order, verdicts)

    def remember(self, order: Order) -> None:
        """Note an order, and count it against the rate of its symbol."""
        super().remember(order)
        tape = self.watch.tapes.get(order.symbol)
        if tape is not None:
            tape.orders += 1

    def last_bar(self, symbol: str) -> int | None:
        """Return the last bar seen of a symbol; None when it never had one."""
        tape = self.watch.tapes.get(symbol)
        return None if tape is None else tape.bar

    def forget_market(self) -> None:
        """Drop every bar."""
        self.watch.forget_market()

    def report(self) -> Report:
        """Return what an observer should see."""
        log = self.watch.log
        return {
            "in_flight": len(self.in_flight),
            "cleared": self.passed,
            "refused": self.refused,
            "refused_commands": self.authority.refused,
            "violations": log.pending,
            "entries": log.entries,
            "awaited_costs": self.watch.line.costs.awaited,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return super().snapshot() | {"watch": self.watch.snapshot(), "authority": self.authority.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self.watch.restore(state["watch"])
        self.authority.restore(state["authority"])

    def _clear(self, proposed: OrderProposed, verdicts: tuple[Verdict, ...]) -> None:
        order = proposed.order
        self.let_go(order, verdicts, self.now_ns + round(self.config.order_life_s * _NS))
        valid_until_ns = self.now_ns + round(self.config.order_validity_s * _NS)
        cleared = OrderCleared(
            order=order,
            portfolio_version=proposed.portfolio_version,
            verdicts=verdicts,
            approval=approve(self.signer, order, valid_until_ns, self.now_ns),
        )
        self.send(cleared, to=RISK)

    def _turn_away(self, order: Order, verdicts: tuple[Verdict, ...]) -> None:
        """Refuse a stranger's order; one with the id of another is not called ended, for that one may be at work."""
        if self.has_seen(order):
            self.refused += 1
            self._record(order, verdicts)
        else:
            self.refuse(order, verdicts)

    def _record(self, order: Order, verdicts: tuple[Verdict, ...]) -> None:
        reason = f"order {order.order_id} of {self.conversation.sender} refused: {refusals(verdicts)}"
        version = self.watch.line.version
        alert = RiskAlert(
            symbol=order.symbol, severity=REFUSAL_SEVERITY, source=NAME, reason=reason, portfolio_version=version
        )
        self._tell(Entered(record_refusal(self.watch.log, order, verdicts), [alert]))

    def _follow(self) -> None:
        self._tell(self.watch.follow(self.now_ns))

    def _tell(self, entered: Entered) -> None:
        for entry in entered.entries:
            self.publish(entry)
        for alert in entered.alerts:
            self.publish(alert)


def build(settings: Settings) -> Agent:
    """Build compliance from its parameters, its limits and the hours of its markets."""
    config, limits = settings.table(NAME, ComplianceConfig), settings.limits(NAME, ComplianceLimits)
    if config.window <= limits.observations + START:
        raise ConfigError(
            f"compliance.window = {config.window} bars can never give compliance.observations = {limits.observations}; "
            f"give compliance.window at least {limits.observations + START + 1} in firm.toml"
        )
    load_kernels()
    sessions = {name: Sessions.load(name) for name in sorted(set(limits.calendars.values()))}
    agents = [name for name in settings.firm.enabled if name != NAME]
    signer, verifier = Signer.load(settings.keys, NAME), Verifier.load(settings.keys, OPERATORS)
    return Compliance(config, limits, book_limits(settings), signer, verifier, sessions, agents)
