"""Boards that have lost their variety: one member with all the weight, members of one mind, members without any."""

import math

import pytest

from bus.message import Probabilities
from pads.board import ABSENT, Board, Opinion
from pads.config import PadsConfig

PRIOR = (0.3, 0.4, 0.3)
BELIEF = (0.1, 0.3, 0.6)


@pytest.fixture
def board() -> Board:
    return Board(PadsConfig())


def collapsed(board: Board, index: int) -> list[float]:
    """Give one trader all the weight."""
    return [1.0 if i == index else 0.0 for i in range(len(board.traders))]


def opinions(board: Board, belief: Probabilities, confidence: float = 0.5) -> dict[str, Opinion]:
    return {seat: Opinion(belief, confidence) for seat in board.seats}


@pytest.mark.parametrize("name", ["qar", "antifragility", "qstar", "adaptability"])
def test_with_all_weight_on_one_trader_the_price_is_its_and_the_prior_s(board: Board, name: str) -> None:
    weights = collapsed(board, board.traders.index(name))
    trade = board.trade(PRIOR, opinions(board, BELIEF), Opinion(BELIEF, 0.5), weights)
    powers = [math.sqrt(q * p) for q, p in zip(PRIOR, BELIEF, strict=True)]
    assert trade.price == pytest.approx([power / sum(powers) for power in powers], abs=1e-12)
    assert [view.stake for view in trade.members[:-1]] == pytest.approx([0.5 * weight for weight in weights])


def test_a_consensus_of_seats_without_weight_has_no_voice(board: Board) -> None:
    weights = collapsed(board, board.traders.index("consensus"))
    trade = board.trade(PRIOR, opinions(board, BELIEF), Opinion(BELIEF, 0.5), weights)
    assert trade.price == pytest.approx(PRIOR, abs=1e-15)


@pytest.mark.parametrize("index", range(5))
def test_collapsed_weights_come_back_by_the_shared_part(board: Board, index: int) -> None:
    weights = board.reweigh(collapsed(board, index), [0.5] * 5)
    assert math.fsum(weights) == pytest.approx(1.0, abs=1e-12)
    assert all(weight > 0.0 for weight in weights)


def test_members_of_one_mind_agree_with_themselves_and_pay_each_other_nothing(board: Board) -> None:
    trade = board.trade(PRIOR, opinions(board, BELIEF), Opinion(BELIEF, 0.5), board.initial_weights)
    consensus = trade.members[board.traders.index("consensus")]
    assert consensus.belief == pytest.approx(BELIEF)
    assert consensus.confidence == pytest.approx(1.0)
    share = (trade.price[2] - PRIOR[2]) / (BELIEF[2] - PRIOR[2])
    assert 0.0 < share < 1.0
    for k in range(3):
        earned = sum(view.shares[k] - view.cost for view in trade.members[:-1])
        assert earned == pytest.approx(board.liquidity * math.log(trade.price[k] / PRIOR[k]), abs=1e-9)
    assert board.reweigh(board.initial_weights, [BELIEF[2]] * 5) == pytest.approx(board.initial_weights)


def test_members_who_say_the_prior_trade_nothing(board: Board) -> None:
    trade = board.trade(PRIOR, opinions(board, PRIOR), Opinion(PRIOR, 1.0), board.initial_weights)
    assert trade.price == pytest.approx(PRIOR, abs=1e-15)
    assert all(abs(share) < 1e-9 for view in trade.members for share in view.shares)


def test_members_without_a_belief_leave_the_prior(board: Board) -> None:
    trade = board.trade(PRIOR, {}, ABSENT, board.initial_weights)
    assert trade.price == pytest.approx(PRIOR, abs=1e-15)
    assert [view.stake for view in trade.members[:-1]] == [0.0] * 5
