"""Puts what the ledger says on the screen or into JSON."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from bus.message import Part, Probabilities
from bus.messages import DecisionMade, MarketUpdate, OrderRisk, PerformanceFeedback, Score, Verdict
from ops.curve import Path
from ops.explain import Chain, Cost, OrderStory
from ops.schema import ESTIMATORS
from ops.summary import Skill, Summary
from pads.config import MARKET_MAKER

_ABSENT: Final = "-"
_NS: Final = 1_000_000_000


def to_json(part: Part) -> dict[str, Any]:
    """Return a chain or a summary as plain data for JSON: Decimals as text, so that they stay exact."""
    return part.model_dump(mode="json")


def print_chain(chain: Chain, console: Console) -> None:
    """Print why something was done, from the fill back to the bar."""
    console.print(chain_tree(chain))


def print_summary(summary: Summary, console: Console) -> None:
    """Print what a run amounts to."""
    console.print(summary_tables(summary))


def chain_tree(chain: Chain) -> Tree:
    """Return a chain as a tree, the effect at the top and its causes below."""
    tree = Tree(f"[bold]why {escape(chain.asked)}[/bold]")
    for story in chain.orders:
        _add_order(tree, story)
    if not chain.orders:
        tree.add(_no_order(chain.decision))
    if chain.decision is None:
        tree.add("board: no decision in the ledger")
    else:
        _add_board(tree, chain.decision, chain.settlement)
    tree.add("bar: not in the ledger" if chain.bar is None else _bar(chain.bar))
    return tree


def _add_order(tree: Tree, story: OrderStory) -> None:
    order, trade = story.order, story.trade
    said = f": {escape(story.reason)}" if story.reason else ""
    by = f" by {escape(story.rejected_by)}" if story.rejected_by else ""
    if trade is not None:
        total = tree.add(
            f"[bold]filled[/bold] {trade.quantity} at {_short(float(trade.average_price))} on average, "
            f"fees {trade.fees}, slippage {trade.slippage}"
        )
        for fill in story.fills:
            total.add(f"bar {fill.bar}: {fill.quantity} at {fill.price}, fee {fill.fee}, slippage {fill.slippage}")
    branch = tree.add(
        f"[bold]order[/bold] {escape(order.order_id)}: {order.side} {order.quantity} {escape(order.symbol)} "
        f"sized on {order.reference_price}; {story.status}{by}{said}"
    )
    if story.cost is not None:
        branch.add(_cost(story.cost))
    if story.risk is not None:
        branch.add(_order_risk(story.risk))
    branch.add(_verdicts(story.verdicts) if story.verdicts else "no verdicts in the ledger")


def _cost(cost: Cost) -> str:
    against = {"arrival": cost.arrival_bps, "TWAP": cost.twap_bps, "VWAP": cost.vwap_bps}
    benchmarks = ", ".join(f"{name} {value:+.2f}" for name, value in against.items() if value is not None)
    return (
        f"cost {cost.total} = delay {cost.delay} + trading {cost.trading} + opportunity {cost.opportunity} + "
        f"fees {cost.fees}; {cost.schedule}, {cost.children} child orders"
        f"{f'; basis points against {benchmarks}' if benchmarks else ''}"
    )


def _order_risk(risk: OrderRisk) -> str:
    parts = []
    for name in ESTIMATORS:
        before, after, marginal = (getattr(tail, name) for tail in (risk.before, risk.after, risk.marginal))
        if after is not None:
            parts.append(f"{name} {before or 0.0:.3%} to {after:.3%} ({marginal or 0.0:+.3%})")
    told = ", ".join(parts) or "not measured"
    return f"expected shortfall of a day at 97.5 %, {risk.observations} returns: {told}"


def _no_order(decision: DecisionMade | None) -> str:
    if decision is None or decision.order_id is None:
        return "no order"
    return f"order {escape(decision.order_id)}: nothing more of it in the ledger"


def _verdicts(verdicts: Iterable[Verdict]) -> Table:
    table = Table("gate", "rule", "verdict", "value", "limit", "unit", "detail", title="verdicts", title_justify="left")
    for verdict in verdicts:
        word = "[green]passes[/green]" if verdict.passes else "[red]refuses[/red]" if verdict.refuses else "warns"
        value, limit = _number(verdict.value), _number(verdict.limit)
        unit, detail = escape(verdict.unit), escape(verdict.detail)
        remedy = f"; remedy: {escape(verdict.remedy)}" if verdict.remedy else ""
        name = f"{verdict.id} {verdict.rule}".strip()
        table.add_row(escape(verdict.gate), escape(name), word, value, limit, unit, f"{detail}{remedy}")
    return table


def _add_board(tree: Tree, made: DecisionMade, settlement: PerformanceFeedback | None) -> None:
    board = tree.add(
        f"[bold]board[/bold] {escape(made.decision_id)}: [bold]{made.action}[/bold], {escape(made.choice_reason)}"
    )
    board.add(
        f"price {_probabilities(made.price)} from prior {_probabilities(made.prior)} (down flat up), "
        f"liquidity {made.liquidity:g}, band ±{made.band:.4f}, horizon {made.horizon}"
        f"{'' if made.is_quorate else '; no quorum'}"
    )
    board.add(
        f"conviction {made.conviction:.3f}, expected return {made.expected_return:+.5f}, "
        f"position {made.position} to target {made.target}, phase {made.phase}, appetite {made.appetite:g}"
    )
    board.add(_members(made, settlement))
    board.add("not settled yet" if settlement is None else _settlement(settlement))


def _members(made: DecisionMade, settlement: PerformanceFeedback | None) -> Table:
    table = Table(title="members", title_justify="left")
    for name in ("member", "weight", "confidence", "stake", "down", "flat", "up", "cost", "log score", "profit"):
        table.add_column(name, justify="left" if name == "member" else "right")
    earned = {} if settlement is None else {score.member: score for score in settlement.scores}
    for view in made.members:
        score = earned.get(view.member)
        belief = ("abstains", "", "") if view.belief is None else tuple(f"{p:.3f}" for p in view.belief)
        table.add_row(
            *(escape(view.member), f"{view.weight:.4f}", f"{view.confidence:.3f}", f"{view.stake:.4f}", *belief),
            *(f"{view.cost:.4f}", *_earned(score)),
        )
    return table


def _earned(score: Score | None) -> tuple[str, str]:
    return (_ABSENT, _ABSENT) if score is None else (_number(score.log_score), _number(score.profit))


def _settlement(settlement: PerformanceFeedback) -> str:
    return (
        f"settled by bar {settlement.bar}: {settlement.outcome}, return {settlement.realized_return:+.5f}; log scores: "
        f"board {settlement.board_log_score:.4f}, prior {settlement.prior_log_score:.4f}; "
        f"identity off by {settlement.identity_error:.1e}"
    )


def _bar(bar: MarketUpdate) -> str:
    return (
        f"[bold]bar[/bold] {escape(bar.symbol)} {bar.bar}, {_time(bar.opened_ns)}: open {bar.open} high {bar.high} "
        f"low {bar.low} close {bar.close} volume {bar.volume:f}"
    )


def summary_tables(summary: Summary) -> RenderableType:
    """Return a summary as tables."""
    parts: list[RenderableType] = [_run_table(summary), _result_table(summary), _member_table(summary)]
    if summary.refusals:
        parts.insert(1, _refusal_table(summary))
    if summary.losses:
        lost = f"messages to the ledger were lost for good (gaps: {summary.losses})"
        parts.append(f"[red]these figures lack something: {lost}[/red]")
    return Group(*parts)


def _run_table(summary: Summary) -> Table:
    table = _plain_table("run", "")
    span = _ABSENT
    if summary.first_ns is not None and summary.last_ns is not None:
        span = f"{_time(summary.first_ns)} to {_time(summary.last_ns)}"
    error = summary.identity_error
    rows = [
        ("symbols", ", ".join(map(escape, summary.symbols)) or _ABSENT),
        ("window", span),
        ("rounds", f"{summary.rounds}, of them {summary.quorate} with a quorum, {summary.settled} settled"),
        ("decisions", _counts(summary.actions)),
        ("orders", _counts(summary.orders)),
        ("trades", f"{summary.trades} of {summary.fills} fills, fees {summary.fees}"),
        ("largest identity error", _ABSENT if error is None else f"{error:.1e}"),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _refusal_table(summary: Summary) -> Table:
    table = _plain_table("refusals by rule", "orders")
    for refusal in summary.refusals:
        table.add_row(f"{escape(refusal.gate)} {escape(refusal.rule)}", str(refusal.orders))
    return table


def _result_table(summary: Summary) -> Table:
    table = _plain_table("result", "total return", "max drawdown")
    table.add_row("firm", *_path(summary.firm))
    table.add_row("buy and hold, equal parts", *_path(summary.buy_and_hold))
    return table


def _member_table(summary: Summary) -> Table:
    score = "log score over prior"
    table = _plain_table("member", "weight", "profit", score, "95 % interval", "scored")
    for member in summary.members:
        weight = "sets the prior" if member.member == MARKET_MAKER else f"{member.weight:.4f}"
        table.add_row(escape(member.member), weight, f"{member.profit:+.3f}", *_skill(member.skill))
    table.add_row("board", "", "", *_skill(summary.board), style="bold")
    table.caption = (
        f"nats a round; intervals by stationary bootstrap, blocks of {summary.board.mean_block:g} rounds on average"
    )
    return table


def _plain_table(name: str, *columns: str) -> Table:
    table = Table(name, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    return table


def _skill(skill: Skill) -> tuple[str, str, str]:
    excess = _ABSENT if skill.excess is None else f"{skill.excess:+.4f}"
    interval = "too few rounds" if skill.interval is None else f"{skill.interval[0]:+.4f} to {skill.interval[1]:+.4f}"
    return excess, interval, str(skill.scored)


def _path(path: Path | None) -> tuple[str, str]:
    return (_ABSENT, _ABSENT) if path is None else (f"{path.total_return:+.2%}", f"{path.max_drawdown:.2%}")


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {escape(name)}" for name, count in counts) or "none"


def _probabilities(values: Probabilities) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _number(value: float | None) -> str:
    return _ABSENT if value is None else _short(value)


def _short(value: float) -> str:
    return f"{value:.6g}"


def _time(opened_ns: int) -> str:
    opened = datetime.fromtimestamp(opened_ns // _NS, UTC)
    return f"{opened:%Y-%m-%d}" if opened.time() == time() else f"{opened:%Y-%m-%d %H:%M:%S} UTC"
