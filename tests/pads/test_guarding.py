"""Guarded positions in whole rounds: stops, sizes, refusals, the last tier, stress, splits."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from bus.message import Envelope
from bus.messages import (
    Action,
    CorporateAction,
    DecisionMade,
    DecisionRequest,
    Order,
    OrderProposed,
    OrderRejected,
    PerformanceFeedback,
    PhaseTransition,
    PositionLevels,
    RiskAlert,
    Side,
    Urgency,
    Verdict,
)
from bus.plain import pack, unpack
from bus.stepper import Stepper
from pads.agent import Pads
from pads.config import PadsConfig
from portfolio.limits import BookLimits
from portfolio.regime import Regime
from tests.keys import VERIFIER
from tests.pads.desk import (
    BEARISH,
    BULLISH,
    LIMITS,
    NEUTRAL,
    ROOMY,
    Beliefs,
    Desk,
    bar_of,
    book_of,
    crash,
    decision,
    drifting,
    messages,
    of,
    only,
)
from tests.pads.test_agent import release_pair, report

D = Decimal


def warm_desk(config: Mapping[str, Any] | None = None, limits: BookLimits = LIMITS, bars: int = 25) -> Desk:
    desk = Desk(PadsConfig.model_validate(config or {}), limits)
    desk.warm_up(bars)
    return desk


def refuse(desk: Desk, outputs: Sequence[Envelope], *rules: str) -> Order:
    """Refuse the one order among outputs by some rules of risk."""
    order = only(outputs, OrderProposed).order
    verdicts = tuple(
        Verdict(gate="risk", rule=rule, passes=False, value=None, limit=None, unit="", detail="test") for rule in rules
    )
    desk.step(OrderRejected(order=order, rejected_by="risk", reason="test", verdicts=verdicts), "risk")
    return order


@pytest.mark.parametrize(("units", "close", "beliefs"), [("40", 95.0, BULLISH), ("-40", 105.0, BEARISH)])
def test_a_stop_ends_the_position_at_once_whatever_is_voted(units: str, close: float, beliefs: Beliefs) -> None:
    desk = warm_desk({"adaptability_weight": 0.0})
    first = desk.round(100.0, None, positions={"X": units})
    assert decision(first).action is Action.HOLD
    said = desk.round(close, beliefs, positions={"X": units})
    made, order = decision(said), only(said, OrderProposed).order
    assert (made.action, made.target) == (Action.EXIT, D(0))
    assert made.choice_reason.startswith(f"safety override, position care: the close {close:g} has reached the stop ")
    assert (order.signed_quantity, order.urgency) == (-D(units), Urgency.URGENT)


def test_after_a_stop_nothing_is_opened_on_its_side_for_some_bars() -> None:
    desk = warm_desk()
    desk.round(100.0, NEUTRAL, positions={"X": "40"})
    desk.reject(desk.round(95.0, BULLISH, positions={"X": "40"}))
    made = [decision(desk.round(95.0 + number % 2, BULLISH)) for number in range(5)]
    assert {each.action for each in made} == {Action.HOLD}
    assert "but a position was given up at bar 26: no more BUY before bar 32" in made[0].choice_reason
    assert decision(desk.round(95.0, BULLISH)).action is Action.BUY


def test_after_a_stop_the_other_side_is_free() -> None:
    desk = warm_desk()
    desk.round(100.0, NEUTRAL, positions={"X": "40"})
    desk.reject(desk.round(95.0, BULLISH, positions={"X": "40"}))
    assert decision(desk.round(95.0, BEARISH)).action is Action.SELL


def test_the_votes_orders_are_of_medium_urgency_and_overrides_urgent(warm: Desk) -> None:
    said = warm.round(100.0, BULLISH, positions={"X": "40"})
    assert only(said, OrderProposed).order.urgency is Urgency.MEDIUM
    warm.reject(said)
    warm.step(RiskAlert(symbol="X", severity=0.9, source="risk", reason="test"), "risk")
    assert only(warm.round(100.0, BULLISH, positions={"X": "40"}), OrderProposed).order.urgency is Urgency.URGENT


def test_levels_are_told_when_drawn_and_when_they_change_and_not_at_every_bar() -> None:
    desk = warm_desk()
    first = desk.round(100.0, NEUTRAL, positions={"X": "40"})
    (envelope,) = of(first, PositionLevels)
    told = only(first, PositionLevels)
    assert (told.symbol, told.bar, told.side, told.entry, told.score) == ("X", 25, Side.BUY, D(100), 0.0)
    assert told.stop < 100
    assert envelope.header.correlation_id == of(first, DecisionMade)[0].header.correlation_id
    assert of(desk.round(100.1, NEUTRAL, positions={"X": "40"}), PositionLevels) == []
    later = only(desk.round(104.0, NEUTRAL, positions={"X": "40"}), PositionLevels)
    assert later.stop > told.stop
    assert of(desk.round(104.0, NEUTRAL), PositionLevels) == []


def test_a_target_takes_its_share_and_no_vote_takes_it_back() -> None:
    """Prices rise from 97 to 104 and come back some way, and the position is opened there."""
    closes = [100.0, 100.1] * 12 + [99.0, 98.0, 97.0, 98.0, 99.5, 101.0, 102.5, 104.0, 103.0, 102.5, 102.0]
    config = {"sizing": {"max_position_fraction": 0.2}, "adaptability_weight": 0.0}
    desk = Desk(PadsConfig.model_validate(config), ROOMY)
    for close in closes:
        desk.reject(desk.round(close, None))
    told = only(desk.round(102.0, None, positions={"X": "100"}), PositionLevels)
    targets = [each for each in told.levels if each.kind == "extension"]
    first = float(targets[0].price)
    said = desk.round(first + 0.1, None, positions={"X": "100"})
    made = decision(said)
    assert (made.action, made.target) == (Action.DECREASE, D(40))
    assert f"target 1 of 3 at {first:.6g} is reached" in made.choice_reason
    assert only(said, OrderProposed).order.urgency is Urgency.MEDIUM
    desk.step(report(only(said, OrderProposed).order), "execution")
    assert decision(desk.round(first, BULLISH, positions={"X": "40"})).action is Action.HOLD


def test_a_position_grows_no_larger_than_its_stop_lets_it_be() -> None:
    free = decision(warm_desk().round(100.0, BULLISH))
    capped = decision(warm_desk({"care": {"risk_per_trade": 0.001}}).round(100.0, BULLISH))
    assert (free.action, capped.action) == (Action.BUY, Action.BUY)
    assert capped.target < free.target
    assert "but at its stop a larger position would lose more than 0.10% of equity" in capped.choice_reason
    desk = warm_desk()
    told = only(desk.round(100.0, NEUTRAL, positions={"X": "1"}), PositionLevels)
    expected = 0.001 * 100_000.0 / (100.0 - float(told.stop))
    assert float(capped.target) == pytest.approx(expected, rel=1e-3)


def test_a_refused_side_is_left_alone_for_some_bars() -> None:
    desk = warm_desk()
    order = refuse(desk, desk.round(100.0, BULLISH), "position_weight", "message_rate")
    assert order.bar == 25
    made = [decision(desk.round(100.0 + number % 2, BULLISH)) for number in range(5)]
    assert {each.action for each in made} == {Action.HOLD}
    assert "but risk refused growth at bar 25 (position_weight): no more BUY before bar 31" in made[4].choice_reason
    assert decision(desk.round(100.0, BULLISH)).action is Action.BUY


@pytest.mark.parametrize(
    ("config", "rules", "position", "beliefs", "action"),
    [
        ({}, ("message_rate",), "0", BULLISH, Action.BUY),
        ({}, ("deadline", "delivery"), "0", BULLISH, Action.BUY),
        ({"refusal_bars": 0}, ("position_weight",), "0", BULLISH, Action.BUY),
        ({}, ("position_weight",), "0", BEARISH, Action.SELL),
        ({}, ("position_weight",), "-40", BULLISH, Action.EXIT),
        ({}, ("position_weight",), "95", BULLISH, Action.DECREASE),
        ({}, ("position_weight",), "40", BULLISH, Action.HOLD),
    ],
)
def test_only_lasting_refusals_bar_only_growth_on_their_own_side(
    config: dict[str, Any], rules: tuple[str, ...], position: str, beliefs: Beliefs, action: Action
) -> None:
    desk = warm_desk(config)
    refuse(desk, desk.round(100.0, BULLISH), *rules)
    assert decision(desk.round(100.0, beliefs, positions={"X": position})).action is action


def test_a_refused_reduction_bars_nothing() -> None:
    desk = warm_desk()
    refuse(desk, desk.round(100.0, BULLISH, positions={"X": "95"}), "restricted")
    assert decision(desk.round(100.0, BULLISH, positions={"X": "95"})).action is Action.DECREASE


def test_a_refused_hedge_is_not_asked_for_again() -> None:
    desk, close = release_pair()
    held = {"B": "20"}
    hedge = refuse(desk, desk.round(close, None, "B", positions=held), "sector_weight")
    assert hedge.symbol == "A"
    desk.reject(desk.round(2 * close, None, "A", positions=held))
    assert decision(desk.round(close, None, "B", positions=held)).action is Action.HOLD


def drawn_down(desk: Desk, close: float, positions: Mapping[str, str], beliefs: Beliefs) -> DecisionMade:
    """Play a bar whose book has lost exactly the last tier's share of its peak."""
    outputs = desk.bar(close)
    desk.version += 1
    book = book_of(desk.version, "X", desk._bars["X"], positions, "85000")
    outputs += desk.step(book.model_copy(update={"peak_equity": D(100000)}), "execution")
    for envelope in of(outputs, DecisionRequest):
        assert isinstance(envelope.message, DecisionRequest)
        belief, confidence = beliefs[envelope.header.recipient or ""]
        outputs += desk.answer(envelope.header.recipient or "", envelope.message, belief, confidence)
    return decision(outputs)


