"""What a ledger amounts to: rounds, orders, the firm beside buy and hold, and whether each member beat the prior."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
from sqlalchemy import Column, ColumnElement, Row, Select, Table, Text, and_, func, select, type_coerce

from bus.message import Part
from bus.messages import Severity
from kernels.arrays import Floats
from kernels.bootstrap import mean_interval
from ops.curve import Curve, Path, curve, held, path, since
from ops.ledger import Ledger
from ops.schema import (
    bars,
    decisions,
    equity,
    fills,
    orders,
    settlements,
    strategies,
    strategy_performance,
    system_events,
    trades,
    verdicts,
)

LEVEL: Final = 0.95
DRAWS: Final = 2_000
LEAST_BLOCKS: Final = 5
"""A series of fewer blocks than this gives no interval."""


class Skill(Part):
    """How a forecaster did against the prior: mean log score minus the prior's, in nats a round.

    ``interval`` is the 95 % percentile interval of a stationary block bootstrap with blocks of ``mean_block`` rounds on
    average; None where the ``scored`` rounds are too few for one.
    """

    scored: int
    excess: float | None
    interval: tuple[float, float] | None
    mean_block: float


class MemberSummary(Part):
    """Where a member ended: weight, profit in board money over all rounds, and skill."""

    member: str
    weight: float
    profit: float
    skill: Skill


class Refusal(Part):
    """How many orders one rule refused."""

    gate: str
    rule: str
    orders: int


class Summary(Part):
    """A run in figures; ``firm`` and ``buy_and_hold`` span the same window, from the first decision's bar on.

    Buy and hold puts equal parts into the symbols decided on, at each one's first close in the window, and keeps them
    without cost. ``losses`` counts gaps in what the recorder heard: unless it is 0, the figures lack something.
    """

    symbols: tuple[str, ...]
    first_ns: int | None
    last_ns: int | None
    rounds: int
    quorate: int
    settled: int
    actions: tuple[tuple[str, int], ...]
    orders: tuple[tuple[str, int], ...]
    refusals: tuple[Refusal, ...]
    trades: int
    fills: int
    fees: Decimal
    firm: Path | None
    buy_and_hold: Path | None
    members: tuple[MemberSummary, ...]
    board: Skill
    identity_error: float | None
    losses: int


def summarize(ledger: Ledger, *, seed: int = 0, draws: int = DRAWS) -> Summary:
    """Return the figures of a ledger; ``seed`` and ``draws`` are those of the bootstrap."""
    symbols = tuple(str(row[0]) for row in ledger.read(select(decisions.c.symbol).distinct().order_by("symbol")))
    firm = _equity_curve(ledger)
    least_block = len(symbols) * _value(ledger, select(func.coalesce(func.max(decisions.c.horizon), 1)))
    return Summary(
        symbols=symbols,
        first_ns=int(firm.times_ns[0]) if len(firm.times_ns) else None,
        last_ns=int(firm.times_ns[-1]) if len(firm.times_ns) else None,
        rounds=_count(ledger, decisions),
        quorate=_count(ledger, decisions, decisions.c.is_quorate),
        settled=_count(ledger, settlements),
        actions=_tally(ledger, decisions.c.action),
        orders=_tally(ledger, orders.c.status),
        refusals=_refusals(ledger),
        trades=_count(ledger, trades),
        fills=_count(ledger, fills),
        fees=sum((row.fees for row in ledger.read(select(trades.c.fees))), Decimal(0)),
        firm=path(firm),
        buy_and_hold=_buy_and_hold(ledger, symbols, firm),
        members=_members(ledger, least_block, seed, draws),
        board=skill(_board_excess(ledger), least_block=least_block, seed=seed, draws=draws),
        identity_error=_value(ledger, select(func.max(settlements.c.identity_error))),
        losses=_count(ledger, system_events, system_events.c.kind == "gap"),
    )


def skill(excess: Floats, *, least_block: float, seed: int, draws: int) -> Skill:
    """Return the skill shown by log scores over the prior's, in time order.

    Blocks are n^(1/3) rounds long on average, but no shorter than ``least_block``: the rounds whose horizons overlap.
    """
    scored = len(excess)
    mean_block = max(1.0, float(least_block), round(scored ** (1.0 / 3.0), 1))
    if not scored:
        return Skill(scored=0, excess=None, interval=None, mean_block=mean_block)
    interval = None
    if scored >= LEAST_BLOCKS * mean_block:
        generator = np.random.default_rng(seed)
        interval = mean_interval(excess, mean_block=mean_block, draws=draws, level=LEVEL, generator=generator)
    return Skill(scored=scored, excess=float(excess.mean()), interval=interval, mean_block=mean_block)


def _members(ledger: Ledger, least_block: float, seed: int, draws: int) -> tuple[MemberSummary, ...]:
    found: dict[str, list[float]] = {}
    for row in _in_market_time(
        ledger, strategy_performance, strategy_performance.c.member, strategy_performance.c.excess
    ):
        if row.excess is not None:
            found.setdefault(row.member, []).append(row.excess)
    return tuple(
        MemberSummary(
            member=row.member,
            weight=row.weight,
            profit=row.profit,
            skill=skill(np.array(found.get(row.member, ())), least_block=least_block, seed=seed, draws=draws),
        )
        for row in ledger.read(select(strategies).order_by(strategies.c.member))
    )


def _board_excess(ledger: Ledger) -> Floats:
    excess = settlements.c.board_log_score - settlements.c.prior_log_score
    return np.array([row.excess for row in _in_market_time(ledger, settlements, excess.label("excess"))])


def _in_market_time(ledger: Ledger, table: Table, *columns: ColumnElement[Any]) -> list[Row[*tuple[Any, ...]]]:
    """Return rows of settled rounds in the order in which their settling bars opened."""
    of_bar = and_(bars.c.symbol == table.c.symbol, bars.c.bar == table.c.bar)
    opened_ns = func.coalesce(bars.c.opened_ns, -1).label("opened_ns")
    query = select(opened_ns, table.c.symbol, table.c.settled, *columns).select_from(table.outerjoin(bars, of_bar))
    return sorted(ledger.read(query), key=lambda row: (row.opened_ns, row.symbol, row.settled))


def _equity_curve(ledger: Ledger) -> Curve:
    """Return the firm's equity after each time, from the first decision's bar on."""
    is_bar = and_(bars.c.symbol == equity.c.symbol, bars.c.bar == equity.c.bar)
    query = select(bars.c.opened_ns, type_coerce(equity.c.equity, Text)).select_from(equity.join(bars, is_bar))
    points = ledger.read(query.order_by(bars.c.opened_ns, equity.c.version))
    of_decision = and_(bars.c.symbol == decisions.c.symbol, bars.c.bar == decisions.c.bar)
    start_ns = _value(ledger, select(func.min(bars.c.opened_ns)).select_from(decisions.join(bars, of_decision)))
    return since(curve([(opened_ns, float(value)) for opened_ns, value in points]), start_ns or 0)


def _buy_and_hold(ledger: Ledger, symbols: Sequence[str], firm: Curve) -> Path | None:
    closes: list[Curve] = []
    for symbol in symbols if len(firm.times_ns) else ():
        is_within = and_(bars.c.opened_ns >= int(firm.times_ns[0]), bars.c.opened_ns <= int(firm.times_ns[-1]))
        query = select(bars.c.opened_ns, type_coerce(bars.c.close, Text)).where(bars.c.symbol == symbol, is_within)
        points = ledger.read(query.order_by(bars.c.opened_ns))
        if points:
            closes.append(curve([(opened_ns, float(close)) for opened_ns, close in points]))
    return path(held(closes)) if closes else None


def _refusals(ledger: Ledger) -> tuple[Refusal, ...]:
    rule = (verdicts.c.gate, verdicts.c.rule)
    refused = func.count(verdicts.c.order_id.distinct())
    query = (
        select(*rule, refused)
        .where(verdicts.c.passes.is_(False), verdicts.c.severity != Severity.WARNING.value)
        .group_by(*rule)
        .order_by(*rule)
    )
    return tuple(Refusal(gate=gate, rule=name, orders=count) for gate, name, count in ledger.read(query))


def _tally(ledger: Ledger, column: Column[Any]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (row[0], row[1]) for row in ledger.read(select(column, func.count()).group_by(column).order_by(column))
    )


def _count(ledger: Ledger, table: Table, *conditions: ColumnElement[bool]) -> int:
    return int(_value(ledger, select(func.count()).select_from(table).where(*conditions)))


def _value(ledger: Ledger, query: Select[*tuple[Any, ...]]) -> Any:
    return ledger.read(query)[0][0]
