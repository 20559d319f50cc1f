"""Keeps trades, strategy_performance and strategies in step with the facts, in the transaction that writes them.

Where settled rounds come in order, totals run on from memory; where they do not, they are computed anew from the rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.engine import Connection

from ops.schema import bars, fills, strategies, strategy_performance
from ops.standing import Earned, Fill, Totals, earned, performance_rows, strategy_rows, trade_rows
from ops.statement import Writer

_ORDERS_AT_ONCE: Final = 500
_performance: Final = strategy_performance.c

Facts = Mapping[str, Sequence[tuple[Any, ...]]]


class Reached(NamedTuple):
    """What is known of the members: totals by symbol and member, and all who ever sat."""

    totals: Mapping[str, Mapping[str, Totals]]
    members: frozenset[str]


class Projection:
    """The computed tables of one ledger; ``reached`` mirrors what is committed, None until it is read."""

    def __init__(self, writer: Writer) -> None:
        self.reached: Reached | None = None
        self._writer = writer

    def write(self, connection: Connection, facts: Facts) -> Reached:
        """Write what follows from ``facts``, already written; the caller keeps the result once it is committed."""
        before = self.reached or _load(connection)
        self._write_trades(connection, sorted({row[0] for row in facts.get("fills", ())}))
        totals = dict(before.totals)
        for symbol, news in earned(facts.get("settlements", ()), facts.get("scores", ())).items():
            reached = totals.get(symbol, {})
            unknown = _unknown(connection, symbol, reached, news)
            if unknown:
                base, rounds = _continuation(connection, symbol, reached, unknown)
                rows, totals[symbol] = performance_rows(base, rounds)
                self._writer.write(connection, "strategy_performance", rows)
        members = self._write_strategies(connection, facts, before, totals)
        return Reached(totals, members)

    def _write_trades(self, connection: Connection, order_ids: Sequence[str]) -> None:
        columns = [fills.c[name] for name in Fill._fields]
        for start in range(0, len(order_ids), _ORDERS_AT_ONCE):
            some = order_ids[start : start + _ORDERS_AT_ONCE]
            query = select(*columns).where(fills.c.order_id.in_(some)).order_by(fills.c.order_id, fills.c.report)
            self._writer.write(connection, "trades", trade_rows(Fill._make(row) for row in connection.execute(query)))

    def _write_strategies(
        self, connection: Connection, facts: Facts, before: Reached, totals: Mapping[str, Mapping[str, Totals]]
    ) -> frozenset[str]:
        newcomers: dict[str, tuple[Any, ...]] = {}
        for row in facts.get("beliefs", ()):
            member = row[1]
            if member not in before.members and member not in newcomers:
                newcomers[member] = (member, row[7], 0, 0, 0.0, 0.0, 0.0)
        self._writer.write(connection, "strategies", list(newcomers.values()))
        if facts.get("settlements"):
            self._writer.write(connection, "strategies", strategy_rows(totals, _opened_ns(connection, totals)))
        return before.members.union(newcomers, *totals.values())


def _load(connection: Connection) -> Reached:
    symbols = connection.scalars(select(_performance.symbol).distinct().order_by(_performance.symbol)).all()
    totals = {symbol: _totals(connection, symbol, _performance.symbol == symbol) for symbol in symbols}
    return Reached(totals, frozenset(connection.scalars(select(strategies.c.member))))


def _unknown(
    connection: Connection, symbol: str, reached: Mapping[str, Totals], rounds: Sequence[Earned]
) -> Sequence[Earned]:
    """Leave out the rounds that are here as they are: a recorder that comes back hands in again what it had."""
    if _are_next(reached, rounds):
        return rounds
    columns = [_performance[name] for name in Earned._fields]
    between = _performance.settled.between(rounds[0].settled, rounds[-1].settled)
    query = select(*columns).where(_performance.symbol == symbol, between)
    known = {Earned._make(row) for row in connection.execute(query)}
    return [part for part in rounds if part not in known]


def _are_next(reached: Mapping[str, Totals], rounds: Sequence[Earned]) -> bool:
    return all(rounds[0].settled > totals.settled for totals in reached.values())


def _continuation(
    connection: Connection, symbol: str, reached: Mapping[str, Totals], rounds: Sequence[Earned]
) -> tuple[Mapping[str, Totals], Sequence[Earned]]:
    """Return the totals to run on from and the rounds to run over, older ones again where these are not the next."""
    if _are_next(reached, rounds):
        return reached, rounds
    first = rounds[0].settled
    is_later = and_(_performance.symbol == symbol, _performance.settled >= first)
    is_earlier = and_(_performance.symbol == symbol, _performance.settled < first)
    columns = [_performance[name] for name in Earned._fields]
    merged = {(part.settled, part.member): part for part in rounds}
    for row in connection.execute(select(*columns).where(is_later)):
        merged[row.settled, row.member] = Earned._make(row)
    return _totals(connection, symbol, is_earlier), [merged[key] for key in sorted(merged)]


def _totals(connection: Connection, symbol: str, condition: ColumnElement[bool]) -> dict[str, Totals]:
    """Return each member's totals after the last of the rounds that meet ``condition``."""
    last = select(_performance.member, func.max(_performance.settled)).where(condition).group_by(_performance.member)
    columns = [
        *(_performance.member, _performance.settled, _performance.bar, _performance.weight, _performance.scored_total),
        *(_performance.log_score_total, _performance.excess_total, _performance.profit_total),
    ]
    query = select(*columns).where(
        _performance.symbol == symbol, tuple_(_performance.member, _performance.settled).in_(last)
    )
    return {row[0]: Totals._make(row[1:]) for row in connection.execute(query)}


def _opened_ns(connection: Connection, totals: Mapping[str, Mapping[str, Totals]]) -> dict[tuple[str, int], int]:
    """Return when the last settled bar of each symbol opened."""
    wanted = sorted({(symbol, part.bar) for symbol, reached in totals.items() for part in reached.values()})
    found: dict[tuple[str, int], int] = {}
    for symbol, bar in wanted:
        opened = connection.scalar(select(bars.c.opened_ns).where(bars.c.symbol == symbol, bars.c.bar == bar))
        if opened is not None:
            found[symbol, bar] = opened
    return found
