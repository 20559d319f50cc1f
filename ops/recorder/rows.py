"""From a message to the rows of the ledger that keep it: pure, and blind to everything said before.

Each function returns rows by table, their values in the order of the table's columns in ``ops.schema``.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.message import Header
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
    Order,
    OrderRejected,
    OrderRisk,
    OrderStatus,
    PerformanceFeedback,
    PhaseTransition,
    PortfolioUpdate,
    PositionLevels,
    RiskAlert,
    RiskReport,
    SystemEvent,
    Verdict,
)
from ops.schema import ESTIMATORS, OPERATION

COMPLIANCE: Final = "compliance"
REJECTED: Final = "rejected"
"""Status of an order that a gate turned away; the other states are those of ``OrderStatus``."""

_NO_BELIEF: Final = (None, None, None)

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
_Stands = tuple[str, int, Decimal, str | None, str | None, str]
"""Status of an order, count of its reports, units filled, id at the broker, who refused it, and why."""


class Stamp(NamedTuple):
    """Which message said it, when it was sent, and when it was handled here."""

    message_id: str
    sent_ns: int
    recorded_ns: int


def stamp(header: Header, now_ns: int) -> Stamp:
    """Return the stamp of a message handled at ``now_ns``."""
    return Stamp(header.id, header.sent_ns, now_ns)


def bar_rows(update: MarketUpdate, at: Stamp) -> Rows:
    """Keep a closed bar."""
    row = (
        update.symbol, update.bar, update.opened_ns, str(update.open), str(update.high), str(update.low),
        str(update.close), str(update.volume), *at,
    )  # fmt: skip
    return {"bars": [row]}


def decision_rows(made: DecisionMade, at: Stamp) -> Rows:
    """Keep a decision and what each member brought to it."""
    decision_id = made.decision_id
    decision = (
        decision_id, made.symbol, made.bar, made.horizon, made.band, *made.prior, *made.price,
        made.liquidity, made.is_quorate, made.action.value, made.choice_reason, made.conviction,
        made.expected_return, str(made.target), str(made.position), made.phase.value, made.appetite,
        made.order_id, *at,
    )  # fmt: skip
    beliefs = [
        (
            decision_id, view.member, seat, *(view.belief or _NO_BELIEF), view.confidence, view.weight,
            view.stake, *view.shares, view.cost,
        )
        for seat, view in enumerate(made.members)
    ]  # fmt: skip
    return {"decisions": [decision], "beliefs": beliefs}


def settlement_rows(feedback: PerformanceFeedback, at: Stamp) -> Rows:
    """Keep a settled round and what each member earned in it."""
    decision_id = feedback.decision_id
    settlement = (
        decision_id, feedback.symbol, feedback.bar, feedback.settled, feedback.outcome.value,
        feedback.realized_return, feedback.prior_log_score, feedback.board_log_score, feedback.identity_error,
        *at,
    )  # fmt: skip
    scores = [
        (decision_id, score.member, seat, score.log_score, score.profit, score.weight)
        for seat, score in enumerate(feedback.scores)
    ]
    return {"settlements": [settlement], "scores": scores}


def rejection_rows(rejected: OrderRejected, at: Stamp) -> Rows:
    """Keep an order that a gate turned away, with every rule's word."""
    stands = (REJECTED, 0, Decimal(0), None, rejected.rejected_by, rejected.reason)
    rows = {"orders": [_order_row(rejected.order, stands, at)], **_verdict_rows(rejected.order, rejected.verdicts)}
    if rejected.rejected_by != COMPLIANCE:
        rows["risk_events"] = [_refusal(rejected.order, rejected.rejected_by, rejected.reason, at)]
    return rows


def execution_rows(report: ExecutionReport, sender: str, at: Stamp) -> Rows:
    """Keep where an order stands at the broker, and the fill if this report is one."""
    order, status = report.order, report.status
    rejected_by = sender if status is OrderStatus.REFUSED else None
    stands = (status.value, report.report, report.filled, report.client_order_id, rejected_by, report.reason)
    rows = {"orders": [_order_row(order, stands, at)], **_verdict_rows(order, report.verdicts)}
    if report.last_quantity > 0:
        fill = (
            *(order.order_id, report.report, order.decision_id, order.symbol, order.side.value, report.bar),
            *(str(report.last_quantity), str(report.last_price), str(report.fee), str(report.slippage)),
            *(str(report.filled), *at),
        )
        rows["fills"] = [fill]
    if rejected_by is not None:
        rows["risk_events"] = [_refusal(order, rejected_by, report.reason, at)]
    return rows


