"""`boardroom violations`: the log of violations, and whether its chain is whole."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select

from bus.messages import ComplianceViolation, ViolationStatus
from cli.options import JsonOption, RunDirOption, console, print_json, saved
from compliance.log import broken
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.schema import compliance_violations

_ABSENT: Final = "-"


def violations(
    status: Annotated[ViolationStatus | None, typer.Option(help="Only those that stand there now.")] = None,
    rule: Annotated[str, typer.Option(help="Only those of a rule, by number or name.")] = "",
    symbol: Annotated[str, typer.Option(help="Only those of a symbol; * is the whole book.")] = "",
    last: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 50,
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """List violations where each stands now, and check the chain they are kept in; exit status 1 when it is broken."""
    with closing(Ledger.open(ledger_url(saved(run_dir)))) as ledger:
        entries = read_entries(ledger)
    breach = broken(entries)
    opened = {each.violation_id: each.detail for each in entries if each.status is ViolationStatus.OPEN}
    standing = [each for each in latest(entries) if _is_asked_for(each, status, rule, symbol)]
    shown = standing[-last:]
    if json:
        chain = {"entries": len(entries), "whole": not breach, "broken": breach or None}
        listed = [
            {**each.model_dump(mode="json"), "opened": opened.get(each.violation_id)} for each in shown
        ]  # fmt: skip
        print_json({"chain": chain, "violations": listed})
    else:
        if shown:
            console.print(_table(shown, opened))
        console.print(f"{len(shown)} of {len(standing)} violations shown", highlight=False)
        verdict = f"[red]broken: {escape(breach)}[/]" if breach else f"[green]whole[/], {len(entries)} entries"
        console.print(f"chain: {verdict}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if breach else 0)


def read_entries(ledger: Ledger) -> list[ComplianceViolation]:
    """Return the entries of the log that a ledger keeps, in their order."""
    table = compliance_violations
    columns = [
        table.c["bound" if name == "limit" else name].label(name) for name in ComplianceViolation.model_fields
    ]  # fmt: skip
    rows = ledger.read(select(*columns).order_by(table.c.entry))
    return [ComplianceViolation.model_validate(dict(row._mapping)) for row in rows]


def latest(entries: Iterable[ComplianceViolation]) -> list[ComplianceViolation]:
    """Return the last entry of each violation, violations in the order in which they were opened."""
    found: dict[str, ComplianceViolation] = {}
    for entry in entries:
        found[entry.violation_id] = entry
    return list(found.values())


def _is_asked_for(each: ComplianceViolation, status: ViolationStatus | None, rule: str, symbol: str) -> bool:
    return (
        (status is None or each.status is status)
        and (not rule or rule in (each.rule_id, each.rule))
        and (not symbol or each.symbol == symbol)
    )


def _table(shown: Sequence[ComplianceViolation], opened: Mapping[str, str]) -> Table:
    table = Table("violation", "rule", "where", "order", "status", "value", "limit", "what")
    for each in shown:
        measured = (_ABSENT if number is None else f"{number:.6g}" for number in (each.value, each.limit))
        where = f"{each.symbol} {each.bar}"
        words = (each.violation_id, f"{each.rule_id} {each.rule}", where, each.order_id or _ABSENT, each.status.value)
        said = [opened.get(each.violation_id, ""), "" if each.status is ViolationStatus.OPEN else each.detail]
        who = f" ({each.operator})" if each.operator else ""
        table.add_row(*map(escape, words), *measured, escape("; ".join(filter(None, said)) + who))
    return table
