"""What seats tell beside their beliefs: dangers and suspected phases, and what follows from them."""

from decimal import Decimal
from functools import cache
from typing import NamedTuple

import pytest

from bus.messages import (
    Action,
    DecisionMade,
    DecisionRequest,
    OrderProposed,
    PerformanceFeedback,
    Phase,
    PhaseTransition,
    RiskAlert,
)
from pads.agent import Pads
from pads.board import Board
from pads.config import PadsConfig
from pads.instrument import Instrument
from tests.pads.desk import BULLISH, NEUTRAL, SHORT, Beliefs, Desk, crash, decision, drifting, messages, of, only

HELD = {"X": "40"}


def instrument_of(desk: Desk) -> Instrument:
    agent = desk.stepper.agent
    assert isinstance(agent, Pads)
    return agent._chair.instruments["X"]


def undecided() -> tuple[Desk, Phase]:
    """Return a desk in a phase that another one outscores, though not by the margin, and that other phase."""
    desk = Desk(PadsConfig.model_validate(SHORT))
    for close in drifting(400, seed=6, scale=0.02):
        desk.reject(desk.round(close, NEUTRAL))
        scale = instrument_of(desk).panarchy.operating
        if scale is None or scale.phase is None or scale.scores is None or len(messages(desk.sent, DecisionMade)) < 60:
            continue
        best = max(Phase, key=scale.score)
        if best is not scale.phase and scale.score(best) >= 0.45:
            return desk, best
    raise AssertionError("the walk never came to such a bar")


def test_a_danger_told_in_an_answer_counts_for_this_very_decision_and_only_this_one(warm: Desk) -> None:
    said = warm.round(100.0, BULLISH, positions=HELD, severities={"quasar": 0.9, "qbmia": 0.2})
    assert (decision(said).action, decision(said).target) == (Action.DECREASE, Decimal(20))
    assert decision(said).choice_reason.startswith("safety override, alert of severity 0.9")
    warm.reject(said)
    assert decision(warm.round(100.0, BULLISH, positions=HELD)).action is Action.INCREASE


@pytest.mark.parametrize("seat", sorted(BULLISH))
def test_the_worst_danger_counts_whoever_tells_it(warm: Desk, seat: str) -> None:
    severities = dict.fromkeys(BULLISH, 0.1) | {seat: 0.81}
    assert decision(warm.round(100.0, BULLISH, positions=HELD, severities=severities)).action is Action.DECREASE


def test_a_danger_counts_without_a_belief_and_below_the_quorum(warm: Desk) -> None:
    silent = dict.fromkeys(BULLISH, (None, 0.0))
    made = decision(warm.round(100.0, silent, positions=HELD, severities={"qbmia": 1.0}))
    assert (made.action, made.is_quorate) == (Action.DECREASE, False)


def test_a_danger_counts_beside_a_belief_that_is_none(warm: Desk) -> None:
    broken: Beliefs = {**BULLISH, "qbmia": ((0.5, 0.5, 0.5), 1.0)}
    made = decision(warm.round(100.0, broken, positions=HELD, severities={"qbmia": 1.0}))
    assert made.action is Action.DECREASE
    assert warm.stepper.agent.report()["responses_malformed"] == 1


def test_what_risk_says_of_a_book_is_known_and_a_spent_budget_counts_from_the_next_bar(warm: Desk) -> None:
    told = RiskAlert(symbol="*", severity=1.0, source="risk", reason="drawdown", portfolio_version=warm.version)
    appetites = []
    for is_told in (True, False):
        if is_told:
            warm.step(told, "risk")
        appetites.append(decision(warm.round(100.0, NEUTRAL)).appetite)
    assert appetites[0] == appetites[1]
    assert warm.stepper.agent.report()["alerts_known"] == 1
    spent = decision(warm.round(100.0, NEUTRAL, equity="80000", peak="100000"))
    after = decision(warm.round(100.0, NEUTRAL, equity="80000", peak="100000"))
    assert spent.appetite == appetites[0] > after.appetite


def test_an_alert_weighs_the_same_whether_the_bar_or_its_book_comes_first() -> None:
    appetites = []
    for is_bar_first in (True, False):
        desk = Desk()
        desk.warm_up()
        for number in (25, 26):  # the second finds an appetite that a bar restores
            alert = RiskAlert(symbol="*", severity=0.9, source="execution", reason="x", portfolio_version=desk.version)
            desk.step(alert, "execution")
            outputs = [] if is_bar_first else desk.book(bar=number)
            outputs += desk.bar(100.0)
            outputs += desk.book() if is_bar_first else []
            appetites.append(messages(outputs, DecisionRequest)[0].appetite)
            desk.pass_time(3.0)
    assert appetites[:2] == appetites[2:]
    assert appetites[0] > appetites[1]


