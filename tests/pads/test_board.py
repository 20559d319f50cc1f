import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.message import Probabilities
from pads.board import ABSENT, Board, Opinion, is_distribution
from pads.config import PadsConfig, Stake

PRIOR = (0.3, 0.4, 0.3)
EXAMPLE = {
    "qbmia": Opinion((0.2, 0.3, 0.5), 1.0),
    "quasar": Opinion((0.25, 0.25, 0.5), 1.0),
    "quantum_amos": Opinion((0.6, 0.3, 0.1), 1.0),
}
TRADERS = ("qar", "antifragility", "qstar", "consensus", "adaptability")


def distributions() -> st.SearchStrategy[Probabilities]:
    weights = st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
    return weights.map(lambda w: (w[0] / sum(w), w[1] / sum(w), w[2] / sum(w)))


OPINIONS = st.builds(Opinion, distributions() | st.none(), st.floats(0.0, 1.0))
ANSWERS = st.fixed_dictionaries(dict.fromkeys(EXAMPLE, OPINIONS))


def test_the_six_members_and_their_initial_weights() -> None:
    board = Board(PadsConfig())
    trade = board.trade(PRIOR, EXAMPLE, ABSENT, board.initial_weights)
    assert [view.member for view in trade.members] == [*TRADERS, "market_maker"]
    assert board.initial_weights == pytest.approx([0.30, 0.20, 0.25, 0.15, 0.10])


def test_the_example_of_three_agents() -> None:
    config = PadsConfig(consensus_weight=1e-12, adaptability_weight=0.25)
    board = Board(config)
    trade = board.trade(PRIOR, EXAMPLE, ABSENT, [0.30, 0.20, 0.25, 0.0, 0.25])
    assert trade.price == pytest.approx((0.31741528, 0.33533886, 0.34724586), abs=5e-9)
    by_name = {view.member: view for view in trade.members}
    costs = [by_name[name].cost for name in ("qar", "qstar", "antifragility")]
    assert costs == pytest.approx([-1.97161610, -1.59275896, -4.93751984], abs=5e-9)


def test_the_order_of_the_configuration_changes_no_bit() -> None:
    config = PadsConfig()
    expected = Board(config).trade(PRIOR, EXAMPLE, ABSENT, Board(config).initial_weights)
    for order in itertools.permutations(config.stakes.items()):
        board = Board(PadsConfig(stakes=dict(order)))
        answers = dict(reversed(EXAMPLE.items()))
        assert board.trade(PRIOR, answers, ABSENT, board.initial_weights) == expected


@settings(deadline=None)
@given(ANSWERS, OPINIONS, distributions())
def test_the_market_maker_takes_the_other_side_of_every_trade(
    answers: dict[str, Opinion], adaptability: Opinion, prior: Probabilities
) -> None:
    board = Board(PadsConfig())
    *traders, maker = board.trade(prior, answers, adaptability, board.initial_weights).members
    for k in range(3):
        assert math.fsum(view.shares[k] for view in traders) == pytest.approx(-maker.shares[k], abs=1e-9)
    assert math.fsum(view.cost for view in traders) == pytest.approx(-maker.cost, abs=1e-9)
    assert math.fsum(view.stake for view in traders) + maker.stake == pytest.approx(1.0)


@settings(deadline=None)
@given(ANSWERS, OPINIONS, distributions())
def test_profits_sum_to_the_log_ratio_at_every_outcome(
    answers: dict[str, Opinion], adaptability: Opinion, prior: Probabilities
) -> None:
    board = Board(PadsConfig())
    trade = board.trade(prior, answers, adaptability, board.initial_weights)
    for k in range(3):
        profit = math.fsum(view.shares[k] - view.cost for view in trade.members[:-1])
        assert profit == pytest.approx(board.liquidity * math.log(trade.price[k] / prior[k]), abs=1e-9)


def test_an_absent_member_has_no_stake_and_no_shares() -> None:
    board = Board(PadsConfig())
    answers = {**EXAMPLE, "qbmia": ABSENT}
    view = board.trade(PRIOR, answers, ABSENT, board.initial_weights).members[0]
    assert (view.member, view.belief, view.stake, view.shares, view.cost) == ("qar", None, 0.0, (0.0, 0.0, 0.0), 0.0)


def test_neutral_beliefs_leave_the_prior() -> None:
    board = Board(PadsConfig())
    trade = board.trade(PRIOR, dict.fromkeys(EXAMPLE, Opinion(PRIOR, 1.0)), ABSENT, board.initial_weights)
    assert trade.price == pytest.approx(PRIOR, abs=1e-15)


def test_a_closed_market_keeps_beliefs_and_the_prior() -> None:
    board = Board(PadsConfig())
    trade = board.trade(PRIOR, EXAMPLE, ABSENT, board.initial_weights, is_open=False)
    assert trade.price == PRIOR
    assert trade.members[0].belief == pytest.approx((0.2, 0.3, 0.5))
    assert [view.stake for view in trade.members] == [0.0] * 5 + [1.0]


def test_consensus_is_the_weighted_pool_and_agreement_its_confidence() -> None:
    board = Board(PadsConfig())
    same = dict.fromkeys(EXAMPLE, Opinion((0.2, 0.3, 0.5), 0.4))
    agreed = board.trade(PRIOR, same, ABSENT, board.initial_weights).members[3]
    assert agreed.confidence == pytest.approx(1.0)
    assert agreed.belief == pytest.approx((0.2, 0.3, 0.5))
    mixed = board.trade(PRIOR, EXAMPLE, ABSENT, board.initial_weights).members[3]
    pooled = (0.30 * 0.2 + 0.25 * 0.25 + 0.20 * 0.6) / 0.75
    assert mixed.belief is not None
    assert mixed.belief[0] == pytest.approx(pooled)
    assert 0.5 < mixed.confidence < 1.0


