"""How a refused order enters the log: each rule that refused is a violation, remediated by the refusal."""

from collections.abc import Sequence
from typing import Final

from bus.messages import ComplianceViolation, Order, Verdict, ViolationStatus
from compliance.log import Finding, Log

NUMBERS: Final = {"deadline": "ORD_009", "delivery": "ORD_010"}
"""Numbers of the words that the chassis of a gate speaks itself: nobody was there in time, to judge or to take over."""
_REMEDY: Final = "see `boardroom status`: an agent is missing or overloaded"


def record_refusal(log: Log, order: Order, verdicts: Sequence[Verdict]) -> list[ComplianceViolation]:
    """Return the entries of an order that is refused: its violations opened, and at once remediated."""
    entries = []
    for verdict in verdicts:
        if verdict.refuses:
            opened = log.open(_finding(order, verdict))
            entries += [opened, *log.move(opened.violation_id, ViolationStatus.REMEDIATED, "", "the order was refused")]
    return entries


def _finding(order: Order, verdict: Verdict) -> Finding:
    return Finding(
        rule_id=verdict.id or NUMBERS[verdict.rule],
        rule=verdict.rule,
        severity=verdict.severity,
        symbol=order.symbol,
        bar=order.bar,
        order_id=order.order_id,
        value=verdict.value,
        limit=verdict.limit,
        unit=verdict.unit,
        detail=verdict.detail,
        remedy=verdict.remedy or _REMEDY,
    )