@pytest.mark.parametrize(
    ("units", "beliefs", "action"),
    [("0", BULLISH, Action.HOLD), ("20", BULLISH, Action.HOLD), ("20", BEARISH, Action.EXIT)],
)
def test_in_the_last_tier_only_what_shrinks_is_proposed(units: str, beliefs: Beliefs, action: Action) -> None:
    made = drawn_down(warm_desk(), 100.0, {"X": units}, beliefs)
    assert made.action is action
    assert "the last tier lets only what shrinks pass" in made.choice_reason


def test_the_largest_position_is_what_the_book_allows() -> None:
    limits = LIMITS.model_copy(update={"position_weight": D("0.05")})
    assert decision(warm_desk(limits=limits).round(100.0, BULLISH)).target == D(50)
    assert decision(warm_desk().round(100.0, BULLISH)).target == D(80)


def test_stress_leaves_less_and_agrees_with_the_regime_of_the_same_bars() -> None:
    limits = LIMITS.model_copy(update={"position_weight": D("0.05")})
    desk, regime = Desk(PadsConfig.model_validate({"care": {"enabled": False}}), limits), Regime(LIMITS.regime)
    quiet = drifting(300, drift=0.0)
    closes = [*quiet, *(quiet[-1] * math.exp(0.04 * (-1) ** number) for number in range(6))]
    for close in closes:
        regime.take(close)
        said = desk.round(close, BULLISH)
        desk.reject(said)
    assert 0.5 <= regime.factor < 0.9
    bought = float(decision(said).target) * closes[-1] / 100_000.0
    assert bought == pytest.approx(0.05 * regime.factor, rel=1e-5)


