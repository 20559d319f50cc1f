"""The ledger: what the firm decided, did and earned, in SQLite or PostgreSQL, written by one process.

Rows wait in a buffer and go out in one transaction. Every id is one of the firm's own, so writing a fact again changes
nothing: whoever loses the buffer hands the same messages in again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Engine, Row, Select, create_engine, event, func, insert, inspect, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, NoSuchModuleError, OperationalError, SQLAlchemyError

from bus.errors import ConfigError, Fatal, Transient
from ops.projection import Projection
from ops.schema import SCHEMA_VERSION, metadata, schema_version
from ops.statement import DIALECTS, Writer

MOST_WAITING_FLUSHES: Final = 50
"""A database that stays busy while this many buffers fill up is an error that ends the process."""

_BUSY_TIMEOUT_S: Final = 2.0
_ROW_ERRORS: Final = (DataError, OverflowError, UnicodeError)
"""A value that the database cannot hold, as opposed to a database in trouble."""


class Ledger:
    """A ledger that is open; make one with ``create`` to write, with ``open`` to read."""

    def __init__(self, engine: Engine, *, flush_rows: int) -> None:
        self.engine = engine
        self.flush_rows = flush_rows
        self.rows_written = 0
        self.rows_refused = 0
        self.last_refusal = ""
        self._writer = Writer(engine.dialect)
        self._projection = Projection(self._writer)
        self._buffer: dict[str, list[tuple[Any, ...]]] = {}
        self._waiting = 0
        self._retry_at = flush_rows

    @classmethod
    def create(cls, url: str, *, flush_rows: int = 2_000) -> Self:
        """Open the ledger at ``url`` for writing; make file and tables where they are missing.

        Raises
        ------
        ConfigError
            The URL is not one of SQLite or PostgreSQL, or its driver is not installed.
        Fatal
            The database cannot be opened, is not a ledger, or has another schema version.
        """
        engine = _engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        try:
            metadata.create_all(engine)
            with engine.begin() as connection:
                if connection.scalar(select(func.count()).select_from(schema_version)) == 0:
                    connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        except SQLAlchemyError as error:
            raise Fatal(f"ledger {shown(engine.url)}: cannot be opened: {_cause(error)}") from None
        _check_version(engine)
        return cls(engine, flush_rows=flush_rows)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the ledger at ``url`` for reading; it must be there."""
        engine = _engine(url)
        path = engine.url.database
        if engine.dialect.name == "sqlite" and (not path or not Path(path).is_file()):
            raise ConfigError(f"ledger {path or url}: no such file; run the firm first, or name its run directory")
        _check_version(engine)
        return cls(engine, flush_rows=1)

    @property
    def waiting(self) -> int:
        """Rows handed in and not yet written."""
        return self._waiting

    def add(self, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """Take rows by table; write all that wait once there are ``flush_rows``.

        A busy database is tried again a buffer later, and is an error after ``MOST_WAITING_FLUSHES`` of them.
        """
        for name, some in rows.items():
            self._buffer.setdefault(name, []).extend(some)
            self._waiting += len(some)
        if self._waiting >= self._retry_at:
            try:
                self.flush()
            except Transient as error:
                if self._waiting >= MOST_WAITING_FLUSHES * self.flush_rows:
                    raise Fatal(str(error)) from None
                self._retry_at = self._waiting + self.flush_rows

    def flush(self) -> None:
        """Write what waits in one transaction.

        Raises
        ------
        Transient
            The database is busy, full or away: what waits goes on waiting.
        Fatal
            The database refuses the ledger's statements.
        """
        if not self._waiting:
            return
        try:
            self._write()
        except OperationalError as error:
            raise Transient(self._complaint(error)) from None
        except SQLAlchemyError as error:
            raise Fatal(self._complaint(error)) from None
        self.rows_written += self._waiting
        self._buffer.clear()
        self._waiting = 0
        self._retry_at = self.flush_rows

    def read(self, statement: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return the rows of a query, rows still waiting included."""
        self.flush()
        try:
            with self.engine.connect() as connection:
                return connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise Fatal(f"ledger {shown(self.engine.url)}: cannot be read: {_cause(error)}") from None

    def close(self) -> None:
        """Write what waits and let the database go."""
        try:
            self.flush()
        finally:
            self.engine.dispose()

    def _write(self) -> None:
        try:
            with self.engine.begin() as connection:
                for name, rows in self._buffer.items():
                    self._writer.write(connection, name, rows)
                reached = self._projection.write(connection, self._buffer)
        except _ROW_ERRORS:
            accepted = self._write_each()
            with self.engine.begin() as connection:
                reached = self._projection.write(connection, accepted)
        self._projection.reached = reached

    def _write_each(self) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        """Write row by row, and leave out and count each that the database cannot hold."""
        accepted: dict[str, list[tuple[Any, ...]]] = {}
        for name, rows in self._buffer.items():
            for row in rows:
                try:
                    with self.engine.begin() as connection:
                        self._writer.write(connection, name, [row])
                    accepted.setdefault(name, []).append(row)
                except _ROW_ERRORS as error:
                    self.rows_refused += 1
                    self.last_refusal = f"{name} {row[0]}: {_cause(error)}"
        return accepted

    def _complaint(self, error: SQLAlchemyError) -> str:
        return (
            f"ledger {shown(self.engine.url)}: {self._waiting} rows wait, the database says: {_cause(error)}; "
            f"see to it and start the recorder again, its journal has them all"
        )


def shown(url: URL) -> str:
    """Return a URL without its password."""
    return url.render_as_string(hide_password=True)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in DIALECTS:
            raise ConfigError(f"ledger {shown(parsed)}: this database is not supported; use sqlite or postgresql")
        timeout = {"timeout": _BUSY_TIMEOUT_S} if parsed.get_backend_name() == "sqlite" else {}
        return create_engine(parsed, connect_args=timeout, pool_pre_ping=not timeout)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            f"ledger URL is not one of SQLAlchemy's: {_cause(error)}; for instance sqlite:////tmp/a.db"
        ) from None
    except ModuleNotFoundError as error:
        raise ConfigError(f"ledger {shown(parsed)}: the driver {error.name} is not installed; install it") from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _check_version(engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            is_ledger = inspect(connection).has_table(schema_version.name)
            version = connection.scalar(select(func.max(schema_version.c.version))) if is_ledger else None
    except SQLAlchemyError as error:
        raise Fatal(f"ledger {shown(engine.url)}: cannot be opened: {_cause(error)}") from None
    if version != SCHEMA_VERSION:
        found = "is no ledger" if version is None else f"has schema {version}"
        raise Fatal(
            f"ledger {shown(engine.url)} {found}, this program reads schema {SCHEMA_VERSION}; "
            "name another, or move it away and let the recorder write it again from its journal"
        )


def _cause(error: BaseException) -> str:
    """Return the database's own words on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
