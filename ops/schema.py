"""The tables of the ledger: facts under the ids of the firm, so that a fact written twice is one row.

There are no foreign keys, because facts may arrive in any order. ``stamps`` are the columns that tell which message
said it and when by the wall clock; they differ between two runs of the same input, and a comparison leaves them out.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION: Final = 2
ESTIMATORS: Final = ("historical", "filtered", "student")
metadata: Final = MetaData()


class DecimalText(TypeDecorator[Decimal]):
    """A Decimal kept as its exact text, whatever the database thinks of numbers."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Cross to text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Cross back from text."""
        return None if value is None else Decimal(value)


class Conflict(StrEnum):
    """What happens when a row with the same id is there already."""

    IGNORE = "ignore"
    """The row is the same fact: keep the first."""
    NEWEST = "newest"
    """The row is a state: the higher count in the ``newest_by`` column wins."""
    REPLACE = "replace"
    """The row is computed from other rows: take the new one."""


def _table(name: str, *columns: Column[Any], conflict: Conflict = Conflict.IGNORE, newest_by: str = "") -> Table:
    info = {"conflict": conflict, "newest_by": newest_by}
    return Table(name, metadata, *columns, info=info, sqlite_with_rowid=False)


def _key(name: str, type_: type[Any] = Text) -> Column[Any]:
    return Column(name, type_, primary_key=True, autoincrement=False)


def _text(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=nullable)


def _count(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=nullable)


def _real(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Double, nullable=nullable)


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False)


def _exact(name: str) -> Column[Any]:
    return Column(name, DecimalText, nullable=False)


def _vector(name: str, *, nullable: bool = False) -> Sequence[Column[Any]]:
    return [_real(f"{name}_{outcome}", nullable=nullable) for outcome in ("down", "flat", "up")]


def _stamps() -> Sequence[Column[Any]]:
    left_out = {"is_stamp": True}
    return [
        Column("message_id", Text, nullable=False, info=left_out),
        Column("sent_ns", BigInteger, nullable=False, info=left_out),
        Column("recorded_ns", BigInteger, nullable=False, info=left_out),
    ]


schema_version: Final = Table("schema_version", metadata, _key("version", Integer))

bars: Final = _table(
    "bars",
    *(_key("symbol"), _key("bar", BigInteger), _count("opened_ns")),
    *(_exact("open"), _exact("high"), _exact("low"), _exact("close"), _exact("volume")),
    *_stamps(),
)

decisions: Final = _table(
    "decisions",
    *(_key("decision_id"), _text("symbol"), _count("bar"), _count("horizon"), _real("band")),
    *(*_vector("prior"), *_vector("price"), _real("liquidity"), _flag("is_quorate")),
    *(_text("action"), _text("choice_reason"), _real("conviction"), _real("expected_return")),
    *(_exact("target"), _exact("position"), _text("phase"), _real("appetite"), _text("order_id", nullable=True)),
    *_stamps(),
)

beliefs: Final = _table(
    "beliefs",
    *(_key("decision_id"), _key("member"), _count("seat"), *_vector("belief", nullable=True)),
    *(_real("confidence"), _real("weight"), _real("stake"), *_vector("shares"), _real("cost")),
)

orders: Final = _table(
    "orders",
    *(_key("order_id"), _text("decision_id"), _text("symbol"), _text("side"), _exact("quantity")),
    *(_exact("reference_price"), _count("bar"), _text("urgency"), _text("status"), _count("report"), _exact("filled")),
    *(_text("client_order_id", nullable=True), _text("rejected_by", nullable=True), _text("reason")),
    *_stamps(),
    conflict=Conflict.NEWEST,
    newest_by="report",
)
"""Where an order stands by its latest report; a refusal by a gate counts as report 0."""
Index("orders_of_decision", orders.c.decision_id)

verdicts: Final = _table(
    "verdicts",
    *(_key("order_id"), _key("ordinal", BigInteger), _text("gate"), _text("rule_id"), _text("rule"), _flag("passes")),
    *(_text("severity"), _real("value", nullable=True), _real("bound", nullable=True), _text("unit"), _text("detail")),
    _text("remedy"),
)
"""Each rule's word on an order, in the order given; ``bound`` is the limit, a word SQL keeps for itself."""

fills: Final = _table(
    "fills",
    *(_key("order_id"), _key("report", BigInteger), _text("decision_id"), _text("symbol"), _text("side")),
    *(_count("bar"), _exact("quantity"), _exact("price"), _exact("fee"), _exact("slippage"), _exact("filled")),
    *_stamps(),
)

trades: Final = _table(
    "trades",
    *(_key("order_id"), _text("decision_id"), _text("symbol"), _text("side"), _count("first_bar")),
    *(_count("last_bar"), _count("fills"), _exact("quantity"), _exact("average_price"), _exact("fees")),
    _exact("slippage"),
    conflict=Conflict.REPLACE,
)
"""One filled order, computed from its fills: average price by quantity, fees and slippage in money."""

settlements: Final = _table(
    "settlements",
    *(_key("decision_id"), _text("symbol"), _count("bar"), _count("settled"), _text("outcome")),
    *(_real("realized_return"), _real("prior_log_score"), _real("board_log_score"), _real("identity_error")),
    *_stamps(),
)

scores: Final = _table(
    "scores",
    *(_key("decision_id"), _key("member"), _count("seat"), _real("log_score", nullable=True)),
    *(_real("profit"), _real("weight")),
)

