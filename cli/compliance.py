"""`boardroom compliance`: what the rules of compliance measured and refused, and what is still open."""

from collections import Counter
from contextlib import closing
from typing import Final, NamedTuple

from rich.markup import escape
from rich.table import Table
from sqlalchemy import case, func, select

from bus.messages import ViolationStatus
from cli.options import JsonOption, RunDirOption, console, print_json, saved
from cli.violations import latest, read_entries
from compliance.log import broken
from compliance.refusal import NUMBERS
from compliance.rules import REGISTER, is_lower_bound
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.schema import verdicts

_ABSENT: Final = "-"
_GATE: Final = "compliance"
_PENDING: Final = (ViolationStatus.OPEN, ViolationStatus.INVESTIGATING)


class RuleReport(NamedTuple):
    """One rule over a run: orders judged, orders that did not pass, the worst value beside its limit, violations.

    ``pending`` counts the violations that nobody and nothing has remedied.
    """

    id: str
    name: str
    severity: str
    unit: str
    judged: int
    failed: int
    worst: float | None
    limit: float | None
    violations: int
    pending: int


class Report(NamedTuple):
    """All rules, and whether the chain of the log is whole: where it breaks, empty where it does not."""

    rules: tuple[RuleReport, ...]
    entries: int
    broken: str


def compliance(run_dir: RunDirOption = None, json: JsonOption = False) -> None:
    """Report on every rule: how often it judged and refused, its worst value against its limit, what is open."""
    with closing(Ledger.open(ledger_url(saved(run_dir)))) as ledger:
        found = report(ledger)
    if json:
        print_json({**found._asdict(), "rules": [each._asdict() for each in found.rules]})
    else:
        console.print(_table(found))
        chain = f"[red]broken: {escape(found.broken)}[/]" if found.broken else "[green]whole[/]"
        console.print(f"log of violations: {found.entries} entries, chain {chain}", highlight=False, soft_wrap=True)


def report(ledger: Ledger) -> Report:
    """Return the figures of a ledger."""
    judged = _judged(ledger)
    entries = read_entries(ledger)
    standing = latest(entries)
    violations = Counter(each.rule_id for each in standing)
    pending = Counter(each.rule_id for each in standing if each.status in _PENDING)
    rules = []
    for number, rule in REGISTER.items():
        count, failed, most, least, bound = judged.get(number, (0, 0, None, None, None))
        worst = least if is_lower_bound(rule) else most
        said = (number, rule.name, rule.severity.value, rule.unit)
        rules.append(RuleReport(*said, count, failed, worst, bound, violations[number], pending[number]))
    for name, number in NUMBERS.items():
        count, failed, *_ = judged.get(number, (violations[number], violations[number]))
        rules.append(RuleReport(number, name, "serious", "", count, failed, None, None, violations[number], 0))
    return Report(tuple(rules), len(entries), broken(entries))


def _judged(ledger: Ledger) -> dict[str, tuple[int, int, float | None, float | None, float | None]]:
    """Return orders judged, orders that did not pass, greatest and least value, and limit, by the rule's number."""
    columns = verdicts.c
    failed = func.sum(case((columns.passes.is_(True), 0), else_=1))
    measured = (func.max(columns.value), func.min(columns.value), func.max(columns.bound))
    query = select(columns.rule_id, func.count(), failed, *measured).where(columns.gate == _GATE)
    return {row[0]: (row[1], row[2], row[3], row[4], row[5]) for row in ledger.read(query.group_by(columns.rule_id))}


def _table(found: Report) -> Table:
    table = Table()
    table.add_column("rule", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    for name in ("judged", "failed", "worst", "limit"):
        table.add_column(name, justify="right")
    table.add_column("unit", no_wrap=True)
    for name in ("in log", "open"):
        table.add_column(name, justify="right")
    for each in found.rules:
        numbers = (_ABSENT if number is None else f"{number:.6g}" for number in (each.worst, each.limit))
        words = (each.id, each.name, each.severity)
        style = "bold red" if each.pending else ""
        counts = (str(each.violations), str(each.pending))
        table.add_row(*words, str(each.judged), str(each.failed), *numbers, escape(each.unit), *counts, style=style)
    return table
