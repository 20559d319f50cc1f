"""Books on which another's order comes first: PADS asks, scores, holds, and waits for that order."""

import itertools
from collections.abc import Sequence
from decimal import Decimal

import pytest

from bus.message import Envelope
from bus.messages import (
    Action,
    CommandResult,
    DecisionMade,
    DecisionRequest,
    ExecutionReport,
    Gap,
    MarketUpdate,
    Order,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    PerformanceFeedback,
    PortfolioUpdate,
    PositionView,
    RiskAlert,
    Side,
    WorkingOrder,
)
from bus.plain import pack, unpack
from bus.stepper import Stepper
from pads.agent import Pads
from pads.config import PadsConfig
from pads.orders import Orders
from pads.precedence import stand_aside
from portfolio.budget import DrawdownBudget
from tests.keys import VERIFIER
from tests.pads.desk import BULLISH, LIMITS, NEUTRAL, Desk, bar_of, decision, messages, of, only, response_of
from tests.pads.test_agent import report

D = Decimal
HELD = {"X": "200"}
"""A fifth of equity: twice the limit."""


def order(order_id: str, symbol: str = "X", decision_id: str = "X-25") -> Order:
    return Order(
        order_id=order_id, decision_id=decision_id, symbol=symbol, side=Side.SELL, quantity=D(1),
        reference_price=D(100), bar=25,
    )  # fmt: skip


def book(version: int, bar: int, units: str, equity: str, *, working: Sequence[Order] = ()) -> PortfolioUpdate:
    """Return a book that holds ``units`` of X, its peak being 100,000."""
    held = PositionView(symbol="X", quantity=D(units), average_price=D(100), last_price=D(100))
    return PortfolioUpdate(
        version=version, symbol="X", bar=bar, cash=D(equity), equity=D(equity), peak_equity=D(100000),
        realized=D(0), fees=D(0), positions=(held,),
        working=tuple(WorkingOrder(order=each, remaining=each.quantity) for each in working),
    )  # fmt: skip


def stood_aside(units: str, equity: str, *, was_spent: bool = False, working: Sequence[Order] = ()) -> str | None:
    budget, latest = DrawdownBudget(LIMITS), book(1, 25, units, equity, working=working)
    budget.take(latest)
    return stand_aside(budget, latest, was_spent=was_spent)[1]


def test_where_the_limit_is_kept_pads_is_free() -> None:
    budget, latest = DrawdownBudget(LIMITS), book(1, 25, "100", "100000")
    budget.take(latest)
    assert stand_aside(budget, latest, was_spent=False) == ("", None)


def test_what_risk_shrinks_it_shrinks_by_its_own_order() -> None:
    assert stood_aside("101", "100000") == "X-25-r1"
    assert stood_aside("-101", "100000") == "X-25-r1"
    assert stood_aside("101", "100000", working=[order("old")]) is None


def test_beyond_the_budget_the_first_flattening_order_is_awaited_once() -> None:
    assert stood_aside("10", "85000") is None
    assert stood_aside("10", "84999") == "X-25-x1"
    assert stood_aside("10", "84999", was_spent=True) is None
    assert stood_aside("0", "84999") is None
    assert stood_aside("10", "84999", working=[order("old")]) == "X-25-x1"
    assert stood_aside("10", "84999", working=[order("X-20-x1")]) is None


def test_the_reason_says_what_comes() -> None:
    budget, latest = DrawdownBudget(LIMITS), book(1, 25, "200", "92000")
    budget.take(latest)
    why, _ = stand_aside(budget, latest, was_spent=False)
    assert why == "drawdown 8.00%, tier 1: risk shrinks the position by 122 units"


def test_the_round_is_asked_and_scored_but_trades_nothing(warm: Desk) -> None:
    outputs = warm.round(100.0, BULLISH, positions=HELD)
    made = decision(outputs)
    assert len(of(outputs, DecisionRequest)) == 3
    assert (made.action, made.target, made.order_id) == (Action.HOLD, D(200), "X-25-r1")
    assert made.choice_reason.startswith(
        "drawdown 0.00%, tier 0: risk shrinks the position by 105 units, so no DECREASE"
    )
    assert made.is_quorate
    assert any(view.stake for view in made.members)
    assert of(outputs, OrderProposed) == []
    warm.step(report(order("X-25-r1")), "execution")
    for _ in range(5):
        warm.reject(warm.round(100.0, NEUTRAL))
    settled = messages(warm.sent, PerformanceFeedback)[-1]
    assert settled.decision_id == "X-25"
    assert sum(score.profit for score in settled.scores) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("is_refused", [False, True])
