import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import lmsr
from kernels.arrays import Floats
from kernels.lmsr import (
    BELIEF_FLOOR,
    JointTrade,
    consensus,
    cost,
    joint_trade,
    log_pool,
    max_loss,
    pooled_trade,
    price,
)

PRIOR = (0.3, 0.4, 0.3)
BELIEFS = ((0.2, 0.3, 0.5), (0.25, 0.25, 0.5), (0.6, 0.3, 0.1))
STAKES = (0.30, 0.25, 0.20)
LIQUIDITY = 100.0


def example() -> JointTrade:
    return joint_trade(np.array(PRIOR), np.array(BELIEFS), np.array(STAKES), LIQUIDITY)


def distributions(outcomes: int, least: float = 0.0) -> st.SearchStrategy[list[float]]:
    weights = st.lists(st.floats(least, 1.0), min_size=outcomes, max_size=outcomes).filter(lambda w: sum(w) > 0.01)
    return weights.map(lambda w: [each / sum(w) for each in w])


@st.composite
def markets(draw: st.DrawFn) -> tuple[Floats, Floats, Floats, float]:
    outcomes = draw(st.integers(2, 4))
    members = draw(st.integers(1, 7))
    prior = draw(distributions(outcomes, 1e-3))
    beliefs = draw(st.lists(distributions(outcomes), min_size=members, max_size=members))
    raw = draw(st.lists(st.floats(0.0, 1.0), min_size=members, max_size=members))
    stakes = [each / max(1.0, sum(raw)) for each in raw]
    return np.array(prior), np.array(beliefs), np.array(stakes), draw(st.floats(1.0, 1000.0))


def plain_trade(prior: Floats, beliefs: Floats, stakes: Floats, liquidity: float) -> tuple[Floats, Floats, Floats]:
    """Return price, shares and costs by plain numpy: log pool in closed form, the integral by 400 fine panels."""
    floored = np.maximum(beliefs, BELIEF_FLOOR)
    floored = floored / floored.sum(axis=1, keepdims=True)
    shares = liquidity * stakes[:, None] * (np.log(floored) - np.log(prior))
    pooled = np.exp((1 - stakes.sum()) * np.log(prior) + stakes @ np.log(floored))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    panels = 400
    times = ((np.arange(panels)[:, None] + 0.5 * (1 + nodes)) / panels).ravel()
    path = np.log(prior) + times[:, None] * shares.sum(axis=0) / liquidity
    odds = np.exp(path - path.max(axis=1, keepdims=True))
    average = np.tile(weights / (2 * panels), panels) @ (odds / odds.sum(axis=1, keepdims=True))
    return pooled / pooled.sum(), shares, shares @ average


def test_cost_and_price_of_the_first_shares() -> None:
    def at(shares: float) -> Floats:
        return np.array([shares, 0.0])

    assert cost(at(10), LIQUIDITY) - cost(at(0), LIQUIDITY) == pytest.approx(5.1249, abs=5e-5)
    assert price(at(10), LIQUIDITY)[0] == pytest.approx(0.524979, abs=5e-7)
    assert cost(at(20), LIQUIDITY) - cost(at(10), LIQUIDITY) == pytest.approx(5.3742, abs=5e-5)
    assert cost(at(50), LIQUIDITY) - cost(at(0), LIQUIDITY) == pytest.approx(28.0930, abs=5e-5)


def test_the_makers_worst_loss() -> None:
    assert max_loss(LIQUIDITY, 2) == pytest.approx(69.3147, abs=5e-5)
    assert max_loss(LIQUIDITY, 3) == pytest.approx(109.8612, abs=5e-5)


@settings(deadline=None)
@given(st.integers(2, 5), st.floats(1.0, 1000.0))
def test_the_worst_loss_is_reached_when_one_outcome_is_bought_out(outcomes: int, liquidity: float) -> None:
    bought = np.zeros(outcomes)
    bought[0] = 60.0 * liquidity
    paid = cost(bought, liquidity) - cost(np.zeros(outcomes), liquidity)
    assert bought[0] - paid == pytest.approx(max_loss(liquidity, outcomes), rel=1e-9)


def test_price_of_the_example() -> None:
    assert example().price == pytest.approx([0.31741528, 0.33533886, 0.34724586], abs=5e-9)


def test_costs_of_the_example() -> None:
    assert example().costs == pytest.approx([-1.97161610, -1.59275896, -4.93751984], abs=5e-9)


def test_profits_of_the_example_if_up() -> None:
    profits = example().profits[:, 2]
    assert profits == pytest.approx([17.29638481, 14.36339955, -17.03472593], abs=5e-9)
    assert profits.sum() == pytest.approx(14.62505844, abs=5e-9)
    assert profits.sum() == pytest.approx(LIQUIDITY * math.log(example().price[2] / 0.3), abs=1e-12)