strategies: Final = _table(
    "strategies",
    *(_key("member"), _real("weight"), _count("settled"), _count("scored")),
    *(_real("log_score"), _real("excess"), _real("profit")),
    conflict=Conflict.REPLACE,
)
"""Where each member stands over all symbols, computed from strategy_performance; ``excess`` is over the prior."""

strategy_performance: Final = _table(
    "strategy_performance",
    *(_key("symbol"), _key("settled", BigInteger), _key("member"), _text("decision_id"), _count("bar")),
    *(_real("weight"), _real("log_score", nullable=True), _real("excess", nullable=True), _real("profit")),
    *(_count("scored_total"), _real("log_score_total"), _real("excess_total"), _real("profit_total")),
    conflict=Conflict.REPLACE,
)
"""Each member after each settled round of a symbol, with totals so far; log scores in nats, profit in board money."""

equity: Final = _table(
    "equity",
    *(_key("symbol"), _key("bar", BigInteger), _count("version"), _exact("cash"), _exact("equity")),
    *(_exact("peak_equity"), _exact("realized"), _exact("fees"), _exact("carry"), _exact("gross"), _count("working")),
    *_stamps(),
    conflict=Conflict.NEWEST,
    newest_by="version",
)
"""The book after each bar by its latest version; ``gross`` is the sum of absolute position values."""

risk_events: Final = _table(
    "risk_events",
    *(_key("event_id"), _text("kind"), _text("symbol"), _count("bar", nullable=True)),
    *(_real("severity", nullable=True), _text("source"), _text("reason"), _text("order_id", nullable=True)),
    *_stamps(),
)

compliance_violations: Final = _table(
    "compliance_violations",
    *(_key("entry", BigInteger), _text("violation_id"), _text("rule_id"), _text("rule"), _text("severity")),
    *(_text("symbol"), _count("bar"), _text("order_id", nullable=True), _real("value", nullable=True)),
    *(_real("bound", nullable=True), _text("unit"), _text("status"), _text("operator"), _text("detail")),
    *(_text("remedy"), _text("previous"), _text("digest"), *_stamps()),
)
"""The log of violations as compliance told it: one row for each stage of each one's life, chained by digests."""
Index("entries_of_violation", compliance_violations.c.violation_id)

execution_costs: Final = _table(
    "execution_costs",
    *(_key("order_id"), _text("symbol"), _text("side"), _count("bar"), _text("status"), _text("schedule")),
    *(_count("children"), _exact("quantity"), _exact("filled"), _exact("average_price"), _exact("decision_price")),
    *(_exact("arrival_price"), _exact("end_price"), _exact("delay"), _exact("trading"), _exact("opportunity")),
    *(_exact("fees"), _exact("total"), _real("arrival_bps", nullable=True), _real("twap_bps", nullable=True)),
    *(_real("vwap_bps", nullable=True), _real("impact"), _real("coefficient"), *_stamps()),
)
"""What each order that ended has cost: total = delay + trading + opportunity + fees, exactly, in money."""

order_risks: Final = _table(
    "order_risks",
    *(_key("order_id"), _text("symbol"), _count("bar"), _count("observations")),
    *(
        _real(f"{estimator}_{when}", nullable=True)
        for estimator in ESTIMATORS
        for when in ("before", "after", "marginal")
    ),
    *_stamps(),
)
"""Expected shortfall of one day at 97.5 %, of equity, before and after each order, by every estimator."""

risk_reports: Final = _table(
    "risk_reports",
    *(_key("day", BigInteger), _count("version"), _exact("equity"), _real("drawdown"), _count("tier")),
    *(_real("value_at_risk", nullable=True), *(_real(estimator, nullable=True) for estimator in ESTIMATORS)),
    *(_text("pair"), _real("tail_dependence", nullable=True), _real("copula_dependence", nullable=True)),
    *(_real("loss", nullable=True), _count("days"), _count("exceedances"), _real("z2", nullable=True)),
    *(_text("light"), _real("kupiec_p", nullable=True), _real("christoffersen_p", nullable=True), *_stamps()),
)
"""The forecast made at the end of each day for the next, and how earlier ones fared; days count since the epoch."""

system_events: Final = _table(
    "system_events",
    *(_key("event_id"), _text("kind"), _text("subject"), _count("bar", nullable=True)),
    *(_text("detail"), _text("facts")),
    *_stamps(),
)
"""What happened to the firm itself; ``facts`` is a JSON object."""

fibonacci_levels: Final = _table(
    "fibonacci_levels",
    *(_key("symbol"), _key("bar", BigInteger), _key("kind"), _key("ratio"), _exact("price")),
    *(_exact("swing_start"), _exact("swing_end")),
)
"""Levels drawn at a bar between two swings; ``ratio`` is exact text."""

position_risks: Final = _table(
    "position_risks",
    *(_key("symbol"), _key("bar", BigInteger), _text("side"), _exact("entry"), _exact("stop"), _real("score")),
    *(_text("grade"), *_stamps()),
)
"""What guards a position from a bar on, and how endangered it is, whenever that changed."""

OPERATION: Final = "operation"
"""Kind of the system events that tell of the running of the firm: two runs of one input may differ in them."""

FACT_TABLES: Final = tuple(
    sorted((table for table in metadata.tables.values() if table is not schema_version), key=lambda table: table.name)
)


def compared_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that two ledgers of the same input agree on."""
    return [column for column in table.columns if not column.info.get("is_stamp")]
