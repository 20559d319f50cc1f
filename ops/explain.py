"""Explain a decision or an order from the ledger: fill < order < verdicts < board < bar, and what it was worth.

The ledger gives back the very messages it was written from, so a chain shows what was said and not a retelling.
"""

import difflib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Row, Table, func, select

from bus.errors import Invalid
from bus.message import Part
from bus.messages import (
    DecisionMade,
    MarketUpdate,
    MemberView,
    Order,
    OrderRisk,
    PerformanceFeedback,
    Score,
    Tail,
    Verdict,
)
from ops.ledger import Ledger
from ops.schema import (
    ESTIMATORS,
    bars,
    beliefs,
    decisions,
    execution_costs,
    fills,
    order_risks,
    orders,
    scores,
    settlements,
    trades,
    verdicts,
)

_NEAR: Final = 3
_CANDIDATES: Final = 2_000
_MOST_DIGITS: Final = 18

AnyRow = Row[*tuple[Any, ...]]


class Fill(Part):
    """One fill of an order: ``slippage`` is its signed cost against the bar's open, in money."""

    report: int
    bar: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    slippage: Decimal
    filled: Decimal


class Trade(Part):
    """All fills of an order together."""

    first_bar: int
    last_bar: int
    fills: int
    quantity: Decimal
    average_price: Decimal
    fees: Decimal
    slippage: Decimal


class Cost(Part):
    """What an order that ended has cost: total = delay + trading + opportunity + fees, exactly, in money."""

    schedule: str
    children: int
    arrival_price: Decimal
    delay: Decimal
    trading: Decimal
    opportunity: Decimal
    fees: Decimal
    total: Decimal
    arrival_bps: float | None
    twap_bps: float | None
    vwap_bps: float | None


class OrderStory(Part):
    """An order, where it stands, every rule's word on it, what was filled and what it cost."""

    order: Order
    status: str
    client_order_id: str | None
    rejected_by: str | None
    reason: str
    verdicts: tuple[Verdict, ...]
    fills: tuple[Fill, ...]
    trade: Trade | None
    risk: OrderRisk | None = None
    cost: Cost | None = None


class Chain(Part):
    """Why something was done; what the ledger does not hold, or not yet, is None or empty."""

    asked: str
    bar: MarketUpdate | None
    decision: DecisionMade | None
    orders: tuple[OrderStory, ...]
    settlement: PerformanceFeedback | None


def explain(ledger: Ledger, asked: str) -> Chain:
    """Return the chain of a decision, or of the one order asked for.

    Raises
    ------
    Invalid
        The ledger holds neither a decision nor an order of that id; the message names the nearest ones.
    """
    order = _one(ledger, orders, orders.c.order_id == asked)
    decision_id = asked if order is None else order.decision_id
    decision = _one(ledger, decisions, decisions.c.decision_id == decision_id)
    about = decision or order
    if about is None:
        raise Invalid(_unknown(ledger, asked))
    of_decision = orders.c.decision_id == decision_id
    found = _many(ledger, orders, of_decision, orders.c.order_id) if order is None else [order]
    return Chain(
        asked=asked,
        bar=_bar(ledger, about.symbol, about.bar),
        decision=None if decision is None else _decision(ledger, decision),
        orders=tuple(_order(ledger, row) for row in found),
        settlement=_settlement(ledger, decision_id),
    )


def _bar(ledger: Ledger, symbol: str, bar: int) -> MarketUpdate | None:
    row = _one(ledger, bars, (bars.c.symbol == symbol) & (bars.c.bar == bar))
    return None if row is None else MarketUpdate(**_fields(MarketUpdate, row))


def _decision(ledger: Ledger, row: AnyRow) -> DecisionMade:
    members = _many(ledger, beliefs, beliefs.c.decision_id == row.decision_id, beliefs.c.seat)
    return DecisionMade(
        **_fields(DecisionMade, row),
        prior=_vector(row, "prior"),
        price=_vector(row, "price"),
        members=tuple(_member(member) for member in members),
    )


def _member(row: AnyRow) -> MemberView:
    belief = None if row.belief_down is None else _vector(row, "belief")
    return MemberView(**_fields(MemberView, row), belief=belief, shares=_vector(row, "shares"))