def split_bar(desk: Desk, close: float, split: str) -> list[Envelope]:
    desk._bars["X"] += 1
    action = CorporateAction(split=D(split))
    return desk.step(bar_of(close, "X", desk._bars["X"]).model_copy(update={"action": action}), "market")


def test_a_split_is_no_move() -> None:
    """The same market twice: one share of it becomes four at bar 70."""
    closes = drifting(130, scale=0.01)
    decided: list[list[DecisionMade]] = []
    settled: list[list[PerformanceFeedback]] = []
    for split in (1, 4):
        desk = Desk()
        for number, close in enumerate(closes):
            factor = split if number >= 70 else 1
            said = split_bar(desk, close / factor, str(split)) if number == 70 else desk.bar(close / factor)
            said += desk.book()
            for request in messages(said, DecisionRequest)[:1]:
                for seat, answer in BULLISH.items():
                    said += desk.answer(seat, request, *answer)
            desk.reject(said)
        decided.append(messages(desk.sent, DecisionMade))
        settled.append(messages(desk.sent, PerformanceFeedback))
    for one, other in zip(*decided, strict=True):
        assert (one.action, one.phase, one.is_quorate) == (other.action, other.phase, other.is_quorate)
        assert one.band == pytest.approx(other.band, rel=1e-9)
        times = 4 if one.bar >= 70 else 1
        assert float(other.target) == pytest.approx(times * float(one.target), abs=1e-3 * times)
    for feedback, same in zip(*settled, strict=True):
        assert feedback.realized_return == pytest.approx(same.realized_return, abs=1e-9)