@settings(deadline=None)
@given(markets())
def test_profits_at_each_outcome_sum_to_the_log_ratio_of_price_and_prior(
    market: tuple[Floats, Floats, Floats, float],
) -> None:
    prior, _, _, liquidity = market
    trade = joint_trade(*market)
    expected = liquidity * np.log(trade.price / prior)
    assert trade.profits.sum(axis=0) == pytest.approx(expected, rel=0, abs=1e-9 * max(1.0, liquidity / 100))


@settings(deadline=None)
@given(markets())
def test_the_price_is_the_logarithmic_pool(market: tuple[Floats, Floats, Floats, float]) -> None:
    prior, _, stakes, _ = market
    trade = joint_trade(*market)
    assert trade.price == pytest.approx(log_pool(prior, trade.beliefs.copy(), stakes), abs=1e-13)


@settings(deadline=None)
@given(markets())
def test_a_joint_trade_equals_plain_numpy(market: tuple[Floats, Floats, Floats, float]) -> None:
    prior, beliefs, stakes, liquidity = market
    expected = plain_trade(prior.copy(), beliefs.copy(), stakes.copy(), liquidity)
    trade = joint_trade(*market)
    assert trade.price == pytest.approx(expected[0], abs=1e-12)
    assert trade.shares == pytest.approx(expected[1], abs=1e-12 * liquidity)
    assert trade.costs == pytest.approx(expected[2], abs=2e-12 * liquidity)


@settings(deadline=None)
@given(markets())
def test_profit_is_shares_less_cost(market: tuple[Floats, Floats, Floats, float]) -> None:
    trade = joint_trade(*market)
    assert np.array_equal(trade.profits, trade.shares - trade.costs[:, None])


@settings(deadline=None)
@given(markets())
def test_mirrored_outcomes_give_the_mirrored_trade_to_the_last_bit(
    market: tuple[Floats, Floats, Floats, float],
) -> None:
    prior, beliefs, stakes, liquidity = market
    trade = joint_trade(prior, beliefs, stakes, liquidity)
    mirrored = joint_trade(prior[::-1].copy(), beliefs[:, ::-1].copy(), stakes.copy(), liquidity)
    assert np.array_equal(mirrored.price, trade.price[::-1])
    assert np.array_equal(mirrored.shares, trade.shares[:, ::-1])
    assert np.array_equal(mirrored.costs, trade.costs)


@settings(deadline=None)
@given(markets(), st.randoms(use_true_random=False))
def test_the_order_of_members_changes_nothing_but_rounding(
    market: tuple[Floats, Floats, Floats, float], generator: "object"
) -> None:
    prior, beliefs, stakes, liquidity = market
    order = list(range(len(stakes)))
    generator.shuffle(order)  # type: ignore[attr-defined]
    trade, shuffled = joint_trade(*market), joint_trade(prior, beliefs[order], stakes[order], liquidity)
    assert shuffled.price == pytest.approx(trade.price, abs=1e-13)
    assert shuffled.costs == pytest.approx(trade.costs[order], abs=1e-12 * liquidity)


def test_the_inputs_are_left_alone() -> None:
    prior, beliefs, stakes = np.array(PRIOR), np.array([(0.0, 0.5, 0.5)]), np.array([0.5])
    joint_trade(prior, beliefs, stakes, LIQUIDITY)
    assert prior.tolist() == list(PRIOR)
    assert beliefs.tolist() == [[0.0, 0.5, 0.5]]
    assert stakes.tolist() == [0.5]


def test_a_belief_is_floored_and_normalised() -> None:
    trade = joint_trade(np.array(PRIOR), np.array([(0.0, 0.0, 1.0)]), np.array([0.5]), LIQUIDITY)
    assert trade.beliefs[0] == pytest.approx([0.001 / 1.002, 0.001 / 1.002, 1 / 1.002], abs=1e-15)


def test_without_stakes_the_price_is_the_prior() -> None:
    trade = joint_trade(np.array(PRIOR), np.array(BELIEFS), np.zeros(3), LIQUIDITY)
    assert trade.price == pytest.approx(PRIOR, abs=1e-15)
    assert not trade.shares.any()
    assert not trade.costs.any()


def test_a_belief_equal_to_the_prior_buys_nothing() -> None:
    trade = joint_trade(np.array(PRIOR), np.array([PRIOR]), np.array([1.0]), LIQUIDITY)
    assert not trade.shares.any()


