"""The rules that the firm must keep whether or not it trades, and the violations of those that it does not keep."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.messages import ComplianceViolation, RiskAlert, Severity, ViolationStatus
from compliance.config import ComplianceLimits
from compliance.log import FIRM, Finding, Log
from compliance.rules import STANDING, StandingRule
from compliance.view import Breach, View

SEVERITIES: Final = {Severity.WARNING: 0.2, Severity.SERIOUS: 0.4, Severity.CRITICAL: 0.5}
"""Severity of an alert: enough for an operator to look at, too little for PADS to sell or to hedge by."""
UNMEASURABLE: Final = (ArithmeticError, LookupError, ValueError)
"""What a rule raises on numbers that make no sense: it then counts as broken."""
_OPEN: Final = (ViolationStatus.OPEN, ViolationStatus.INVESTIGATING)
_Found = tuple[StandingRule, Breach]


class Entered(NamedTuple):
    """What an inspection has to tell: entries of the log, and alerts."""

    entries: list[ComplianceViolation]
    alerts: list[RiskAlert]


class Inspection:
    """Keeps which standing rule is broken, where, and under which violation it stands in the log.

    Parameters
    ----------
    log
        The log of violations.
    limits
        The limits.
    source
        Under which name it alerts.
    """

    def __init__(self, log: Log, limits: ComplianceLimits, source: str) -> None:
        self._log = log
        self._limits = limits
        self._source = source
        self._broken: dict[tuple[str, str], str] = {}

    def inspect(self, view: View, rules: Sequence[StandingRule] = STANDING) -> Entered:
        """Open a violation for each breach that has none, and remediate those whose breach has ended."""
        found = {(rule.id, breach.symbol): (rule, breach) for rule in rules for breach in self._breaches(rule, view)}
        entered = Entered([], [])
        if not (found or self._broken):
            return entered
        for key, each in found.items():
            if self._log.status(self._broken.get(key, "")) not in _OPEN:
                self._open(key, each, view, entered)
        measured = tuple([rule.id for rule in rules])
        for key in [key for key in self._broken if key not in found and key[0] in measured]:
            self._end(key, view, entered)
        return entered

    def _breaches(self, rule: StandingRule, view: View) -> Sequence[Breach]:
        try:
            return rule.breaches(view, self._limits)
        except UNMEASURABLE as error:
            reason = f"cannot measure: {type(error).__name__}: {' '.join(str(error).split())}"
            return (Breach(FIRM, None, None, reason),)

    def _open(self, key: tuple[str, str], found: _Found, view: View, entered: Entered) -> None:
        rule, (symbol, value, limit, detail) = found
        finding = Finding(
            rule_id=rule.id, rule=rule.name, severity=rule.severity, symbol=symbol, bar=view.book.bar, order_id=None,
            value=_number(value), limit=_number(limit), unit=rule.unit, detail=detail, remedy=rule.remedy,
        )  # fmt: skip
        entry = self._log.open(finding)
        self._broken[key] = entry.violation_id
        entered.entries.append(entry)
        reason = f"{entry.violation_id}, {rule.id} {rule.name}: {detail}; {rule.remedy}"
        alert = RiskAlert(
            symbol=symbol,
            severity=SEVERITIES[rule.severity],
            source=self._source,
            reason=reason,
            portfolio_version=view.book.version,
        )
        entered.alerts.append(alert)

    def _end(self, key: tuple[str, str], view: View, entered: Entered) -> None:
        violation_id = self._broken.pop(key)
        if self._log.status(violation_id) in _OPEN:
            detail = f"within the limit again at bar {view.book.bar} of {view.book.symbol}"
            entered.entries.extend(self._log.move(violation_id, ViolationStatus.REMEDIATED, "", detail))

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [[*key, violation_id] for key, violation_id in self._broken.items()]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._broken = {(rule_id, symbol): violation_id for rule_id, symbol, violation_id in state}


def _number(value: Decimal | float | None) -> float | None:
    return None if value is None else float(value)