def test_one_voice_makes_no_consensus() -> None:
    board = Board(PadsConfig())
    alone = {"qbmia": EXAMPLE["qbmia"]}
    assert board.trade(PRIOR, alone, ABSENT, board.initial_weights).members[3].belief is None


def test_another_seat_joins_with_one_line() -> None:
    stakes = {**PadsConfig().stakes, "example": Stake(member="example", weight=0.25)}
    board = Board(PadsConfig(stakes=stakes))
    assert board.traders == ("example", *TRADERS)
    assert math.fsum(board.initial_weights) == pytest.approx(1.0)
    assert board.initial_weights[0] == pytest.approx(0.2)


def test_weights_follow_the_log_score() -> None:
    board = Board(PadsConfig(alpha=0.0))
    weights = board.reweigh([0.5, 0.25, 0.25, 0.0, 0.0], [0.2, 0.4, 0.6, 0.1, 0.1])
    assert weights == pytest.approx([0.1 / 0.35, 0.1 / 0.35, 0.15 / 0.35, 0.0, 0.0])


def test_a_share_returns_to_the_initial_weights() -> None:
    board = Board(PadsConfig(alpha=0.25))
    weights = board.reweigh([1.0, 0.0, 0.0, 0.0, 0.0], [0.5] * 5)
    assert weights == pytest.approx([0.75 + 0.25 * 0.30, 0.25 * 0.20, 0.25 * 0.25, 0.25 * 0.15, 0.25 * 0.10])


LIKELIHOODS = st.lists(st.floats(1e-3, 1.0) | st.none(), min_size=5, max_size=5)


@given(st.lists(LIKELIHOODS, max_size=50), st.floats(0.0, 1.0))
def test_an_absent_seat_neither_gains_nor_loses(rounds: list[list[float | None]], alpha: float) -> None:
    board = Board(PadsConfig(alpha=alpha))
    weights = list(board.initial_weights)
    for likelihoods in rounds:
        after = board.reweigh(weights, likelihoods)
        kept = [k for k, likelihood in enumerate(likelihoods) if likelihood is None]
        assert [after[k] for k in kept] == [weights[k] for k in kept]
        assert math.fsum(after) == pytest.approx(1.0)
        assert min(after) >= 0.0
        weights = after


@given(st.lists(st.lists(st.floats(1e-3, 1.0), min_size=5, max_size=5), min_size=1, max_size=60))
def test_the_mixtures_regret_against_the_best_seat_is_bounded(rounds: list[list[float]]) -> None:
    board = Board(PadsConfig(alpha=0.0))
    weights = list(board.initial_weights)
    loss, losses = 0.0, [0.0] * 5
    for likelihoods in rounds:
        loss -= math.log(sum(w * p for w, p in zip(weights, likelihoods, strict=True)))
        losses = [total - math.log(p) for total, p in zip(losses, likelihoods, strict=True)]
        weights = board.reweigh(weights, likelihoods)
    for own, initial in zip(losses, board.initial_weights, strict=True):
        assert loss - own <= math.log(1.0 / initial) + 1e-9


def test_a_weight_that_vanished_does_not_break_the_rule() -> None:
    board = Board(PadsConfig(alpha=0.0))
    assert board.reweigh([0.0, 0.0, 0.5, 0.5, 0.0], [0.5, 0.5, None, None, None]) == [0.0, 0.0, 0.5, 0.5, 0.0]


@pytest.mark.parametrize(("belief", "is_one"), [((0.2, 0.3, 0.5), True), ((0.2, 0.3, 0.4), False), ((1, 1, 1), False)])
def test_a_distribution_sums_to_one(belief: Probabilities, is_one: bool) -> None:
    assert is_distribution(belief) is is_one


def test_a_member_of_weight_zero_is_switched_off() -> None:
    """The board with a member off is the board of the others, not one in which that member is silent."""
    board = Board(PadsConfig(consensus_weight=0.0, adaptability_weight=0.0, alpha=0.0))
    assert board.initial_weights == pytest.approx([0.30 / 0.75, 0.20 / 0.75, 0.25 / 0.75, 0.0, 0.0])
    knowing = Opinion((0.01, 0.01, 0.98), 1.0)
    trade = board.trade(PRIOR, EXAMPLE, knowing, board.initial_weights)
    assert [view.stake for view in trade.members[3:5]] == [0.0, 0.0]
    weights = list(board.initial_weights)
    for _ in range(20):
        weights = board.renew(board.reweigh(weights, [0.2, 0.2, 0.2, 0.9, 0.9]), 0.3)
    assert weights == pytest.approx(board.initial_weights)


@given(st.floats(0.0, 1.0), st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5).filter(lambda w: sum(w) > 0))
def test_renewal_moves_every_weight_a_share_of_the_way_back(share: float, weights: list[float]) -> None:
    board = Board(PadsConfig())
    held = [weight / math.fsum(weights) for weight in weights]
    after = board.renew(held, share)
    assert math.fsum(after) == pytest.approx(1.0)
    for new, old, begun in zip(after, held, board.initial_weights, strict=True):
        assert new == pytest.approx(old + share * (begun - old))
    assert board.renew(held, 0.0) == held
