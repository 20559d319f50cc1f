"""Tell whether two ledgers say the same, apart from message ids and times by the wall clock."""

from itertools import groupby
from typing import Any

from sqlalchemy import Table, select

from ops.ledger import Ledger
from ops.schema import FACT_TABLES, OPERATION, compared_columns, system_events

Comparable = dict[str, list[tuple[Any, ...]]]


def comparable(ledger: Ledger) -> Comparable:
    """Return the rows of every table, sorted by id, without the columns that two equal runs do not share."""
    return {table.name: _rows(ledger, table) for table in FACT_TABLES}


def differences(first: Ledger, second: Ledger) -> list[str]:
    """Name each row that is not the same in both ledgers, and the columns in which it differs; empty when equal."""
    found: list[str] = []
    for table in FACT_TABLES:
        found.extend(_table_differences(table, _rows(first, table), _rows(second, table)))
    return found


def _rows(ledger: Ledger, table: Table) -> list[tuple[Any, ...]]:
    query = select(*compared_columns(table))
    if table is system_events:
        query = query.where(system_events.c.kind != OPERATION)
    rows = [tuple(row) for row in ledger.read(query)]
    return sorted(rows, key=lambda row: row[: _key_size(table)])


def _key_size(table: Table) -> int:
    return len(table.primary_key.columns)


def _table_differences(table: Table, first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]) -> list[str]:
    size = _key_size(table)
    names = [column.name for column in compared_columns(table)]
    held = [{row[:size]: row for row in rows} for rows in (first, second)]
    found: list[str] = []
    for key, _ in groupby(sorted([*held[0], *held[1]])):
        where = f"{table.name} {' '.join(map(str, key))}"
        here, there = held[0].get(key), held[1].get(key)
        if here is None:
            found.append(f"{where}: only in the second ledger")
        elif there is None:
            found.append(f"{where}: only in the first ledger")
        elif here != there:
            changes = [f"{name} {a!s} != {b!s}" for name, a, b in zip(names, here, there, strict=True) if a != b]
            found.append(f"{where}: {', '.join(changes)}")
    return found
