"""How a row is written so that writing it again does no harm: compiled once, executed many at a time.

Statements go to the driver as text, because SQLAlchemy's own handling of each row costs more than SQLite's.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect

from ops.schema import Conflict, metadata

DIALECTS: Final = ("sqlite", "postgresql")


class Writer:
    """Writes rows of any table of the ledger in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None]] = {}

    def write(self, connection: Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows whose values stand in the order of the table's columns."""
        if not rows:
            return
        text, names = self._statement(table)
        if names is None:
            connection.exec_driver_sql(text, list(rows))
        else:
            connection.exec_driver_sql(text, [dict(zip(names, row, strict=True)) for row in rows])

    def _statement(self, name: str) -> tuple[str, tuple[str, ...] | None]:
        found = self._compiled.get(name)
        if found is None:
            table = metadata.tables[name]
            compiled = idempotent_insert(table, self._dialect.name).compile(dialect=self._dialect)
            names = None if getattr(compiled, "positional", False) else tuple(table.columns.keys())
            found = self._compiled[name] = (str(compiled), names)
        return found


def idempotent_insert(table: Table, dialect: str) -> Insert:
    """Return the insert of ``table`` that treats a row with a known id as its ``Conflict`` says."""
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    conflict, keys = table.info["conflict"], list(table.primary_key.columns)
    if conflict is Conflict.IGNORE:
        return statement.on_conflict_do_nothing(index_elements=keys)
    changed = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    newer = None
    if conflict is Conflict.NEWEST:
        count = table.info["newest_by"]
        newer = statement.excluded[count] > table.c[count]
    return statement.on_conflict_do_update(index_elements=keys, set_=changed, where=newer)