def equity_rows(portfolio: PortfolioUpdate, at: Stamp) -> Rows:
    """Keep the book after a bar."""
    gross = Decimal(0)
    for held in portfolio.positions:
        gross += abs(held.quantity) * held.last_price
    row = (
        portfolio.symbol, portfolio.bar, portfolio.version, str(portfolio.cash), str(portfolio.equity),
        str(portfolio.peak_equity), str(portfolio.realized), str(portfolio.fees), str(portfolio.carry), str(gross),
        len(portfolio.working), *at,
    )  # fmt: skip
    return {"equity": [row]}


def alert_rows(alert: RiskAlert, header: Header, at: Stamp) -> Rows:
    """Keep an alert; its id is the round in which a seat raised it, or its place in its sender's own sequence."""
    is_seat = alert.round_id != ""
    event_id = f"alert/{alert.source}/{alert.round_id}" if is_seat else f"alert/{header.sender}/{header.sequence}"
    said = (alert.symbol, None, alert.severity, alert.source, alert.reason, None)
    return {"risk_events": [(event_id, "alert", *said, *at)]}


def cost_rows(cost: ExecutionCost, at: Stamp) -> Rows:
    """Keep what an order that ended has cost."""
    order = cost.order
    prices = (cost.filled, cost.average_price, cost.decision_price, cost.arrival_price, cost.end_price)
    parts = (cost.delay, cost.trading, cost.opportunity, cost.fees, cost.total)
    row = (
        *(order.order_id, order.symbol, order.side.value, cost.bar, cost.status.value, cost.schedule, cost.children),
        *(str(amount) for amount in (order.quantity, *prices, *parts)),
        *(cost.arrival_bps, cost.twap_bps, cost.vwap_bps, cost.impact, cost.coefficient, *at),
    )
    return {"execution_costs": [row]}


def order_risk_rows(risk: OrderRisk, at: Stamp) -> Rows:
    """Keep what an order would do to the tail of the book."""
    measured = [
        getattr(tail, estimator) for estimator in ESTIMATORS for tail in (risk.before, risk.after, risk.marginal)
    ]
    return {"order_risks": [(risk.order_id, risk.symbol, risk.bar, risk.observations, *measured, *at)]}


def report_rows(report: RiskReport, at: Stamp) -> Rows:
    """Keep the forecast of a day's end, and how earlier ones fared."""
    tail = report.tail
    row = (
        *(report.day, report.version, str(report.equity), report.drawdown, report.tier, report.value_at_risk),
        *(tail.historical, tail.filtered, tail.student, " ".join(report.pair), report.tail_dependence),
        *(report.copula_dependence, report.loss, report.days, report.exceedances, report.z2, report.light),
        *(report.kupiec_p, report.christoffersen_p, *at),
    )
    return {"risk_reports": [row]}


def violation_rows(entry: ComplianceViolation, at: Stamp) -> Rows:
    """Keep an entry of the log of violations."""
    row = (
        *(entry.entry, entry.violation_id, entry.rule_id, entry.rule, entry.severity.value, entry.symbol, entry.bar),
        *(entry.order_id, entry.value, entry.limit, entry.unit, entry.status.value, entry.operator, entry.detail),
        *(entry.remedy, entry.previous, entry.digest, *at),
    )
    return {"compliance_violations": [row]}


def level_rows(drawn: PositionLevels, at: Stamp) -> Rows:
    """Keep what guards a position, and the levels it was drawn from."""
    position = (
        *(drawn.symbol, drawn.bar, drawn.side.value, str(drawn.entry), str(drawn.stop), drawn.score),
        *(drawn.grade.value, *at),
    )
    levels = [
        (
            drawn.symbol,
            drawn.bar,
            level.kind,
            str(level.ratio),
            str(level.price),
            str(drawn.swing_start),
            str(drawn.swing_end),
        )
        for level in drawn.levels
    ]
    return {"position_risks": [position], "fibonacci_levels": levels}


