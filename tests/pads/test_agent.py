import itertools
from decimal import Decimal

import pytest

from bus.message import Probabilities
from bus.messages import (
    Action,
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
    Phase,
    PhaseTransition,
    PortfolioUpdate,
    RiskAlert,
    Side,
    Undelivered,
    WorkingOrder,
)
from pads.config import PadsConfig
from tests.pads.desk import (
    BEARISH,
    BULLISH,
    NEUTRAL,
    SECOND_NS,
    SHORT,
    Beliefs,
    Desk,
    crash,
    decision,
    drifting,
    messages,
    of,
    only,
)

SEATS = ["qbmia", "quantum_amos", "quasar"]


def requests(desk: Desk, close: float = 100.0) -> list[DecisionRequest]:
    return messages(desk.bar(close) + desk.book(), DecisionRequest)


def report(order: Order, status: OrderStatus = OrderStatus.ACCEPTED) -> ExecutionReport:
    zero = Decimal(0)
    return ExecutionReport(
        order=order, client_order_id=order.order_id, report=1, status=status, bar=order.bar, last_quantity=zero,
        last_price=zero, fee=zero, slippage=zero, filled=zero, verdicts=(), reason="",
    )  # fmt: skip


def working_order(symbol: str = "X") -> WorkingOrder:
    order = Order(
        order_id="old", decision_id="old", symbol=symbol, side=Side.BUY, quantity=Decimal(1),
        reference_price=Decimal(1), bar=0,
    )  # fmt: skip
    return WorkingOrder(order=order, remaining=Decimal(1))


def test_too_little_history_holds_without_asking(desk: Desk) -> None:
    outputs = desk.bar(100.0) + desk.book()
    made = decision(outputs)
    assert len(outputs) == 1
    assert (made.decision_id, made.action, made.order_id, made.is_quorate) == ("X-0", Action.HOLD, None, False)
    assert "too little history" in made.choice_reason


def test_a_round_opens_when_bar_and_book_are_there_in_either_order(warm: Desk) -> None:
    assert of(warm.bar(100.0), DecisionRequest) == []
    asked = of(warm.book(), DecisionRequest)
    assert [envelope.header.recipient for envelope in asked] == SEATS
    other = Desk()
    other.warm_up()
    assert of(other.book(bar=25), DecisionRequest) == []
    assert messages(other.bar(100.0), DecisionRequest) == [envelope.message for envelope in asked]


def test_what_a_request_says(warm: Desk) -> None:
    warm.bar(100.0)
    first, *others = messages(warm.book(positions={"X": "-3.5", "Y": "1"}), DecisionRequest)
    assert others == [first, first]
    assert (first.round_id, first.symbol, first.bar, first.horizon) == ("X-25", "X", 25, 5)
    assert (first.position, first.phase, first.appetite) == (Decimal("-3.5"), Phase.GROWTH, 0.7)
    assert first.deadline_ns == warm.now_ns + 3 * SECOND_NS
    assert first.settled == len(messages(warm.sent, PerformanceFeedback)) == 1
    assert 0 < first.band < 0.02


def test_a_request_lives_as_long_as_its_deadline_and_belongs_to_the_bar(warm: Desk) -> None:
    warm.bar(100.0)
    asked = of(warm.book(), DecisionRequest)[0].header
    assert asked.ttl_ms == 3000
    assert asked.correlation_id.startswith("market:")


def test_the_decision_follows_the_last_answer(warm: Desk) -> None:
    request = requests(warm)[0]
    assert warm.answer("quasar", request, *BULLISH["quasar"]) == []
    assert warm.answer("qbmia", request, *BULLISH["qbmia"]) == []
    made = decision(warm.answer("quantum_amos", request, *BULLISH["quantum_amos"]))
    assert (made.decision_id, made.action, made.is_quorate) == ("X-25", Action.BUY, True)
    assert (made.band, made.prior, made.horizon) == (request.band, request.prior, 5)


def test_the_order_of_arrival_changes_no_bit() -> None:
    decided = set()
    for order in itertools.permutations(BULLISH):
        desk = Desk()
        desk.warm_up()
        request = requests(desk)[0]
        outputs = [desk.answer(seat, request, *BULLISH[seat]) for seat in order]
        decided.add((decision(outputs[-1]).model_dump_json(), only(outputs[-1], OrderProposed).model_dump_json()))
    assert len(decided) == 1