def test_what_a_seat_broadcasts_it_has_told_already(warm: Desk) -> None:
    for source in ("qbmia", "risk"):
        warm.step(RiskAlert(symbol="*", severity=0.9, source=source, reason="test"), source)
        said = warm.round(100.0, BULLISH, positions=HELD)
        assert decision(said).action is (Action.INCREASE if source == "qbmia" else Action.DECREASE)
        warm.reject(said)
    assert warm.stepper.agent.report()["alerts_known"] == 1


def appetites(desk: Desk, severities: list[dict[str, float]]) -> list[float]:
    found = []
    for number, told in enumerate(severities):
        said = desk.round(100.0 + number % 2, NEUTRAL, severities=told)
        found.append(decision(said).appetite)
        desk.reject(said)
    return found


def test_each_danger_that_becomes_severe_lowers_the_appetite_once() -> None:
    desk = Desk()
    desk.warm_up()
    severe = {"qbmia": 0.9}
    found = appetites(desk, [{}, severe, severe, severe | {"quasar": 0.9}, {}, severe, {}])
    factors = [appetite / 0.7 for appetite in found]
    expected = [1.0]
    for alerts in (0, 1, 0, 1, 0, 1):
        expected.append(min(expected[-1] * 0.8**alerts + 0.02, 1.0))
    assert factors == pytest.approx([1.0, *expected[1:]])


def test_a_suspected_phase_that_the_scores_bear_out_is_entered_and_told() -> None:
    desk, phase = undecided()
    before = instrument_of(desk).phase
    weights = list(instrument_of(desk).weights)
    scale = instrument_of(desk).panarchy.operating
    assert scale is not None
    changed = instrument_of(desk).suspect(phase, "quasar")
    assert changed is not None
    assert (changed.previous, changed.phase) == (before, phase)
    assert changed.reason.startswith("suspected by quasar; meso: ")
    initial = Board(desk.config).initial_weights
    renewed = [0.9 * w + 0.1 * begun for w, begun in zip(weights, initial, strict=True)]
    assert instrument_of(desk).weights == pytest.approx(renewed)


class Scouted(NamedTuple):
    """The bar before which a phase can be suspected, that phase, the current one, and the one that scores least."""

    bar: int
    phase: Phase
    current: Phase
    worst: Phase


@cache
def scouted() -> Scouted:
    desk, phase = undecided()
    instrument = instrument_of(desk)
    scale = instrument.panarchy.operating
    assert scale is not None
    return Scouted(instrument.bar, phase, instrument.phase, min(Phase, key=scale.score))


def flow(phases: dict[str, Phase], *, is_late: bool = False) -> tuple[Desk, list[PhaseTransition]]:
    """Play up to the bar before which a phase could be suspected, and answer that bar with suspicions."""
    bars = scouted().bar
    desk = Desk(PadsConfig.model_validate(SHORT))
    closes = drifting(400, seed=6, scale=0.02)
    for close in closes[:bars]:
        desk.reject(desk.round(close, NEUTRAL))
    if is_late:
        outputs = desk.bar(closes[bars]) + desk.book()
        for seat, suspected in phases.items():
            desk.answer(seat, messages(outputs, DecisionRequest)[0], (0.3, 0.4, 0.3), 0.5, suspected=suspected)
        desk.bar(closes[bars])
        outputs = desk.pass_time(3.0)
    else:
        outputs = desk.round(closes[bars], NEUTRAL, suspected=phases)
        desk.reject(outputs)
    return desk, [each for each in messages(outputs, PhaseTransition) if "suspected" in each.reason]


def test_a_report_lowers_the_margin_and_is_broadcast_after_the_decision() -> None:
    phase = scouted().phase
    desk, changed = flow({"quasar": phase, "qbmia": phase})
    assert [(each.previous, each.phase) for each in changed] == [(scouted().current, phase)]
    assert changed[0].reason.startswith("suspected by qbmia, quasar; meso: ")
    assert type(desk.sent[-1].message) is PhaseTransition
    assert messages(desk.sent, DecisionMade)[-1].phase is scouted().current
    assert desk.stepper.agent.report()["phase_reports_validated"] == 2
    asked = messages(desk.bar(float(instrument_of(desk).close)) + desk.book(), DecisionRequest)[0]
    assert asked.phase is messages(desk.sent, PhaseTransition)[-1].phase