def test_a_guard_outlives_a_split() -> None:
    desk = warm_desk()
    before = only(desk.round(100.0, NEUTRAL, positions={"X": "40"}), PositionLevels)
    split_bar(desk, 25.0, "4")
    desk.version += 1
    book = book_of(desk.version, "X", desk._bars["X"], {"X": "160"}, "100000")
    held = book.positions[0].model_copy(update={"average_price": D(25), "last_price": D(25)})
    said = desk.step(book.model_copy(update={"positions": (held,)}), "execution")
    assert of(said, PositionLevels) == []
    assert len(of(said, DecisionRequest)) == 3
    for request in messages(said, DecisionRequest)[:1]:
        for seat, (belief, confidence) in NEUTRAL.items():
            desk.answer(seat, request, belief, confidence)
    outputs = desk.bar(0.999 * float(before.stop) / 4)
    desk.version += 1
    book = book_of(desk.version, "X", desk._bars["X"], {"X": "160"}, "100000")
    outputs += desk.step(book.model_copy(update={"positions": (held,)}), "execution")
    for request in messages(outputs, DecisionRequest)[:1]:
        for seat, (belief, confidence) in NEUTRAL.items():
            outputs += desk.answer(seat, request, belief, confidence)
    made = decision(outputs)
    assert (made.action, made.target) == (Action.EXIT, D(0))


def test_a_stop_holds_after_a_hole_in_the_data() -> None:
    """A stop is but a price: with bars missing there is no round, and the stop is watched all the same."""
    desk = warm_desk()
    desk.round(100.0, NEUTRAL, positions={"X": "40"})
    outputs = desk.bar(99.5, bar=60) + desk.book(positions={"X": "40"})
    assert (decision(outputs).action, of(outputs, OrderProposed)) == (Action.HOLD, [])
    outputs = desk.bar(90.0) + desk.book(positions={"X": "40"})
    made, order = decision(outputs), only(outputs, OrderProposed).order
    assert (made.action, made.target, made.order_id, made.is_quorate) == (Action.EXIT, D(0), "X-61-o1", False)
    assert made.choice_reason.endswith("too little history: the volatility is not defined yet")
    assert (order.signed_quantity, order.urgency) == (D(-40), Urgency.URGENT)
    assert desk.bar(90.0) + desk.book(positions={"X": "40"}) == []
    assert decision(desk.step(report(order), "execution")).bar == 62


def test_hedges_are_not_guarded() -> None:
    config = {"panarchy": {"fast": 8, "meso": 16, "slow": 32, "min_history": 10}, "adaptability_weight": 0.0}
    desk = Desk(PadsConfig.model_validate(config))
    quiet = drifting(60)
    closes = [*quiet, *crash(quiet[-1])]
    for number, close in enumerate(closes):
        desk.reject(desk.round(close, None, "A"))
        if number < len(closes) - 1:
            desk.reject(desk.round(close, None, "B"))
    price = Decimal(repr(closes[-1]))
    desk.bar(closes[-1], "B")
    desk.version += 1
    book = book_of(desk.version, "B", desk._bars["B"], {"B": "20"}, "100000")
    held = book.positions[0].model_copy(update={"average_price": price})
    outputs = desk.step(book.model_copy(update={"positions": (held,)}), "execution")
    for request in messages(outputs, DecisionRequest)[:1]:
        for seat in BULLISH:
            outputs += desk.answer(seat, request, request.prior, 0.5)
    assert decision(outputs).action is Action.HEDGE
    assert {each.symbol for each in messages(outputs, PositionLevels)} == {"B"}
    hedge = only(outputs, OrderProposed).order
    desk.step(report(hedge), "execution")
    said = desk.round(closes[-1] * 1.3, None, "A", positions={"B": "20", "A": str(hedge.signed_quantity)})
    assert of(said, PositionLevels) == []
    assert "position care" not in decision(said).choice_reason
    desk.reject(said)
    split = CorporateAction(split=D(4))
    desk._bars["A"] += 1
    last = bar_of(closes[-1] * 1.3 / 4, "A", desk._bars["A"]).model_copy(update={"action": split})
    desk.step(last, "market")
    assert of(desk.book("A", positions={"B": "20", "A": str(4 * hedge.signed_quantity)}), PositionLevels) == []