def test_a_decision_to_trade_proposes_its_order(warm: Desk) -> None:
    outputs = warm.round(100.0, BULLISH)
    made, proposed = decision(outputs), only(outputs, OrderProposed)
    (envelope,) = of(outputs, OrderProposed)
    assert envelope.header.recipient == "compliance"
    assert proposed.portfolio_version == warm.version
    assert proposed.order == Order(
        order_id="X-25-o1", decision_id="X-25", symbol="X", side=Side.BUY, quantity=made.target,
        reference_price=Decimal("100.0"), bar=25,
    )  # fmt: skip
    assert made.order_id == "X-25-o1"


@pytest.mark.parametrize(
    ("beliefs", "position", "action", "side"),
    [
        (BULLISH, "0", Action.BUY, Side.BUY),
        (BEARISH, "0", Action.SELL, Side.SELL),
        (NEUTRAL, "0", Action.HOLD, None),
        (BULLISH, "40", Action.INCREASE, Side.BUY),
        (BULLISH, "95", Action.DECREASE, Side.SELL),
        (BEARISH, "40", Action.SELL, Side.SELL),
        (BULLISH, "-40", Action.BUY, Side.BUY),
    ],
)
def test_actions_and_sides(warm: Desk, beliefs: Beliefs, position: str, action: Action, side: Side | None) -> None:
    outputs = warm.round(100.0, beliefs, positions={"X": position})
    made = decision(outputs)
    assert made.action is action
    if side is None:
        assert of(outputs, OrderProposed) == []
        assert made.order_id is None
    else:
        order = only(outputs, OrderProposed).order
        assert order.side is side
        assert order.signed_quantity == made.target - made.position


def test_without_shorts_a_bearish_board_exits() -> None:
    desk = Desk(PadsConfig.model_validate({"sizing": {"allow_short": False}}))
    desk.warm_up()
    made = decision(desk.round(100.0, BEARISH, positions={"X": "40"}))
    assert (made.action, made.target) == (Action.EXIT, Decimal(0))


def test_below_quorum_holds_and_says_so(warm: Desk) -> None:
    silent: Beliefs = {**BULLISH, "quasar": (None, 0.0), "qbmia": (None, 0.0)}
    made = decision(warm.round(100.0, silent))
    assert (made.action, made.is_quorate, made.price) == (Action.HOLD, False, made.prior)
    assert made.choice_reason.startswith("below quorum: 1 of 3")


def test_the_deadline_decides_with_the_answers_that_came(warm: Desk) -> None:
    request = requests(warm)[0]
    for seat in ("qbmia", "quasar"):
        warm.answer(seat, request, *BULLISH[seat])
    assert of(warm.pass_time(2.999), DecisionMade) == []
    made = decision(warm.pass_time(0.001))
    assert made.is_quorate
    views = {view.member: view for view in made.members}
    assert (views["antifragility"].belief, views["antifragility"].stake) == (None, 0.0)
    assert warm.answer("quantum_amos", request, *BULLISH["quantum_amos"]) == []
    assert warm.stepper.agent.report()["responses_late"] == 1


def test_a_deadline_without_any_answer_holds(warm: Desk) -> None:
    requests(warm)
    made = decision(warm.pass_time(3.0))
    assert (made.action, made.is_quorate) == (Action.HOLD, False)


def test_one_alarm_serves_every_round(warm: Desk) -> None:
    warm.pass_time(10.0)
    warm.bar(100.0)
    warm.book()
    warm.pass_time(1.0)
    warm.bar(100.0, "Y")
    for number in range(30):
        warm.bar(100.0 + number % 2, "Y")
    warm.book("Y")
    assert [made.decision_id for made in messages(warm.pass_time(2.0), DecisionMade)] == ["X-25"]
    assert [made.decision_id for made in messages(warm.pass_time(1.0), DecisionMade)] == ["Y-30"]
    assert warm.stepper.next_timer() is None


def test_a_decided_round_is_not_decided_again(warm: Desk) -> None:
    warm.round(100.0, NEUTRAL)
    assert of(warm.pass_time(10.0), DecisionMade) == []
    assert warm.book() == []
    assert warm.bar(100.0, bar=25) == []


def test_an_old_book_is_ignored(warm: Desk) -> None:
    warm.bar(100.0)
    warm.version -= 1
    assert warm.book() == []


def test_a_symbol_too_long_for_its_ids_is_invalid(desk: Desk) -> None:
    assert desk.bar(100.0, "S" * 37) == []
    assert desk.stepper.counters["invalid"] == 1
    assert "37 characters" in desk.stepper.last_invalid
    desk.bar(100.0, "S" * 36)
    assert desk.stepper.counters["invalid"] == 1