@pytest.mark.parametrize("seats", [(), ("qbmia",)], ids=["no report", "of the current one"])
def test_without_a_report_of_another_phase_nothing_changes(seats: tuple[str, ...]) -> None:
    desk, changed = flow(dict.fromkeys(seats, scouted().current))
    assert changed == []
    assert instrument_of(desk).phase is not scouted().phase
    report = desk.stepper.agent.report()
    assert (report["phase_reports_validated"], report["phase_reports_refused"]) == (0, 0)


def test_reports_that_disagree_leave_the_better_one_right() -> None:
    desk, changed = flow({"qbmia": scouted().worst, "quasar": scouted().phase})
    assert [each.phase for each in changed] == [scouted().phase]
    report = desk.stepper.agent.report()
    assert (report["phase_reports_validated"], report["phase_reports_refused"]) == (1, 1)


def test_a_report_that_the_scores_do_not_bear_out_is_refused_and_counted() -> None:
    desk, changed = flow({"qbmia": scouted().worst})
    assert changed == []
    assert desk.stepper.agent.report()["phase_reports_refused"] == 1


def test_a_report_about_a_bar_that_is_not_the_last_is_stale() -> None:
    phase = scouted().phase
    desk, changed = flow({"quasar": phase, "qbmia": phase}, is_late=True)
    assert changed == []
    assert desk.stepper.agent.report()["phase_reports_refused"] == 2


def test_an_asked_round_changes_neither_phase_nor_appetite() -> None:
    desk, phase = undecided()
    appetite = instrument_of(desk).appetite
    request = messages(desk.ask(), DecisionRequest)[0]
    for seat in BULLISH:
        desk.answer(seat, request, (0.3, 0.4, 0.3), 0.5, suspected=phase, severity=1.0)
    assert instrument_of(desk).phase is not phase
    assert instrument_of(desk).appetite == appetite
    assert desk.stepper.agent.report()["phase_reports_validated"] == 0


def test_a_change_of_phase_gives_back_a_share_of_what_was_earned() -> None:
    found = []
    for share in (0.0, 0.3):
        desk = Desk(PadsConfig.model_validate({**SHORT, "reweigh": share}))
        quiet = drifting(60)
        for close in quiet:
            desk.reject(desk.round(close, BULLISH))
        before = list(instrument_of(desk).weights)
        said = desk.round(crash(quiet[-1])[0], BULLISH)
        assert only(said, PhaseTransition).phase is Phase.RELEASE
        settled = [score.weight for score in only(said, PerformanceFeedback).scores[:-1]]
        assert settled != before
        found.append((settled, [view.weight for view in decision(said).members[:-1]]))
    initial = Board(desk.config).initial_weights
    assert found[0][0] == found[0][1]
    assert found[1][1] == pytest.approx([0.7 * w + 0.3 * b for w, b in zip(found[1][0], initial, strict=True)])


@pytest.mark.parametrize(("position", "close"), [("10", 70.0), ("-10", 140.0)])
def test_a_black_swan_ends_the_position_whatever_the_board_says(position: str, close: float) -> None:
    config = {"swan": {"window": 120, "min_returns": 100}}
    desk = Desk(PadsConfig.model_validate(config))
    for each in drifting(110, close=100.0, drift=0.0):
        desk.reject(desk.round(each, NEUTRAL))
    beliefs = BULLISH if position == "10" else dict.fromkeys(BULLISH, ((0.7, 0.2, 0.1), 0.9))
    said = desk.round(close, beliefs, positions={"X": position})
    made = decision(said)
    assert (made.action, made.target) == (Action.EXIT, Decimal(0))
    assert made.choice_reason.startswith("safety override, black swan: a move against the position of probability ")
    assert only(said, OrderProposed).order.signed_quantity == -Decimal(position)
    desk.reject(said)
    assert of(desk.round(close, beliefs, positions={"X": position}), DecisionMade)
    assert "black swan" not in messages(desk.sent, DecisionMade)[-1].choice_reason


def test_neutral_seats_at_the_prior_trade_nothing() -> None:
    config = PadsConfig.model_validate({"adaptability_weight": 0.0, "care": {"enabled": False}})
    for positions in ({}, {"X": "40"}, {"X": "-40"}, {"X": "90"}):
        desk = Desk(config)
        for close in drifting(60, drift=0.004):
            said = desk.round(close, None, positions=positions)
            made = decision(said)
            assert (made.action, made.order_id) == (Action.HOLD, None)
            if made.is_quorate:
                assert made.price == pytest.approx(made.prior, abs=1e-15)
                assert "the board's price is the prior" in made.choice_reason