def story(desk: Desk, closes: Sequence[float], held: dict[str, Decimal]) -> list[Envelope]:
    """Play bars on which the board trades, gates refuse now and then, and the rest is filled at once."""
    outputs: list[Envelope] = []
    for close in closes:
        number = desk._bars.get("X", -1) + 1
        beliefs = BULLISH if number // 12 % 2 == 0 else BEARISH
        said = desk.round(close, beliefs if number % 3 else NEUTRAL, positions={"X": str(held["X"])})
        for proposed in messages(said, OrderProposed):
            if number % 7 == 0:
                refuse(desk, said, "position_weight")
            else:
                held["X"] += proposed.order.signed_quantity
                desk.step(report(proposed.order), "execution")
        outputs += said
    return outputs


CARE_CHANGES: list[dict[str, Any]] = [
    {"care": {"enabled": False}},
    {"care": {"risk_per_trade": 0.0005}},
    {"care": {"medium": 0.05}},
    {"care": {"high": 0.45}},
    {"care": {"rest_bars": 0}},
    {"refusal_bars": 0},
]
SHORT_SCALES: dict[str, Any] = {"panarchy": {"fast": 8, "meso": 16, "slow": 32, "min_history": 10}}


def scenario(change: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    desk = Desk(PadsConfig.model_validate({**SHORT_SCALES, **change}))
    outputs = story(desk, drifting(160, 3, scale=0.012), {"X": D(0)})
    return [(each.header, each.message) for each in outputs]


@pytest.fixture(scope="module")
def unchanged() -> list[tuple[Any, ...]]:
    return scenario({})


@pytest.mark.parametrize("change", CARE_CHANGES, ids=str)
def test_every_key_of_care_changes_some_output(change: dict[str, Any], unchanged: list[tuple[Any, ...]]) -> None:
    assert scenario(change) != unchanged


def test_the_story_has_stops_targets_and_refusals(unchanged: list[tuple[Any, ...]]) -> None:
    reasons = [message.choice_reason for _, message in unchanged if isinstance(message, DecisionMade)]
    assert [each for each in reasons if "has reached the stop" in each]
    assert [each for each in reasons if "refused growth" in each]
    assert [message for _, message in unchanged if isinstance(message, PositionLevels) and message.levels]
    assert [message for _, message in unchanged if isinstance(message, PhaseTransition)]


@pytest.mark.parametrize("bars", [30, 61, 97, 130])
def test_a_restored_agent_guards_on_exactly_the_same(bars: int) -> None:
    closes = drifting(160, 3, scale=0.012)
    config = PadsConfig.model_validate(SHORT_SCALES)
    desk, held = Desk(config), {"X": D(0)}
    story(desk, closes[:bars], held)
    desk.bar(closes[bars])
    desk.book(positions={"X": str(held["X"])})
    assert desk.stepper.agent.report()["rounds_open"] == 1
    copy = Desk(config)
    copy.stepper = Stepper(Pads("pads", config, LIMITS, VERIFIER))
    copy.stepper.restore(unpack(pack(desk.stepper.snapshot())))
    for name in ("now_ns", "version", "_ids"):
        setattr(copy, name, getattr(desk, name))
    copy._bars = dict(desk._bars)
    rest = []
    for each in (desk, copy):
        outputs = each.pass_time(4.0) + story(each, closes[bars + 1 :], dict(held))
        rest.append([(envelope.header, envelope.message) for envelope in outputs])
    assert rest[0] == rest[1]
    assert pack(desk.stepper.snapshot()) == pack(copy.stepper.snapshot())