@pytest.mark.parametrize(
    ("prior", "belief", "stake", "liquidity"),
    [
        ((0.0, 0.5, 0.5), (0.2, 0.3, 0.5), 0.5, 100.0),
        ((0.3, 0.4, 0.4), (0.2, 0.3, 0.5), 0.5, 100.0),
        (PRIOR, (0.2, 0.3, 0.6), 0.5, 100.0),
        (PRIOR, (-0.2, 0.7, 0.5), 0.5, 100.0),
        (PRIOR, (math.nan, 0.5, 0.5), 0.5, 100.0),
        (PRIOR, (0.2, 0.3, 0.5), -0.1, 100.0),
        (PRIOR, (0.2, 0.3, 0.5), 1.1, 100.0),
        (PRIOR, (0.2, 0.3, 0.5), math.nan, 100.0),
        (PRIOR, (0.2, 0.3, 0.5), 0.5, 0.0),
        (PRIOR, (0.2, 0.3, 0.5), 0.5, math.inf),
    ],
)
def test_unsound_arguments_are_refused(
    prior: tuple[float, ...], belief: tuple[float, ...], stake: float, liquidity: float
) -> None:
    with pytest.raises(ValueError, match="expected probabilities"):
        joint_trade(np.array(prior), np.array([belief]), np.array([stake]), liquidity)


@pytest.mark.parametrize(
    "shapes", [((3,), (2, 2), (2,)), ((3,), (2, 3), (3,)), ((3,), (3,), (3,)), ((1,), (2, 1), (2,))]
)
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    prior, beliefs, stakes = (np.full(shape, 0.3) for shape in shapes)
    with pytest.raises(ValueError, match="expected"):
        joint_trade(prior, beliefs, stakes, LIQUIDITY)
    with pytest.raises(ValueError, match="expected"):
        log_pool(prior, beliefs, stakes)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cost(np.array([1.0]), 100.0),
        lambda: cost(np.array([1.0, math.inf]), 100.0),
        lambda: price(np.array([1.0, 2.0]), 0.0),
        lambda: max_loss(-1.0, 3),
        lambda: max_loss(100.0, 1),
        lambda: consensus(np.array([[0.5, 0.5]]), np.array([0.0])),
        lambda: consensus(np.array([[0.5, 0.5]]), np.array([-1.0])),
        lambda: consensus(np.array([[0.5, 0.5]]), np.array([1.0, 1.0])),
    ],
)
def test_markets_and_pools_that_cannot_be_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        call()


def test_a_pool_needs_positive_probabilities() -> None:
    with pytest.raises(ValueError, match="positive"):
        log_pool(np.array(PRIOR), np.array([(0.0, 0.5, 0.5)]), np.array([0.5]))


def test_the_consensus_of_equals_has_no_divergence() -> None:
    agreed = consensus(np.array([(0.2, 0.3, 0.5)] * 3), np.array([0.3, 0.25, 0.2]))
    assert agreed.pool == pytest.approx([0.2, 0.3, 0.5], abs=1e-15)
    assert agreed.divergence == pytest.approx(0.0, abs=1e-15)


def test_three_certainties_apart_diverge_wholly() -> None:
    assert consensus(np.eye(3), np.ones(3)).divergence == pytest.approx(1.0, abs=1e-15)


def test_a_share_that_is_too_small_for_a_number_diverges_by_nothing() -> None:
    agreed = consensus(np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 5e-324]]), np.ones(2))
    assert (list(agreed.pool), agreed.divergence) == ([0.0, 1.0, 0.0], 0.0)


@settings(deadline=None)
@given(st.lists(distributions(3), min_size=1, max_size=6), st.data())
def test_the_divergence_equals_plain_numpy(beliefs: list[list[float]], data: st.DataObject) -> None:
    weights = np.array(data.draw(st.lists(st.floats(0.01, 1.0), min_size=len(beliefs), max_size=len(beliefs))))
    table = np.array(beliefs)
    pool = (weights / weights.sum()) @ table

    def entropy(p: Floats) -> float:
        return float(-sum(each * math.log(each) for each in p if each > 0))

    expected = entropy(pool) - sum(w / weights.sum() * entropy(row) for w, row in zip(weights, table, strict=True))
    agreed = consensus(np.array(beliefs), weights.copy())
    assert agreed.pool == pytest.approx(pool, abs=1e-14)
    assert agreed.divergence == pytest.approx(max(expected, 0.0) / math.log(3), abs=1e-12)


@settings(deadline=None)
@given(markets())
def test_the_compiled_kernels_equal_their_plain_functions(market: tuple[Floats, Floats, Floats, float]) -> None:
    prior, beliefs, stakes, liquidity = market

    def plain(kernel: Callable[..., Floats]) -> Callable[..., Floats]:
        function: Callable[..., Floats] = kernel.py_func  # type: ignore[attr-defined]
        return function

    compiled = lmsr._joint_trade(prior.copy(), beliefs.copy(), stakes.copy(), liquidity)
    assert plain(lmsr._joint_trade)(prior.copy(), beliefs.copy(), stakes.copy(), liquidity) == pytest.approx(
        compiled, rel=1e-12, abs=1e-12 * liquidity
    )
    agreed = lmsr._consensus(beliefs.copy(), np.ones(len(stakes)))
    assert plain(lmsr._consensus)(beliefs.copy(), np.ones(len(stakes))) == pytest.approx(agreed, abs=1e-12)
    powers = plain(lmsr._softmax)(np.log(prior))
    assert powers == pytest.approx(lmsr._softmax(np.log(prior)), abs=1e-14)


