"""What the ledger computes from its facts: trades from fills, the standing of members from their scores.

Both are functions of the facts alone, so they come out the same whatever the order in which the facts came.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

_EXACT: Final = Context(prec=200)
"""Wide enough that sums and products of real prices and quantities are never rounded."""
_AVERAGE: Final = Context(prec=28)
_NOTHING: Final = (0, 0.0, 0.0, 0.0)

Row = tuple[Any, ...]


class Fill(NamedTuple):
    """The columns of a fill that a trade is computed from."""

    order_id: str
    report: int
    decision_id: str
    symbol: str
    side: str
    bar: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    slippage: Decimal


class Earned(NamedTuple):
    """What one member earned in one settled round of a symbol."""

    symbol: str
    settled: int
    member: str
    decision_id: str
    bar: int
    weight: float
    log_score: float | None
    excess: float | None
    profit: float


class Totals(NamedTuple):
    """Where a member stands in a symbol after round ``settled``; log scores in nats, over ``scored`` rounds."""

    settled: int
    bar: int
    weight: float
    scored: int
    log_score: float
    excess: float
    profit: float


def trade_rows(fills: Iterable[Fill]) -> list[Row]:
    """Return the row of each order with fills; ``fills`` come sorted by order and report."""
    return [_trade_row(list(group)) for _, group in groupby(fills, key=attrgetter("order_id"))]


def _trade_row(fills: Sequence[Fill]) -> Row:
    first = fills[0]
    quantity = _total(fill.quantity for fill in fills)
    value = _total(_EXACT.multiply(fill.quantity, fill.price) for fill in fills)
    bars = [fill.bar for fill in fills]
    return (
        *(first.order_id, first.decision_id, first.symbol, first.side, min(bars), max(bars), len(fills)),
        *(str(quantity), str(_AVERAGE.divide(value, quantity)), str(_total(fill.fee for fill in fills))),
        str(_total(fill.slippage for fill in fills)),
    )


def _total(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _EXACT.add(total, value)
    return total


def earned(settlements: Iterable[Row], scores: Iterable[Row]) -> dict[str, list[Earned]]:
    """Join settlement and score rows that came together; by symbol, in order of round and member, each once."""
    rounds = {row[0]: (row[1], row[3], row[2], row[6]) for row in settlements}
    by_round: dict[tuple[str, int], dict[str, Earned]] = {}
    for decision_id, member, _, log_score, profit, weight in scores:
        if decision_id not in rounds:
            continue
        symbol, settled, bar, prior_log_score = rounds[decision_id]
        excess = None if log_score is None else log_score - prior_log_score
        found = by_round.setdefault((symbol, settled), {})
        found[member] = Earned(symbol, settled, member, decision_id, bar, weight, log_score, excess, profit)
    by_symbol: dict[str, list[Earned]] = {}
    for key in sorted(by_round):
        found = by_round[key]
        by_symbol.setdefault(key[0], []).extend([found[member] for member in sorted(found)])
    return by_symbol


def performance_rows(base: Mapping[str, Totals], rounds: Iterable[Earned]) -> tuple[list[Row], dict[str, Totals]]:
    """Run totals on from ``base`` over ``rounds`` of one symbol; return the rows and the totals reached."""
    running = {member: totals[3:] for member, totals in base.items()}
    last: dict[str, Earned] = {}
    rows: list[Row] = []
    for part in rounds:
        _, _, member, _, _, _, gained, above, earnings = part
        scored, log_score, excess, profit = running.get(member, _NOTHING)
        if gained is not None and above is not None:
            scored, log_score, excess = scored + 1, log_score + gained, excess + above
        running[member] = reached = (scored, log_score, excess, profit + earnings)
        last[member] = part
        rows.append((*part, *reached))
    news = {member: Totals(part.settled, part.bar, part.weight, *running[member]) for member, part in last.items()}
    return rows, {**base, **news}


def strategy_rows(totals: Mapping[str, Mapping[str, Totals]], opened_ns: Mapping[tuple[str, int], int]) -> list[Row]:
    """Sum each member's totals over symbols; its weight is the one after its last settled bar in market time."""
    rows: list[Row] = []
    for member in sorted({member for reached in totals.values() for member in reached}):
        held = [(symbol, totals[symbol][member]) for symbol in sorted(totals) if member in totals[symbol]]
        _, last = max(held, key=lambda item: (opened_ns.get((item[0], item[1].bar), -1), item[0]))
        rows.append(
            (
                *(member, last.weight, sum(part.settled for _, part in held), sum(part.scored for _, part in held)),
                *(sum(part.log_score for _, part in held), sum(part.excess for _, part in held)),
                sum(part.profit for _, part in held),
            )
        )
    return rows
