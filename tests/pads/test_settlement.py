import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Action, DecisionMade, Outcome
from pads.board import ABSENT, Board, Opinion
from pads.config import PadsConfig
from pads.decision import make
from pads.settlement import Pending, Settlement, settle
from pads.sizing import Choice
from tests.pads.test_board import EXAMPLE, PRIOR
from tests.pads.test_rounds import request

BOARD = Board(PadsConfig())


def made(answers: dict[str, Opinion] | None = None, *, is_open: bool = True) -> DecisionMade:
    trade = BOARD.trade(PRIOR, EXAMPLE if answers is None else answers, ABSENT, BOARD.initial_weights, is_open=is_open)
    choice = Choice(Action.HOLD, Decimal(0), "", 0.5, 0.0)
    return make(request(), trade, choice, BOARD.liquidity, None, is_quorate=is_open)


def settled(decision: DecisionMade, log_return: float) -> Settlement:
    return settle(Pending(decision, 100.0), 100.0 * math.exp(log_return), BOARD.initial_weights, BOARD, 4)


@pytest.mark.parametrize(
    ("log_return", "outcome"),
    [(0.0101, Outcome.UP), (0.0099, Outcome.FLAT), (-0.0099, Outcome.FLAT), (-0.0101, Outcome.DOWN)],
)
def test_the_outcome_is_told_by_the_band_of_the_request(log_return: float, outcome: Outcome) -> None:
    feedback = settled(made(), log_return).feedback
    assert feedback.outcome is outcome
    assert feedback.realized_return == pytest.approx(log_return)


def test_scores_are_logs_of_what_was_given_to_the_outcome() -> None:
    decision = made()
    feedback = settled(decision, 0.02).feedback
    scores = {score.member: score for score in feedback.scores}
    assert scores["qar"].log_score == pytest.approx(math.log(0.5))
    assert scores["antifragility"].log_score == pytest.approx(math.log(0.1))
    assert scores["adaptability"].log_score is None
    assert scores["market_maker"].log_score == pytest.approx(math.log(0.3))
    assert feedback.prior_log_score == pytest.approx(math.log(0.3))
    assert feedback.board_log_score == pytest.approx(math.log(decision.price[2]))


def test_profits_are_shares_of_the_outcome_less_cost() -> None:
    decision = made()
    feedback = settled(decision, -0.02).feedback
    for view, score in zip(decision.members, feedback.scores, strict=True):
        assert score.profit == view.shares[0] - view.cost


def test_all_profits_with_the_makers_sum_to_zero() -> None:
    feedback = settled(made(), 0.02).feedback
    assert math.fsum(score.profit for score in feedback.scores) == pytest.approx(0.0, abs=1e-10)


def test_the_weights_move_to_those_who_were_right() -> None:
    after = settled(made(), 0.02)
    by_name = dict(zip(BOARD.traders, after.weights, strict=True))
    assert by_name["qar"] > 0.30
    assert by_name["antifragility"] < 0.20
    assert by_name["adaptability"] == 0.10
    assert math.fsum(after.weights) == pytest.approx(1.0)
    assert [score.weight for score in after.feedback.scores] == [*after.weights, 0.0]


def test_the_feedback_names_the_bar_that_settled_it_and_counts() -> None:
    feedback = settled(made(), 0.0).feedback
    assert (feedback.decision_id, feedback.bar, feedback.settled) == ("X-7", 12, 4)


def test_a_round_that_did_not_trade_scores_but_pays_nothing() -> None:
    after = settled(made(is_open=False), 0.02)
    assert [score.profit for score in after.feedback.scores] == [0.0] * 6
    assert after.feedback.identity_error == 0.0
    assert after.weights != list(BOARD.initial_weights)


def test_the_move_is_told_in_bands() -> None:
    assert settled(made(), 0.03).move == pytest.approx(3.0)


@settings(deadline=None)
@given(st.floats(-0.2, 0.2), st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3))
def test_the_identity_holds(log_return: float, confidences: list[float]) -> None:
    answers = {
        seat: Opinion(opinion.belief, confidence)
        for (seat, opinion), confidence in zip(EXAMPLE.items(), confidences, strict=True)
    }
    assert settled(made(answers), log_return).feedback.identity_error < 1e-9