@st.composite
def boards(draw: st.DrawFn) -> tuple[Floats, Floats, int, float]:
    """Return a prior, rows of (belief, confidence, weight) some of them without a belief, seats and a liquidity."""
    prior, beliefs, weights, liquidity = draw(markets())
    rows = np.column_stack(
        (beliefs, draw(st.lists(st.floats(0, 1), min_size=len(weights), max_size=len(weights))), weights)
    )
    for i in draw(st.sets(st.integers(0, len(weights) - 1))):
        rows[i, :-1] = [math.nan] * len(prior) + [0.0]
    return prior, rows, draw(st.integers(0, len(weights) - 1)), liquidity


@settings(deadline=None)
@given(boards(), st.booleans())
def test_a_pooled_trade_is_a_joint_trade_with_the_consensus(
    board: tuple[Floats, Floats, int, float], is_open: bool
) -> None:
    prior, members, seats, liquidity = board
    outcomes, rows = len(prior), members.copy()
    voices = [row for row in members[:seats] if not math.isnan(row[0])]
    rows[seats, :-1] = [math.nan] * outcomes + [0.0]
    if len(voices) > 1 and any(row[-1] > 0.0 for row in voices):
        heard = np.array(voices)
        agreed = consensus(heard[:, :outcomes].copy(), heard[:, -1].copy())
        rows[seats, :-1] = [*agreed.pool, 1.0 - agreed.divergence]
    absent = np.isnan(rows[:, 0])
    stakes = rows[:, -1] * rows[:, -2] * is_open
    trade = joint_trade(prior, np.where(absent[:, None], prior, rows[:, :outcomes]), stakes, liquidity)
    *found, maker = np.array(pooled_trade(prior, members.copy(), seats, liquidity, is_open=is_open))
    table = np.array(found)
    np.testing.assert_array_equal(np.isnan(table[:, 0]), absent)
    np.testing.assert_array_equal(table[~absent, :outcomes], trade.beliefs[~absent])
    np.testing.assert_array_equal(table[:, outcomes], rows[:, -2])
    np.testing.assert_array_equal(table[:, outcomes + 1], stakes)
    np.testing.assert_array_equal(table[:, outcomes + 2 : -1], trade.shares)
    np.testing.assert_array_equal(table[:, -1], trade.costs)
    np.testing.assert_array_equal(maker[:outcomes], trade.price)
    others = [-sum(column) for column in zip(*trade.shares.tolist(), strict=True)]
    expected = [1.0, max(1.0 - sum(stakes.tolist()), 0.0), *others, -sum(trade.costs.tolist())]
    np.testing.assert_allclose(maker[outcomes:], expected, rtol=1e-15, atol=1e-13 * liquidity)
    plain = lmsr._pooled_trade.py_func(prior, members, seats, liquidity, is_open)  # type: ignore[attr-defined]
    np.testing.assert_allclose(plain, [*found, maker], rtol=1e-12, atol=1e-12 * liquidity)


@pytest.mark.parametrize(
    ("row", "seats", "liquidity"),
    [
        ((0.2, 0.3, 0.6, 0.5, 0.2), 1, 100.0),
        ((0.2, 0.3, 0.5, 9.0, 0.2), 1, 100.0),
        ((0.2, 0.3, 0.5, 0.5, -0.2), 1, 100.0),
        ((0.2, 0.3, 0.5, 0.5, 0.2), 1, 0.0),
        ((-0.2, 0.7, 0.5, 0.0, 0.2), 2, 100.0),
    ],
)
def test_boards_that_cannot_trade_are_refused(row: tuple[float, ...], seats: int, liquidity: float) -> None:
    members = np.array([row, row, (0.0, 0.0, 0.0, 0.0, 0.1)])
    with pytest.raises(ValueError, match="expected probabilities"):
        pooled_trade(np.array(PRIOR), members, seats, liquidity)
    with pytest.raises(ValueError, match="expected"):
        pooled_trade(np.array(PRIOR), members, 3, liquidity)
    with pytest.raises(ValueError, match="expected"):
        pooled_trade(np.array(PRIOR), members[:, :4], seats, liquidity)


def test_the_quadrature_nodes_are_those_of_legendre() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(16)
    assert pytest.approx(nodes[8:], abs=1e-15) == lmsr._NODES
    assert pytest.approx(weights[8:], abs=1e-15) == lmsr._NODE_WEIGHTS