def test_a_working_order_keeps_the_next_one_back(warm: Desk) -> None:
    outputs = warm.round(100.0, BULLISH, working=[working_order()])
    made = decision(outputs)
    assert (made.action, made.target, made.order_id) == (Action.HOLD, Decimal(0), None)
    assert "still working, so no BUY" in made.choice_reason
    assert of(outputs, OrderProposed) == []


def test_an_exit_does_not_wait_for_an_order_that_still_adds(warm: Desk) -> None:
    danger = {"qbmia": 1.0}
    outputs = warm.round(100.0, NEUTRAL, positions={"X": "40"}, working=[working_order()], severities=danger)
    assert decision(outputs).action in (Action.DECREASE, Action.EXIT)
    (proposed,) = of(outputs, OrderProposed)
    assert isinstance(proposed.message, OrderProposed)
    assert proposed.message.order.side is Side.SELL


def test_an_exit_waits_for_an_order_that_takes_away_already(warm: Desk) -> None:
    danger, selling = {"qbmia": 1.0}, working_order()
    selling = selling.model_copy(update={"order": selling.order.model_copy(update={"side": Side.SELL})})
    outputs = warm.round(100.0, NEUTRAL, positions={"X": "40"}, working=[selling], severities=danger)
    assert decision(outputs).action is Action.HOLD


def test_a_working_order_elsewhere_does_not_matter(warm: Desk) -> None:
    assert decision(warm.round(100.0, BULLISH, working=[working_order("Y")])).action is Action.BUY


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.REFUSED, OrderStatus.FILLED])
def test_the_next_round_waits_for_the_answer_to_an_order(warm: Desk, status: OrderStatus) -> None:
    order = only(warm.round(100.0, BULLISH), OrderProposed).order
    assert of(warm.bar(101.0) + warm.book(), DecisionRequest) == []
    assert len(of(warm.step(report(order, status), "execution"), DecisionRequest)) == 3


def test_a_rejection_is_an_answer(warm: Desk) -> None:
    ordered = warm.round(100.0, BULLISH)
    assert of(warm.bar(101.0) + warm.book(), DecisionRequest) == []
    asked = of(warm.reject(ordered), DecisionRequest)
    assert len(asked) == 3
    assert {envelope.header.correlation_id for envelope in asked} != {
        of(ordered, DecisionMade)[0].header.correlation_id
    }


def test_when_the_answer_to_an_order_comes_changes_no_decision() -> None:
    decided = []
    for is_early in (True, False):
        desk = Desk()
        desk.warm_up()
        ordered = desk.round(100.0, BULLISH)
        if is_early:
            desk.reject(ordered)
        asked = messages(desk.bar(99.0) + desk.book(), DecisionRequest)
        if not is_early:
            asked = messages(desk.reject(ordered), DecisionRequest)
        assert len(asked) == 3
        decided.append([decision(desk.pass_time(3.0)), *asked])
    assert decided[0] == decided[1]


def test_an_order_nobody_answers_is_waited_for_only_so_long(warm: Desk) -> None:
    warm.round(100.0, BULLISH)
    warm.bar(101.0)
    warm.book()
    assert of(warm.pass_time(29.0), DecisionRequest) == []
    said = warm.pass_time(1.0)
    assert len(of(said, DecisionRequest)) == 3
    (ended,) = of(said, OrderRejected)
    assert isinstance(ended.message, OrderRejected)
    assert ended.message.rejected_by == "pads"
    assert "neither the gates nor execution answered in time" in ended.message.reason
    assert warm.stepper.agent.report()["orders_unanswered"] == 1


def test_an_undelivered_order_is_rejected_in_the_gates_place(warm: Desk) -> None:
    order = only(warm.round(100.0, BULLISH), OrderProposed).order
    warm.bar(101.0)
    warm.book()
    notice = Undelivered(message_id="pads:99", kind=OrderProposed.KIND, recipient="compliance")
    outputs = warm.stepper.notice(notice, warm.now_ns)
    rejected = only(outputs, OrderRejected)
    assert (rejected.order, rejected.rejected_by) == (order, "pads")
    assert "compliance did not acknowledge" in rejected.reason
    assert len(of(outputs, DecisionRequest)) == 3