def test_the_next_round_waits_for_that_order(warm: Desk, is_refused: bool) -> None:
    warm.round(100.0, BULLISH, positions=HELD)
    assert of(warm.bar(101.0) + warm.book(positions={"X": "95"}), DecisionRequest) == []
    assert warm.stepper.agent.report()["orders_out"] == 1
    shrinking = order("X-25-r1")
    refusal = OrderRejected(order=shrinking, rejected_by="risk", reason="no", verdicts=())
    said = warm.step(refusal, "risk") if is_refused else warm.step(report(shrinking), "execution")
    assert len(of(said, DecisionRequest)) == 3


def test_an_order_that_never_comes_is_waited_for_only_so_long(warm: Desk) -> None:
    warm.round(100.0, BULLISH, positions=HELD)
    warm.bar(101.0)
    warm.book(positions={"X": "95"})
    assert of(warm.pass_time(29.9), DecisionRequest) == []
    assert len(of(warm.pass_time(0.1), DecisionRequest)) == 3
    assert warm.stepper.agent.report()["orders_unanswered"] == 1


def test_a_lost_answer_is_not_waited_for(warm: Desk) -> None:
    warm.round(100.0, BULLISH, positions=HELD)
    warm.bar(101.0)
    warm.book(positions={"X": "95"})
    gap = Gap(sender="execution", stream=ExecutionReport.KIND, first=1, last=1)
    assert len(of(warm.stepper.notice(gap, warm.now_ns), DecisionRequest)) == 3


def arrivals() -> list[tuple[str, ...]]:
    """Return every order in which a bar, its book, risk's alert, the word on its order and the next book can arrive."""
    orders = itertools.permutations(("bar", "book", "alert", "report", "later"))
    return [each for each in orders if each.index("book") < each.index("later")]


@pytest.mark.parametrize("arrival", arrivals(), ids=" ".join)
def test_the_order_of_arrival_changes_nothing(arrival: tuple[str, ...]) -> None:
    """Risk and execution may be done with the order before PADS has seen the bar."""
    decided = []
    for sequence in (("bar", "book", "alert", "report", "later"), arrival):
        desk = Desk()
        desk.warm_up()
        shrinking = order("X-25-r1")
        said: list[Envelope] = []
        for what in sequence:
            if what == "bar":
                outputs = desk.bar(100.0, bar=25)
            elif what == "report":
                outputs = desk.step(report(shrinking), "execution")
            elif what == "alert":
                alert = RiskAlert(symbol="*", severity=0.9, source="execution", reason="tier", portfolio_version=26)
                outputs = desk.step(alert, "risk")
            else:
                desk.version += 1
                working = [shrinking] if what == "later" else []
                outputs = desk.step(book(desk.version, 25, "200", "100000", working=working), "execution")
            for request in messages(outputs, DecisionRequest)[:1]:
                for seat, answer in BULLISH.items():
                    outputs += desk.answer(seat, request, *answer)
            said += outputs
        assert desk.stepper.agent.report()["orders_out"] == 0
        decided.append([decision(said), decision(desk.round(100.0, BULLISH, positions={"X": "60"}))])
    assert decided[0] == decided[1]
    assert [each.action for each in decided[0]] == [Action.HOLD, Action.DECREASE]


def spend(desk: Desk, bar: int, units: str, *, working: Sequence[Order] = ()) -> list[Envelope]:
    """Play a bar whose book lies beyond the budget; every seat is bullish."""
    outputs = desk.step(bar_of(100.0, "X", bar), "market")
    desk.version += 1
    outputs += desk.step(book(desk.version, bar, units, "84000", working=working), "execution")
    for request in messages(outputs, DecisionRequest)[:1]:
        for seat, (belief, confidence) in BULLISH.items():
            outputs += desk.step(response_of(request, belief, confidence), seat)
    return outputs


def test_beyond_the_budget_pads_waits_for_the_flattening_and_then_proposes_nothing(warm: Desk) -> None:
    made = decision(spend(warm, 25, "50"))
    assert (made.action, made.order_id, made.is_quorate) == (Action.HOLD, "X-25-x1", True)
    assert made.choice_reason.startswith(
        "drawdown 16.00% is beyond the budget: the firm halts and is flattened, so no "
    )
    assert of(spend(warm, 26, "50", working=[order("X-25-x1")]), DecisionMade) == []
    flattening = order("X-25-x1")
    outputs = warm.step(report(flattening), "execution")
    for request in messages(outputs, DecisionRequest)[:1]:
        for seat, (belief, confidence) in BULLISH.items():
            outputs += warm.step(response_of(request, belief, confidence), seat)
    for made in (decision(outputs), decision(spend(warm, 27, "0")), decision(spend(warm, 28, "0"))):
        assert (made.action, made.order_id) == (Action.HOLD, None)
    assert of(warm.sent, OrderProposed) == []


