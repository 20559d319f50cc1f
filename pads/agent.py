"""PADS as an agent: it hears bars, books and beliefs, and speaks questions, decisions, orders and feedback."""

from collections.abc import Iterable
from typing import Any, Final

from bus.agent import Agent, Answer, Report, handles
from bus.command import Authority
from bus.config import Settings
from bus.keys import OPERATORS, Verifier
from bus.message import Header, Message
from bus.messages import (
    Command,
    CommandResult,
    DecisionMade,
    DecisionResponse,
    ExecutionReport,
    Gap,
    MarketUpdate,
    Order,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    PortfolioUpdate,
    RiskAlert,
    SystemCommand,
    Undelivered,
    record_of,
)
from pads.chair import Chair
from pads.config import PadsConfig, seated
from pads.decision import Ruling
from pads.roster import replicas_of
from pads.rounds import Round
from portfolio.limits import BookLimits, book_limits

GATE: Final = "compliance"
_NS: Final = 1_000_000_000


class DeadlinePassed(Message, kind="ROUND_DEADLINE"):
    """A round or an order may have run out of time; one such alarm serves all that are waiting."""


class Pads(Agent):
    """Opens rounds, asks the seats, decides, proposes orders, and settles what was decided."""

    def __init__(self, name: str, config: PadsConfig, limits: BookLimits, verifier: Verifier) -> None:
        super().__init__(name)
        self._authority = Authority(name, verifier)
        self._timeout_s = config.decision_timeout_s
        self._chair = Chair(config, limits)
        self._alarm_ns: int | None = None

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> None:
        """Settle what the bar settles, and open its round if its book is there."""
        for message in self._chair.take_bar(update, self.conversation):
            self.publish(message)
        self._open((update.symbol,))

    @handles(PortfolioUpdate)
    def take_book(self, book: PortfolioUpdate) -> None:
        """Open the round of the book's bar if the bar is there."""
        if self._chair.take_book(book) and book.bar >= 0:
            self._open((book.symbol,))

    @handles(DecisionResponse)
    def take_response(self, response: DecisionResponse) -> None:
        """Decide once every seat has answered."""
        answered = self._chair.rounds.take(self.conversation.sender, response)
        if answered is not None:
            self._close(answered)

    @handles(DeadlinePassed)
    def ring(self, _: DeadlinePassed) -> None:
        """Decide the rounds whose time is up with the answers that came, and stop waiting for overdue orders."""
        if self._alarm_ns is not None and self._alarm_ns <= self.now_ns:
            self._alarm_ns = None
        for overdue in self._chair.rounds.overdue(self.now_ns):
            self._close(overdue)
        for unanswered in self._chair.orders.expire(self.now_ns):
            self._give_up(unanswered.order, "neither the gates nor execution answered in time; it may still be worked")
        self._open(self._chair.instruments)
        self._arm()

    @handles(SystemCommand)
    def obey(self, command: SystemCommand) -> Answer:
        """Open a round because an operator asks; every other command belongs to another agent."""
        refused = self._authority.turn_away(self, command)
        if refused is not None:
            return refused
        opened = self._asked(command)
        if isinstance(opened, Round):
            self._put(opened)
            self._record(command, CommandResult(is_done=True, detail=f"a round on {command.symbol} is opened"))
            return None
        self._record(command, opened)
        return opened

    @handles(RiskAlert)
    def heed(self, alert: RiskAlert) -> None:
        """Let an alert weigh on decisions made on later books than the one it was raised on."""
        self._chair.alarms.take(alert)

    @handles(OrderRejected)
    def take_rejection(self, rejected: OrderRejected) -> None:
        """Go on after a gate's refusal."""
        self._chair.refuse(rejected)
        self._answered(rejected.order.order_id)

    @handles(ExecutionReport)
    def take_report(self, report: ExecutionReport) -> None:
        """Go on once the broker has an order, or has refused it."""
        if report.status is OrderStatus.REFUSED:
            self._chair.hedges.refuse(report.order.order_id)
        self._answered(report.order.order_id)

    @handles(Undelivered)
    def take_undelivered(self, notice: Undelivered) -> None:
        """Reject an order in the gate's place when the gate cannot be reached."""
        order = None
        if notice.kind == OrderProposed.KIND:
            order = self._chair.orders.undelivered(self.conversation.correlation_id)
        if order is not None:
            self._chair.hedges.refuse(order.order_id)
            self._give_up(order, f"{notice.recipient} did not acknowledge the proposal within its time to live")
            self._open(self._chair.instruments)

    @handles(Gap)
    def take_gap(self, gap: Gap) -> None:
        """Distrust what hangs on lost broadcasts until it is whole again."""
        for made in self._chair.lose(gap.stream, self.now_ns):
            instrument = self._chair.instruments[made.symbol]
            self.publish(made, about=instrument.header if instrument.bar == made.bar else None)
        self._open(self._chair.instruments)
        self._arm()

    def _asked(self, command: SystemCommand) -> Round | CommandResult:
        if command.command is not Command.ASK:
            detail = f"pads answers {Command.ASK} only; send {command.command} to risk"
            return CommandResult(is_done=False, detail=detail)
        opened = self._chair.ask(command.symbol, self.conversation, self.now_ns)
        if isinstance(opened, DecisionMade):
            return CommandResult(is_done=True, detail=opened.choice_reason, decision=opened)
        return CommandResult(is_done=False, detail=opened) if isinstance(opened, str) else opened

    def _record(self, command: SystemCommand, result: CommandResult) -> None:
        self.publish(record_of(command, self.conversation.sender, result))

    def _give_up(self, order: Order, reason: str) -> None:
        """End an order in public in the place of who should have: the ledger has it, and nobody waits for it longer."""
        self.publish(OrderRejected(order=order, rejected_by=self.name, reason=reason, verdicts=()))

    def _answered(self, order_id: str) -> None:
        if self._chair.orders.answer(order_id):
            self._open(self._chair.instruments)

    def _open(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            if self._chair.is_ready(symbol):
                opened, levels = self._chair.open(symbol, self.now_ns)
                header, book = self._chair.instruments[symbol].header, self._chair.book
                assert header is not None
                assert book is not None
                for message in levels:
                    self.publish(message, about=header)
                if isinstance(opened, Round):
                    self._put(opened)
                else:
                    self._tell(opened, header, book.version)

    def _put(self, opened: Round) -> None:
        for seat in self._chair.board.seats:
            self.send(opened.request, to=seat, about=opened.header, ttl_s=self._timeout_s)
        self._arm()

    def _close(self, closing: Round) -> None:
        ruling = self._chair.close(closing, self.now_ns)
        made, header = ruling.made, closing.header
        if closing.asker is not None:
            self.send(
                CommandResult(is_done=True, detail=made.choice_reason, decision=made), to=closing.asker, about=header
            )
            return
        self._tell(ruling, header, closing.book.version)

    def _tell(self, ruling: Ruling, header: Header, version: int) -> None:
        """Publish a decision, propose its order, and see to it that no order is waited for too long."""
        self.publish(ruling.made, about=header)
        if ruling.order is not None:
            self.send(OrderProposed(order=ruling.order, portfolio_version=version), to=GATE, about=header)
        if ruling.made.order_id is not None:
            self._arm()
        for message in ruling.news:
            self.publish(message, about=header)

    def _arm(self) -> None:
        """See to it that an alarm rings when the first of those waiting runs out of time."""
        due_ns = self._chair.next_due_ns()
        if due_ns is not None and (self._alarm_ns is None or due_ns < self._alarm_ns):
            self._alarm_ns = due_ns
            self.after((due_ns - self.now_ns) / _NS, DeadlinePassed())

    def report(self) -> Report:
        """Count rounds, responses by what became of them, and orders without an answer."""
        return self._chair.report() | {"refused_commands": self._authority.refused}

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        authority = self._authority.snapshot()
        return {"chair": self._chair.snapshot(), "alarm_ns": self._alarm_ns, "authority": authority}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._chair.restore(state["chair"])
        self._alarm_ns = state["alarm_ns"]
        self._authority.restore(state["authority"])


def build(settings: Settings) -> Agent:
    """Make the agent from the [pads] table, with the seats that the process list switches on."""
    config = seated(settings.table("pads", PadsConfig), settings.firm.agents)
    verifier = Verifier.load(settings.keys, OPERATORS)
    replicas = replicas_of(settings.firm.agents)
    if replicas:
        from pads.replication import ReplicatedPads  # here, because it builds on this module

        return ReplicatedPads("pads", config, book_limits(settings), verifier, replicas)
    return Pads("pads", config, book_limits(settings), verifier)