def test_the_conversation_tells_which_order_was_undelivered() -> None:
    desk = Desk()
    desk.warm_up()
    desk.warm_up(symbol="Y")
    asked = [messages(desk.bar(100.0, name) + desk.book(name), DecisionRequest)[0] for name in ("X", "Y")]
    for request in asked:
        for seat, answer in BULLISH.items():
            desk.answer(seat, request, *answer)
    second = of(desk.sent, OrderProposed)[1]
    notice = Undelivered(message_id="pads:99", kind=OrderProposed.KIND, recipient="compliance")
    outputs = desk.step(notice, "pads", correlation_id=second.header.correlation_id)
    assert only(outputs, OrderRejected).order.symbol == "Y"
    assert desk.stepper.notice(notice, desk.now_ns) != []
    assert desk.stepper.notice(notice, desk.now_ns) == []


def test_other_undelivered_messages_do_not_matter(warm: Desk) -> None:
    warm.round(100.0, BULLISH)
    notice = Undelivered(message_id="pads:99", kind="COMMAND_RESULT/1", recipient="cli")
    assert warm.stepper.notice(notice, warm.now_ns) == []


def test_a_round_settles_at_its_horizon(warm: Desk) -> None:
    made = decision(warm.round(100.0, BULLISH))
    outputs = [warm.bar(100.0 + number) for number in range(1, 6)]
    last = [each for each in messages(outputs[4], PerformanceFeedback) if each.decision_id == made.decision_id]
    assert all(
        not [e for e in messages(o, PerformanceFeedback) if e.decision_id == made.decision_id] for o in outputs[:4]
    )
    assert len(last) == 1
    assert last[0].bar == 30
    assert last[0].identity_error < 1e-9


def test_feedback_precedes_the_request_that_counts_it(warm: Desk) -> None:
    warm.book(bar=25)
    outputs = warm.bar(100.0)
    kinds = [type(envelope.message) for envelope in outputs]
    assert kinds.index(PerformanceFeedback) < kinds.index(DecisionRequest)
    feedback, request = only(outputs, PerformanceFeedback), messages(outputs, DecisionRequest)[0]
    assert request.settled == feedback.settled == 1


def test_a_round_whose_last_bar_never_came_is_void(warm: Desk) -> None:
    warm.round(100.0, BULLISH)
    settled = len(messages(warm.sent, PerformanceFeedback))
    warm.bar(100.0, bar=60)
    assert len(messages(warm.sent, PerformanceFeedback)) == settled
    assert warm.stepper.agent.report()["voided"] == 5


def test_missing_bars_are_too_little_history(warm: Desk) -> None:
    warm.bar(100.0, bar=60)
    assert "too little history" in decision(warm.book()).choice_reason


def test_a_round_closed_after_its_horizon_settles_at_once() -> None:
    desk = Desk(PadsConfig(horizon=1))
    desk.warm_up()
    requests(desk)
    desk.bar(103.0)
    outputs = desk.pass_time(3.0)
    made = decision(outputs)
    feedback = [each for each in messages(outputs, PerformanceFeedback) if each.decision_id == made.decision_id]
    assert [each.bar for each in feedback] == [26]
    assert feedback[0].realized_return == pytest.approx(0.0295588)


def test_lost_bars_clear_what_rests_on_them(warm: Desk) -> None:
    warm.book(bar=25)
    gap = Gap(sender="market", stream=MarketUpdate.KIND, first=26, last=26)
    made = decision(warm.stepper.notice(gap, warm.now_ns))
    assert (made.decision_id, made.action, made.choice_reason) == ("X-25", Action.HOLD, "the bar was lost")
    assert "too little history" in decision(warm.bar(100.0, bar=26) + warm.book()).choice_reason


def test_a_lost_book_holds_on_its_bar(warm: Desk) -> None:
    warm.bar(100.0)
    gap = Gap(sender="execution", stream=PortfolioUpdate.KIND, first=26, last=26)
    made = decision(warm.stepper.notice(gap, warm.now_ns))
    assert (made.decision_id, made.choice_reason) == ("X-25", "the book of this bar was lost")
    assert warm.book() == []
    assert len(of(warm.bar(100.0) + warm.book(), DecisionRequest)) == 3


def test_a_lost_answer_is_not_waited_for(warm: Desk) -> None:
    warm.round(100.0, BULLISH)
    warm.bar(100.0)
    warm.book()
    gap = Gap(sender="risk", stream=OrderRejected.KIND, first=1, last=1)
    assert len(of(warm.stepper.notice(gap, warm.now_ns), DecisionRequest)) == 3