def halt_rows(halt: HaltStatus, header: Header, at: Stamp) -> Rows:
    """Keep how far a halt has come; its id is its place in the sender's own sequence."""
    event_id = f"halt/{header.sender}/{header.sequence}"
    held = {symbol: str(quantity) for symbol, quantity in halt.positions}
    told = {"halt": halt.halt, "stage": halt.stage.value, "reason": halt.reason}
    facts = _json({**told, "working": halt.working, "positions": held})
    detail = f"{halt.stage.value}: {halt.detail or halt.reason}"
    return {"system_events": [(event_id, "halt", header.sender, None, detail, facts, *at)]}


def command_rows(record: CommandRecord, header: Header, at: Stamp) -> Rows:
    """Keep an operator's command; its id is its place in the taker's own sequence."""
    event_id = f"command/{header.sender}/{header.sequence}"
    facts = _json(record.model_dump(mode="json"))
    word = "done" if record.is_done else "refused"
    detail = f"{record.command.value} by {record.operator or 'nobody named'}, {word}: {record.detail}"
    return {"system_events": [(event_id, "command", header.sender, None, detail, facts, *at)]}


def operation_rows(event: SystemEvent, at: Stamp) -> Rows:
    """Keep what ops saw or did; two runs of one input may differ in it, so it is of a kind of its own."""
    event_id = f"{OPERATION}/{event.at_ns}/{event.event}/{event.subject}"
    facts = _json({"event": event.event, **dict(event.facts)})
    return {"system_events": [(event_id, OPERATION, event.subject, None, event.detail, facts, *at)]}


def phase_rows(transition: PhaseTransition, at: Stamp) -> Rows:
    """Keep a change of phase."""
    event_id = f"phase/{transition.symbol}/{transition.bar}"
    previous, phase = transition.previous.value, transition.phase.value
    facts = _json({"previous": previous, "phase": phase, "reason": transition.reason})
    detail = f"{previous} to {phase}: {transition.reason}"
    return {"system_events": [(event_id, "phase", transition.symbol, transition.bar, detail, facts, *at)]}


def data_rows(report: DataReport, header: Header, at: Stamp) -> Rows:
    """Keep what a source held; its id is its place in the sender's own sequence of reports."""
    event_id = f"data/{header.sender}/{header.sequence}"
    detail = f"{report.source}: {report.accepted} of {report.rows} rows accepted"
    facts = _json(report.model_dump(mode="json", exclude={"symbol"}))
    return {"system_events": [(event_id, "data", report.symbol, None, detail, facts, *at)]}


def gap_rows(gap: Gap, at: Stamp) -> Rows:
    """Keep that broadcasts are lost for good, so that a reader knows what this ledger may lack."""
    event_id = f"gap/{gap.sender}/{gap.stream}/{gap.first}-{gap.last}"
    detail = f"{gap.stream} {gap.first} to {gap.last} of {gap.sender} are lost"
    facts = _json({"stream": gap.stream, "first": gap.first, "last": gap.last})
    return {"system_events": [(event_id, "gap", gap.sender, None, detail, facts, *at)]}


def _order_row(order: Order, stands: _Stands, at: Stamp) -> Row:
    status, report, filled, client_order_id, rejected_by, reason = stands
    return (
        *(order.order_id, order.decision_id, order.symbol, order.side.value, str(order.quantity)),
        *(
            str(order.reference_price),
            order.bar,
            order.urgency.value,
            status,
            report,
            str(filled),
            client_order_id,
            rejected_by,
        ),
        *(reason, *at),
    )


def _verdict_rows(order: Order, verdicts: Iterable[Verdict]) -> Rows:
    kept: list[Row] = []
    for ordinal, verdict in enumerate(verdicts):
        measured = (verdict.value, verdict.limit, verdict.unit, verdict.detail)
        names = (verdict.gate, verdict.id, verdict.rule, verdict.passes, verdict.severity.value)
        kept.append((order.order_id, ordinal, *names, *measured, verdict.remedy))
    return {"verdicts": kept}


def _refusal(order: Order, source: str, reason: str, at: Stamp) -> Row:
    return (f"refusal/{order.order_id}", "refusal", order.symbol, order.bar, None, source, reason, order.order_id, *at)


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, ensure_ascii=False)