def test_a_new_budget_lets_it_trade_again(warm: Desk) -> None:
    spend(warm, 25, "0")
    spend(warm, 26, "0")
    warm._bars["X"] = 26
    assert decision(warm.round(100.0, BULLISH)).action is Action.BUY


def test_with_too_little_history_the_order_is_named_and_awaited_too(desk: Desk) -> None:
    made = decision(desk.bar(100.0) + desk.book(positions=HELD))
    assert (made.action, made.order_id) == (Action.HOLD, "X-0-r1")
    assert made.choice_reason.endswith("too little history: the volatility is not defined yet")
    assert desk.bar(100.0) + desk.book(positions=HELD) == []
    made = decision(desk.step(report(order("X-0-r1", decision_id="X-0")), "execution"))
    assert made.order_id == "X-1-r1"


def test_a_lost_bar_and_a_lost_book(warm: Desk) -> None:
    warm.book(bar=25, positions=HELD)
    gap = Gap(sender="market", stream=MarketUpdate.KIND, first=26, last=26)
    made = decision(warm.stepper.notice(gap, warm.now_ns))
    assert (made.order_id, made.choice_reason) == (
        "X-25-r1",
        "drawdown 0.00%, tier 0: risk shrinks the position by 105 units; the bar was lost",
    )
    warm.step(report(order("X-25-r1")), "execution")
    warm.bar(100.0, bar=26)
    gap = Gap(sender="execution", stream=PortfolioUpdate.KIND, first=30, last=30)
    assert decision(warm.stepper.notice(gap, warm.now_ns)).order_id is None


def test_an_asked_round_names_no_order(warm: Desk) -> None:
    warm.round(100.0, BULLISH, positions=HELD)
    (request,) = {each.round_id: each for each in messages(warm.ask(), DecisionRequest)}.values()
    outputs: list[Envelope] = []
    for seat, answer in BULLISH.items():
        outputs += warm.answer(seat, request, *answer)
    made = only(outputs, CommandResult).decision
    assert made is not None
    assert (made.action, made.order_id) == (Action.HOLD, None)


def test_a_restart_while_waiting_changes_nothing(warm: Desk) -> None:
    warm.round(100.0, BULLISH, positions=HELD)
    warm.step(report(order("X-24-r1", decision_id="X-24")), "execution")
    copy = Stepper(Pads("pads", PadsConfig(), LIMITS, VERIFIER))
    copy.restore(unpack(pack(warm.stepper.snapshot())))
    said = []
    for stepper in (warm.stepper, copy):
        warm.stepper = stepper
        warm.version, warm.now_ns = 26, 2_000_000_000
        warm._bars["X"], warm._ids = 25, 1000
        outputs = warm.bar(101.0) + warm.book(positions={"X": "95"})
        assert of(outputs, DecisionRequest) == []
        outputs += warm.step(report(order("X-25-r1")), "execution")
        said.append([(each.header, each.message) for each in outputs])
    assert said[0] == said[1]
    assert pack(warm.stepper.snapshot()) == pack(copy.snapshot())


def test_orders_remember_early_answers_of_others_only() -> None:
    orders = Orders(30.0)
    assert not orders.answer("X-1-r1")
    assert not orders.answer("X-1-o1")
    orders.expect("X-1-r1", "X", 0)
    assert len(orders) == 0
    orders.expect("X-2-r1", "X", 0)
    assert (len(orders), orders.concerns("X"), orders.concerns("Y")) == (1, True, False)
    assert orders.next_due_ns() == 30_000_000_000
    again = Orders(30.0)
    again.restore(unpack(pack(orders.snapshot())))
    assert again.snapshot() == orders.snapshot()
    assert orders.answer("X-2-r1")
    again.expire(30_000_000_000)
    assert (len(again), again.unanswered, again.next_due_ns()) == (0, 1, None)


def test_only_a_report_on_it_answers(warm: Desk) -> None:
    warm.round(100.0, BULLISH, positions=HELD)
    warm.step(report(order("X-24-r1", decision_id="X-24"), OrderStatus.FILLED), "execution")
    assert warm.stepper.agent.report()["orders_out"] == 1
    assert only(warm.sent[-1:], DecisionMade).order_id == "X-25-r1"
