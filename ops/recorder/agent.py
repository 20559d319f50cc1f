"""The recorder's shell: every fact on the bus becomes rows, and rows become the ledger."""

from contextlib import suppress
from typing import Any, Final, Protocol

from bus.agent import Agent, Report, handles
from bus.config import Settings
from bus.errors import Fatal, Transient
from bus.message import Message
from bus.messages import (
    CommandRecord,
    ComplianceViolation,
    DataReport,
    DecisionMade,
    ExecutionCost,
    ExecutionReport,
    Gap,
    HaltStatus,
    MarketUpdate,
    OrderRejected,
    OrderRisk,
    PerformanceFeedback,
    PhaseTransition,
    PortfolioUpdate,
    PositionLevels,
    RiskAlert,
    RiskReport,
    SystemEvent,
)
from ops.ledger import Ledger
from ops.recorder import rows
from ops.recorder.config import RecorderConfig, ledger_url

SNAPSHOT_VERSION: Final = 1


class LedgerFlush(Message, kind="LEDGER_FLUSH"):
    """Rows have waited long enough."""


class Sink(Protocol):
    """Where rows go; ``Ledger`` is the one of the firm."""

    rows_written: int
    rows_refused: int
    last_refusal: str

    @property
    def waiting(self) -> int:
        """Rows handed in and not yet written."""

    def add(self, rows: rows.Rows, /) -> None:
        """Take rows by table."""

    def flush(self) -> None:
        """Write what waits, or raise."""

    def close(self) -> None:
        """Write what waits and let go."""


class Recorder(Agent):
    """Writes facts of the bus into a ledger; keeps none of its own, so messages may be handed in again.

    Its timers hang on its inputs alone, never on how the database fares: a replay of the journal sets the same ones.
    """

    def __init__(self, sink: Sink, *, flush_s: float, name: str = "recorder") -> None:
        super().__init__(name)
        self._sink = sink
        self._flush_s = flush_s
        self._is_timer_set = False

    @handles(MarketUpdate)
    def bar(self, update: MarketUpdate) -> None:
        """Keep a bar."""
        self._take(rows.bar_rows(update, self._stamp()))

    @handles(DecisionMade)
    def decision(self, made: DecisionMade) -> None:
        """Keep a decision and its beliefs."""
        self._take(rows.decision_rows(made, self._stamp()))

    @handles(PerformanceFeedback)
    def settlement(self, feedback: PerformanceFeedback) -> None:
        """Keep a settled round and its scores."""
        self._take(rows.settlement_rows(feedback, self._stamp()))

    @handles(OrderRejected)
    def rejection(self, rejected: OrderRejected) -> None:
        """Keep a refused order and its verdicts."""
        self._take(rows.rejection_rows(rejected, self._stamp()))

    @handles(ExecutionReport)
    def execution(self, report: ExecutionReport) -> None:
        """Keep an event of an order at the broker."""
        self._take(rows.execution_rows(report, self.conversation.sender, self._stamp()))

    @handles(PortfolioUpdate)
    def equity(self, portfolio: PortfolioUpdate) -> None:
        """Keep the book after a bar."""
        self._take(rows.equity_rows(portfolio, self._stamp()))

    @handles(RiskAlert)
    def alert(self, alert: RiskAlert) -> None:
        """Keep an alert."""
        self._take(rows.alert_rows(alert, self.conversation, self._stamp()))

    @handles(ExecutionCost)
    def cost(self, cost: ExecutionCost) -> None:
        """Keep what an order has cost."""
        self._take(rows.cost_rows(cost, self._stamp()))

    @handles(OrderRisk)
    def order_risk(self, risk: OrderRisk) -> None:
        """Keep what an order would do to the tail of the book."""
        self._take(rows.order_risk_rows(risk, self._stamp()))

    @handles(RiskReport)
    def risk_report(self, report: RiskReport) -> None:
        """Keep the forecast of a day's end."""
        self._take(rows.report_rows(report, self._stamp()))

    @handles(ComplianceViolation)
    def violation(self, entry: ComplianceViolation) -> None:
        """Keep an entry of the log of violations."""
        self._take(rows.violation_rows(entry, self._stamp()))

    @handles(PositionLevels)
    def levels(self, drawn: PositionLevels) -> None:
        """Keep what guards a position."""
        self._take(rows.level_rows(drawn, self._stamp()))

    @handles(HaltStatus)
    def halt(self, halt: HaltStatus) -> None:
        """Keep how far a halt has come."""
        self._take(rows.halt_rows(halt, self.conversation, self._stamp()))

    @handles(CommandRecord)
    def command(self, record: CommandRecord) -> None:
        """Keep an operator's command."""
        self._take(rows.command_rows(record, self.conversation, self._stamp()))

    @handles(SystemEvent)
    def operation(self, event: SystemEvent) -> None:
        """Keep what ops saw or did."""
        self._take(rows.operation_rows(event, self._stamp()))

    @handles(PhaseTransition)
    def phase(self, transition: PhaseTransition) -> None:
        """Keep a change of phase."""
        self._take(rows.phase_rows(transition, self._stamp()))

    @handles(DataReport)
    def data(self, report: DataReport) -> None:
        """Keep what a source held."""
        self._take(rows.data_rows(report, self.conversation, self._stamp()))

    @handles(Gap)
    def gap(self, gap: Gap) -> None:
        """Keep that something is lost."""
        self._take(rows.gap_rows(gap, self._stamp()))

    @handles(LedgerFlush)
    def flush(self, _: LedgerFlush) -> None:
        """Write what waits; a busy database is tried again after the next fact."""
        self._is_timer_set = False
        with suppress(Transient):
            self._sink.flush()

    def _stamp(self) -> rows.Stamp:
        return rows.stamp(self.conversation, self.now_ns)

    def _take(self, some: rows.Rows) -> None:
        self._sink.add(some)
        if not self._is_timer_set:
            self._is_timer_set = True
            self.after(self._flush_s, LedgerFlush())

    def report(self) -> Report:
        """Return rows written, waiting and refused."""
        sink = self._sink
        report: Report = {"written": sink.rows_written, "waiting": sink.waiting, "refused": sink.rows_refused}
        return {**report, "last_refusal": sink.last_refusal} if sink.rows_refused else report

    def snapshot(self) -> dict[str, Any]:
        """Write what waits, then return the state: nothing before a snapshot is ever replayed."""
        try:
            self._sink.flush()
        except Transient as error:
            raise Fatal(str(error)) from None
        return {"version": SNAPSHOT_VERSION, "is_timer_set": self._is_timer_set}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        if state["version"] != SNAPSHOT_VERSION:
            raise Fatal(f"{self.name}: snapshot version {state['version']}, this code reads {SNAPSHOT_VERSION}")
        self._is_timer_set = state["is_timer_set"]

    def close(self) -> None:
        """Write what waits at a clean stop."""
        self._sink.close()


def build(settings: Settings) -> Agent:
    """Make the recorder of a firm and open its ledger."""
    config = settings.table("recorder", RecorderConfig)
    ledger = Ledger.create(ledger_url(settings), flush_rows=config.flush_rows)
    return Recorder(ledger, flush_s=config.flush_s)
