"""The chassis, by way of the smallest seat that can be written on it."""

import math
from typing import Any

import pytest

from bus.agent import Agent
from bus.messages import Action, DecisionRequest, DecisionResponse, PerformanceFeedback
from bus.plain import pack, unpack
from market.belief import tilt
from market.seat import Round, Seat, SeatConfig, View, abstain
from market.window import CLOSE
from tests.seats.driver import Table, bar, feedback, request, walk


class Follower(Seat):
    """Leans with the return of the last five bars."""

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        closes = self.bars(symbol)[:, CLOSE]
        lean = 0.1 * math.log(closes[-1] / closes[-6]) / request.band
        return View(tilt(request.prior, lean), self.credibility(symbol), (("return_5", lean),))


class Scripted(Seat):
    """Says what it was told to say, and remembers what it was taught."""

    def __init__(self, view: View, config: SeatConfig | None = None) -> None:
        super().__init__("scripted", config or SeatConfig(window_bars=1))
        self.view = view
        self.taught: list[tuple[str, Round, PerformanceFeedback]] = []

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        return self.view

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        self.taught.append((symbol, settled, feedback))


def asked(seat: Agent, question: DecisionRequest | None = None) -> tuple[Table, list[Any]]:
    table = Table(seat)
    table.hand(bar(0, walk(1, 1)[0]))
    return table, table.hand(question or request(0))


def test_the_smallest_seat_joins_the_table() -> None:
    table = Table(Follower("follower", SeatConfig(window_bars=6)))
    for row in walk(1, 60):
        response = table.play(row)
    assert response.belief is not None
    assert response.confidence > 0.0
    assert [name for name, _ in response.reasons] == ["return_5"]


def test_the_answer_carries_the_question_and_the_view() -> None:
    view = View((0.1, 0.3, 0.6), 0.7, (("hunch", 1.5),), evidence=[1, 2])
    _, (response,) = asked(Scripted(view), request(0, band=0.01))
    expected = DecisionResponse(
        round_id="SPX-0",
        symbol="SPX",
        bar=0,
        belief=(0.1, 0.3, 0.6),
        confidence=0.7,
        choice=Action.BUY,
        expected_return=0.01 * (0.6 * 2.282 - 0.1 * 2.282),
        reasons=(("hunch", 1.5),),
    )
    assert response == expected


@pytest.mark.parametrize(
    ("own", "expected"), [(None, Action.BUY), (Action.HOLD, Action.HOLD), (Action.EXIT, Action.EXIT)]
)
def test_a_seat_may_choose_by_a_rule_of_its_own(own: Action | None, expected: Action) -> None:
    seat = Scripted(View((0.1, 0.3, 0.6), 0.7, (), choice=own))
    table, (response,) = asked(seat)
    assert isinstance(response, DecisionResponse)
    assert response.choice is expected
    seat.restore(unpack(pack(seat.snapshot())))
    table.hand(feedback(0, 1, 1, 0.02, 0.005))
    assert len(seat.taught) == 1


def test_a_settled_round_is_taught_with_its_evidence() -> None:
    seat = Scripted(View((0.1, 0.3, 0.6), 0.7, (), evidence=[1, 2]))
    table, _ = asked(seat)
    message = feedback(0, 1, 1, 0.02, 0.005)
    table.hand(message)
    assert [(symbol, settled.view.evidence, taught) for symbol, settled, taught in seat.taught] == [
        ("SPX", [1, 2], message)
    ]
    table.hand(message)
    assert len(seat.taught) == 1


def test_an_abstention_is_not_taught() -> None:
    seat = Scripted(abstain("shy"))
    table, (response,) = asked(seat)
    assert (response.belief, response.confidence, response.choice) == (None, 0.0, Action.HOLD)
    table.hand(feedback(0, 1, 1, 0.02, 0.005))
    assert seat.taught == []
    assert seat.report() == {"answers": 0, "abstentions": 1, "open_rounds": 0}


@pytest.mark.parametrize(
    "view",
    [
        View((0.5, 0.5, 0.5), 0.5, ()),
        View((math.nan, 0.5, 0.5), 0.5, ()),
        View((-0.1, 0.6, 0.5), 0.5, ()),
        View((0.3, 0.4, 0.3), 1.5, ()),
        View((0.3, 0.4, 0.3), math.nan, ()),
        View((0.3, 0.4, 0.3), 0.5, (("nothing", math.inf),)),
    ],
)
def test_a_view_that_is_no_belief_is_counted_and_leaves_nothing_behind(view: View) -> None:
    seat = Scripted(view)
    table, answers = asked(seat)
    assert answers == []
    assert table.stepper.counters["invalid"] == 1
    assert "scripted: " in table.stepper.last_invalid
    assert "correct believe()" in table.stepper.last_invalid
    assert seat.report() == {"answers": 0, "abstentions": 0, "open_rounds": 0}


def test_a_seat_without_believe_says_so() -> None:
    table = Table(Seat("blank", SeatConfig(window_bars=1)))
    table.hand(bar(0, walk(1, 1)[0]))
    with pytest.raises(NotImplementedError, match="believe"):
        table.hand(request(0))


def test_credibility_is_the_posterior_of_seat_against_prior() -> None:
    config = SeatConfig(window_bars=1, initial_confidence=0.2, score_discount=0.5)
    seat = Scripted(View((0.1, 0.3, 0.6), 0.5, ()), config)
    table, _ = asked(seat)
    assert seat.credibility("SPX") == pytest.approx(0.2)
    table.hand(feedback(0, 1, 1, 0.02, 0.005))
    gain = math.log(0.6 / 0.3)
    odds = 0.2 / 0.8 * math.exp(gain)
    assert seat.credibility("SPX") == pytest.approx(odds / (1 + odds))
    table.hand(bar(1, walk(1, 1)[0]))
    table.hand(request(1, settled=1, horizon=2))
    table.hand(feedback(1, 3, 2, -0.02, 0.005))
    odds = 0.2 / 0.8 * math.exp(0.5 * gain + math.log(0.1 / 0.3) / 2)
    assert seat.credibility("SPX") == pytest.approx(odds / (1 + odds))


def test_a_seat_that_is_always_wrong_loses_all_credibility_and_no_more() -> None:
    config = SeatConfig(window_bars=1, score_discount=1.0)
    seat = Scripted(View((0.0, 0.0, 1.0), 0.5, ()), config)
    table = Table(seat)
    for number in range(300):
        table.hand(bar(number, walk(1, 1)[0]))
        table.hand(request(number, settled=number))
        table.hand(feedback(number, number + 1, number + 1, -0.02, 0.005))
    assert 0.0 <= seat.credibility("SPX") < 1e-100


def test_the_expected_return_follows_the_sizes_of_past_moves() -> None:
    seat = Scripted(View((0.25, 0.25, 0.5), 0.5, ()))
    table, (first,) = asked(seat, request(0, band=0.01))
    table.hand(feedback(0, 1, 1, 0.08, 0.01))
    table.hand(bar(1, walk(1, 1)[0]))
    (second,) = table.hand(request(1, settled=1, band=0.01))
    assert isinstance(second, DecisionResponse)
    assert first.expected_return == pytest.approx(0.01 * 2.282 * 0.25)
    assert second.expected_return == pytest.approx(0.01 * (0.5 * (2.282 + 8.0) / 2 - 0.25 * 2.282))