def test_other_gaps_do_not_matter(warm: Desk) -> None:
    warm.bar(100.0)
    assert warm.stepper.notice(Gap(sender="ops", stream="AGENT_STATUS/1", first=1, last=1), warm.now_ns) == []


def alert(desk: Desk, severity: float, symbol: str = "X") -> None:
    desk.step(RiskAlert(symbol=symbol, severity=severity, source="risk", reason="test"), "risk")


@pytest.mark.parametrize("symbol", ["X", "*"])
def test_an_alert_reduces_the_next_decision_only(warm: Desk, symbol: str) -> None:
    alert(warm, 0.9, symbol)
    first = warm.round(100.0, BULLISH, positions={"X": "40"})
    assert decision(first).action is Action.DECREASE
    warm.reject(first)
    assert decision(warm.round(100.0, BULLISH, positions={"X": "40"})).action is Action.INCREASE


@pytest.mark.parametrize("is_alert_first", [True, False])
def test_an_alert_raised_on_a_book_counts_from_the_next_book_whichever_arrives_first(
    warm: Desk, is_alert_first: bool
) -> None:
    def raised() -> None:
        version = warm.version + is_alert_first
        alert = RiskAlert(symbol="*", severity=0.9, source="execution", reason="test", portfolio_version=version)
        warm.step(alert, "risk")

    positions = {"X": "40"}
    if is_alert_first:
        raised()
        first = warm.round(100.0, BULLISH, positions=positions)
    else:
        first = warm.round(100.0, BULLISH, positions=positions)
        raised()
    assert decision(first).action is Action.INCREASE
    warm.reject(first)
    assert decision(warm.round(100.0, BULLISH, positions=positions)).action is Action.DECREASE


def test_an_alert_on_another_symbol_does_not_matter(warm: Desk) -> None:
    alert(warm, 0.9, "Y")
    assert decision(warm.round(100.0, BULLISH, positions={"X": "40"})).action is Action.INCREASE


def test_alerts_lower_the_appetite_which_recovers(warm: Desk) -> None:
    alert(warm, 0.9)
    appetites = [decision(warm.round(100.0 + bar % 2, NEUTRAL)).appetite for bar in range(12)]
    assert appetites[0] == pytest.approx(0.7 * 0.82)
    assert appetites[1] == pytest.approx(0.7 * 0.84)
    assert appetites[-1] == pytest.approx(0.7)


def test_the_appetite_has_a_floor(warm: Desk) -> None:
    for _ in range(50):
        alert(warm, 0.9)
    assert decision(warm.round(100.0, NEUTRAL)).appetite == pytest.approx(0.1)


def test_adaptability_leans_to_what_this_phase_brought_before(warm: Desk) -> None:
    made = decision(warm.round(100.0, NEUTRAL))
    (settled,) = messages(warm.sent, PerformanceFeedback)
    view = {each.member: each for each in made.members}["adaptability"]
    came = [outcome == settled.outcome for outcome in ("down", "flat", "up")]
    assert 0.0 < view.confidence < 0.02
    mixed = [(1.0 - view.confidence) * p + view.confidence * n for p, n in zip(made.prior, came, strict=True)]
    assert view.belief == pytest.approx(mixed)


def test_adaptability_abstains_in_a_phase_it_has_not_seen(warm: Desk) -> None:
    last = messages(warm.sent, DecisionMade)[-1]
    assert last.is_quorate
    view = {each.member: each for each in last.members}["adaptability"]
    assert (view.belief, view.stake) == (None, 0.0)


def test_weights_are_learned_for_each_symbol_apart(warm: Desk) -> None:
    warm.warm_up(symbol="Y")
    for number in range(10):
        warm.reject(warm.round(100.0 * 1.05**number, BULLISH))
    weights = []
    for symbol in ("X", "Y"):
        outputs = warm.round(100.0, NEUTRAL, symbol)
        warm.reject(outputs)
        weights.append(decision(outputs).members[0].weight)
    assert weights[0] != pytest.approx(weights[1], abs=1e-3)


def test_a_crash_is_release() -> None:
    desk = Desk(PadsConfig.model_validate(SHORT))
    quiet = drifting(60)
    for close in quiet:
        desk.reject(desk.round(close, NEUTRAL))
    previous = decision(desk.round(quiet[-1], NEUTRAL)).phase
    outputs = desk.round(crash(quiet[-1])[0], NEUTRAL)
    changed = only(outputs, PhaseTransition)
    assert (changed.previous, changed.phase, changed.bar) == (previous, Phase.RELEASE, 61)
    assert changed.reason.startswith("read by pads; meso: growth ")
    assert "; fast release; slow " in changed.reason
    made = decision(outputs)
    assert (made.phase, made.appetite) == (Phase.RELEASE, 0.3)