def _order(ledger: Ledger, row: AnyRow) -> OrderStory:
    is_of_order = row.order_id
    filled = _many(ledger, fills, fills.c.order_id == is_of_order, fills.c.report)
    said = _many(ledger, verdicts, verdicts.c.order_id == is_of_order, verdicts.c.ordinal)
    trade = _one(ledger, trades, trades.c.order_id == is_of_order)
    cost = _one(ledger, execution_costs, execution_costs.c.order_id == is_of_order)
    return OrderStory(
        order=Order(**_fields(Order, row)),
        **_fields(OrderStory, row),
        verdicts=tuple(Verdict(**_fields(Verdict, line), limit=line.bound, id=line.rule_id) for line in said),
        fills=tuple(Fill(**_fields(Fill, line)) for line in filled),
        trade=None if trade is None else Trade(**_fields(Trade, trade)),
        risk=_order_risk(ledger, is_of_order),
        cost=None if cost is None else Cost(**_fields(Cost, cost)),
    )


def _order_risk(ledger: Ledger, order_id: str) -> OrderRisk | None:
    row = _one(ledger, order_risks, order_risks.c.order_id == order_id)
    if row is None:
        return None
    values = row._mapping
    tails = {
        when: Tail(**{estimator: values[f"{estimator}_{when}"] for estimator in ESTIMATORS})
        for when in ("before", "after", "marginal")
    }
    return OrderRisk(**_fields(OrderRisk, row) | tails)


def _settlement(ledger: Ledger, decision_id: str) -> PerformanceFeedback | None:
    row = _one(ledger, settlements, settlements.c.decision_id == decision_id)
    if row is None:
        return None
    earned = _many(ledger, scores, scores.c.decision_id == decision_id, scores.c.seat)
    parts = tuple(Score(**_fields(Score, part)) for part in earned)
    return PerformanceFeedback(**_fields(PerformanceFeedback, row), scores=parts)


def _fields(part: type[Part], row: AnyRow) -> dict[str, Any]:
    """Return the fields of ``part`` that the row has under the same name."""
    return {name: value for name, value in row._mapping.items() if name in part.model_fields}


def _vector(row: AnyRow, name: str) -> tuple[float, float, float]:
    values = row._mapping
    return (values[f"{name}_down"], values[f"{name}_flat"], values[f"{name}_up"])


def _one(ledger: Ledger, table: Table, condition: ColumnElement[bool]) -> AnyRow | None:
    rows = ledger.read(select(table).where(condition))
    return rows[0] if rows else None


def _many(ledger: Ledger, table: Table, condition: ColumnElement[bool], order: Column[Any]) -> Sequence[AnyRow]:
    return ledger.read(select(table).where(condition).order_by(order))


def _unknown(ledger: Ledger, asked: str) -> str:
    """Say that an id is unknown, and which ids it may have meant."""
    near = _nearest_bars(ledger, asked) or _alike(ledger, asked)
    hint = f"near it are {', '.join(near)}" if near else _an_example(ledger)
    return f"no decision or order {asked!r}: {hint}"


def _nearest_bars(ledger: Ledger, asked: str) -> list[str]:
    symbol, _, bar = asked.rpartition("-")
    if not bar.isdecimal() or len(bar) > _MOST_DIGITS:
        return []
    distance = func.abs(decisions.c.bar - int(bar))
    is_symbol = func.lower(decisions.c.symbol) == symbol.lower()
    nearest = select(decisions.c.decision_id).where(is_symbol).order_by(distance, decisions.c.decision_id)
    return [row.decision_id for row in ledger.read(nearest.limit(_NEAR))]


def _alike(ledger: Ledger, asked: str) -> list[str]:
    latest_decisions = select(decisions.c.decision_id).order_by(decisions.c.bar.desc(), decisions.c.decision_id)
    latest_orders = select(orders.c.order_id).order_by(orders.c.bar.desc(), orders.c.order_id)
    known = [row[0] for query in (latest_orders, latest_decisions) for row in ledger.read(query.limit(_CANDIDATES))]
    return difflib.get_close_matches(asked, known, n=_NEAR)


def _an_example(ledger: Ledger) -> str:
    some = ledger.read(select(decisions.c.decision_id).order_by(decisions.c.decision_id).limit(1))
    return f"decisions are named as {some[0].decision_id} is" if some else "the ledger holds no decision yet"