def test_every_message_of_a_round_belongs_to_its_bar(warm: Desk) -> None:
    warm.bar(100.0)
    outputs = warm.book()
    request = messages(outputs, DecisionRequest)[0]
    for seat, answer in BULLISH.items():
        outputs += warm.answer(seat, request, *answer)
    assert {envelope.header.correlation_id for envelope in outputs} == {
        of(outputs, DecisionMade)[0].header.correlation_id
    }
    assert outputs[0].header.correlation_id.startswith("market:")


def release_pair() -> tuple[Desk, float]:
    """Return two instruments that move alike and crash, the second one a bar later, and its close.

    No member has evidence: the seats abstain or say the prior, and adaptability has no weight. No stop ends a position
    before it can be hedged.
    """
    desk = Desk(PadsConfig.model_validate({**SHORT, "adaptability_weight": 0.0, "care": {"enabled": False}}))
    quiet = drifting(60)
    closes = [*quiet, *crash(quiet[-1])]
    for number, close in enumerate(closes):
        desk.reject(desk.round(close, None, "A"))
        if number < len(closes) - 1:
            desk.reject(desk.round(close / 2, None, "B"))
    return desk, closes[-1] / 2


def test_a_position_kept_in_release_is_hedged_in_the_other_instrument() -> None:
    desk, close = release_pair()
    outputs = desk.round(close, None, "B", positions={"B": "20"})
    made, order = decision(outputs), only(outputs, OrderProposed).order
    assert made.action is Action.HEDGE
    assert (made.target, made.position, made.order_id) == (Decimal(20), Decimal(20), "B-62-o1")
    assert (order.symbol, order.side, order.bar, order.decision_id) == ("A", Side.SELL, 62, "B-62")
    assert float(order.quantity) == pytest.approx(8.0, rel=0.3)
    assert float(order.reference_price) == pytest.approx(2 * close)


def test_an_instrument_that_has_not_seen_the_bar_is_no_hedge() -> None:
    desk, close = release_pair()
    desk.reject(desk.round(close, None, "B"))
    made = decision(desk.round(2 * close, None, "A", positions={"A": "2"}))
    assert (made.phase, made.action) == (Phase.RELEASE, Action.HOLD)


def test_a_standing_hedge_is_kept() -> None:
    desk, close = release_pair()
    made = decision(desk.round(close, None, "B", positions={"B": "20", "A": "-8"}))
    assert made.action is Action.HOLD


def test_all_seven_actions_are_reached() -> None:
    reached = set()
    for beliefs, position in itertools.product((BULLISH, BEARISH, NEUTRAL), ("0", "40", "-40", "95")):
        for has_shorts in (True, False):
            desk = Desk(PadsConfig.model_validate({"sizing": {"allow_short": has_shorts}}))
            desk.warm_up()
            reached.add(decision(desk.round(100.0, beliefs, positions={"X": position})).action)
    desk, close = release_pair()
    reached.add(decision(desk.round(close, None, "B", positions={"B": "20"})).action)
    assert reached == set(Action)


def test_mirrored_prices_and_beliefs_give_the_mirrored_decision() -> None:
    desks = Desk(), Desk()
    beliefs: list[tuple[Probabilities, float]] = [
        ((0.1, 0.2, 0.7), 0.9),
        ((0.2, 0.5, 0.3), 0.4),
        ((0.5, 0.3, 0.2), 0.6),
    ]
    powers = [(number * 7919) % 13 - 6 for number in range(80)]
    for number in range(80):
        total = sum(powers[: number + 1])
        said = {seat: beliefs[(number + k) % 3] for k, seat in enumerate(SEATS)}
        mirrored: Beliefs = {seat: (p[::-1], c) for seat, (p, c) in said.items()}
        one = decision(desks[0].round(2.0 ** (total / 64), said))
        other = decision(desks[1].round(2.0 ** (-total / 64), mirrored))
        assert other.price == pytest.approx(one.price[::-1], abs=1e-12)
        for desk in desks:
            desk.reject(desk.sent)
        swapped = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}
        assert other.action is swapped.get(one.action, one.action)
