"""Four players of the market: positions and earnings against plain numpy, their coalition against its definitions."""

from itertools import permutations
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import players as module
from kernels.arrays import Floats
from kernels.coalition import core_excess
from kernels.players import COLUMNS, MEMORIES, PLAYERS, Players, coalition
from kernels.tail import expected_shortfall
from tests.seats.driver import walk


def played(closes: Floats, window: int = 64) -> Players:
    players = Players(window, 0.94)
    for close in closes.tolist():
        players.update(close)
    return players


def closes(seed: int, bars: int = 150) -> Floats:
    return walk(seed, bars)[:, 3].copy()


def expected(prices: Floats) -> tuple[Floats, Floats]:
    """Return positions after each bar from the second on, and earnings with their volatility ratio, in time order."""
    moves = np.diff(np.log(prices))
    sigmas = [
        np.sqrt(np.average(moves[: t + 1] ** 2, weights=0.94 ** np.arange(t, -1, -1.0))) for t in range(len(moves))
    ]
    drifts, level = np.zeros(3), 0.0
    positions, earnings = np.zeros((len(moves), 4)), np.zeros((len(moves), 5))
    for t, move in enumerate(moves):
        if t:
            earnings[t, :4] = positions[t - 1] * np.clip(move / sigmas[t - 1], -6, 6)
            log_sigma = np.log(sigmas[t - 1])
            earnings[t, 4] = log_sigma - level
            level = log_sigma if t < 2 else level + 0.02 * (log_sigma - level)
        memories = np.minimum(t + 1, MEMORIES)
        drifts += (move - drifts) / memories
        z = drifts * np.sqrt(2 * memories - 1) / sigmas[t]
        positions[t, :3] = z / (1 + np.abs(z)) * [-1, 1, 1]
        beyond = max(abs(move) / sigmas[t - 1] - 1, 0.0) if t else 0.0
        positions[t, 3] = np.sign(move) * beyond / (1 + beyond)
    return positions, earnings


@pytest.mark.parametrize("seed", range(3))
def test_positions_and_earnings_equal_plain_numpy(seed: int) -> None:
    players = played(closes(seed))
    positions, earnings = expected(closes(seed))
    np.testing.assert_allclose(players.positions, positions[-1], atol=1e-12)
    kept = np.array(sorted(players.earnings.tolist()))
    np.testing.assert_allclose(kept, np.array(sorted(earnings[-64:].tolist())), atol=1e-10)
    assert len(players) == 64


def test_compiled_and_plain_agree() -> None:
    players = played(closes(4))
    plain = Players(64, 0.94)
    for close in closes(4).tolist():
        cast("Any", module._update).py_func(plain.state, plain.positions, plain.earnings, close, 0.94)
    np.testing.assert_allclose(players.earnings, plain.earnings, atol=1e-12)
    found = cast("Any", module._coalition).py_func(players.earnings.copy(), 0.9, *module._fresh(64))
    np.testing.assert_allclose(np.hstack([*players.coalition(0.9)]), np.hstack([*found]), atol=1e-12)


def test_the_coalition_is_worth_what_its_tail_is() -> None:
    players = played(closes(5))
    found = players.coalition(0.9)
    for members in range(1, 16):
        chosen = [i for i in range(4) if members >> i & 1]
        tail = expected_shortfall(-players.earnings[:, chosen].mean(axis=1), 0.9)
        assert found.values[members] == pytest.approx(-tail, abs=1e-12)
    orders = list(permutations(range(4)))
    shares = np.zeros(4)
    for order in orders:
        joined = 0
        for i in order:
            shares[i] += found.values[joined | 1 << i] - found.values[joined]
            joined |= 1 << i
    np.testing.assert_allclose(found.shares, shares / len(orders), atol=1e-12)
    assert found.shares.sum() == pytest.approx(found.values[-1])
    assert found.excess == core_excess(found.values, found.shares)


def test_the_gap_tells_who_gains_from_volatility() -> None:
    draw = np.random.default_rng(1)
    ratio = draw.normal(0, 1, 300)
    earnings = np.zeros((300, COLUMNS))
    earnings[:, 4] = ratio
    earnings[:, 0] = ratio**2 + draw.normal(0, 0.1, 300)
    earnings[:, 1] = -(ratio**2) + draw.normal(0, 0.1, 300)
    earnings[:, 2] = ratio + draw.normal(0, 0.1, 300)
    gaps = coalition(earnings, 0.9).gaps
    assert gaps[0] > 5.0
    assert gaps[1] < -5.0
    assert abs(gaps[2]) < 3.0
    assert gaps[3] == 0.0
    third = 100
    by_ratio = earnings[np.argsort(ratio), 0]
    low, mid, high = by_ratio[:third], by_ratio[third:-third], by_ratio[-third:]
    gap = low.mean() + high.mean() - 2 * mid.mean()
    error = np.sqrt(low.var() / third + high.var() / third + 4 * mid.var() / third)
    assert gaps[0] == pytest.approx(gap / error)


def test_a_mirror_flips_positions_and_keeps_earnings() -> None:
    one, other = played(closes(7)), played(1.0 / closes(7))
    np.testing.assert_allclose(one.positions, -other.positions, atol=1e-10)
    np.testing.assert_allclose(one.earnings, other.earnings, atol=1e-9)


def test_constant_closes_earn_nothing() -> None:
    players = played(np.full(80, 5.0))
    assert not players.positions.any()
    assert not players.earnings.any()
    found = players.coalition(0.9)
    assert not found.values.any()
    assert not found.gaps.any()


def test_every_player_takes_both_sides() -> None:
    players = Players(64, 0.94)
    sides: list[set[float]] = [set() for _ in PLAYERS]
    for close in closes(8, 400).tolist():
        players.update(close)
        for side, position in zip(sides, players.positions.tolist(), strict=True):
            side.add(np.sign(position))
    assert all({-1.0, 1.0} <= side for side in sides)


def test_wrong_input_is_refused() -> None:
    for window, decay in ((5, 0.9), (64, 1.0), (64, -0.1)):
        with pytest.raises(ValueError, match="expected"):
            Players(window, decay)
    for close in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="expected"):
            Players(64, 0.9).update(close)
    with pytest.raises(ValueError, match="expected"):
        Players(64, 0.9).coalition(0.9)
    with pytest.raises(ValueError, match="expected"):
        coalition(np.ones((4, 4)), 0.9)
    with pytest.raises(ValueError, match="expected"):
        coalition(np.ones((4, 5)), 1.0)
    for wrong in ({"level": 1.0}, {"temperature": 0.0}, {"gap_errors": 0.0}):
        with pytest.raises(ValueError, match="expected"):
            played(closes(1)).lead(**{"level": 0.9, "temperature": 0.2, "gap_errors": 1.0} | wrong)
    for positions, temperature in ((np.zeros(2), 0.2), (np.zeros(3), 0.0)):
        with pytest.raises(ValueError, match="expected"):
            module.lead(positions, np.zeros(3), np.zeros(3), temperature, 1.0)


@pytest.mark.parametrize("window", [6, 7, 40, 64])
def test_the_memory_of_the_last_call_changes_no_bit(window: int) -> None:
    players = Players(window, 0.94)
    for number, close in enumerate(closes(9, 240).tolist()):
        players.update(close)
        if number and number % 3:
            fresh = coalition(players.earnings[: len(players)], 0.9)
            for one, other in zip(players.coalition(0.9), fresh, strict=True):
                np.testing.assert_array_equal(one, other)
    order = players._order[: len(players)]
    np.testing.assert_array_equal(order, np.argsort(players.earnings[:, 4], kind="stable"))


def test_a_restored_one_goes_on_to_the_last_bit() -> None:
    players = played(closes(10))
    players.coalition(0.9)
    other = Players(64, 0.94)
    other.restore(players.snapshot())
    for close in (101.0, 99.0, 100.5):
        players.update(close)
        other.update(close)
        assert players.lead(0.9, 0.2, 1.0) == other.lead(0.9, 0.2, 1.0)


def test_the_lead_in_one_call_is_what_its_parts_say() -> None:
    players = played(closes(11))
    found, led = players.coalition(0.9), players.lead(0.9, 0.2, 1.0)
    assert led.exposure == module.lead(players.positions, found.shares, found.gaps, 0.2, 1.0)
    assert (led.value, led.best_gap, led.excess) == (found.values[-1], found.gaps.max(), found.excess)
    terms = (players.earnings.copy(), players.positions.copy(), *module._fresh(64), 0.9, 0.2, 1.0)
    np.testing.assert_allclose(led, cast("Any", module._led).py_func(*terms), atol=1e-12)


def lead(
    positions: list[float], shares: list[float], gaps: list[float], temperature: float, gap_errors: float
) -> float:
    return module.lead(np.array(positions), np.array(shares), np.array(gaps), temperature, gap_errors)


FOUR = st.lists(st.floats(-1, 1), min_size=4, max_size=4)


@settings(deadline=None)
@given(positions=FOUR, shares=FOUR, gaps=st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_the_lead_is_an_exposure_and_odd_in_the_positions(
    positions: list[float], shares: list[float], gaps: list[float]
) -> None:
    found = lead(positions, shares, gaps, 0.2, 1.0)
    assert -1.0 <= found <= 1.0
    assert lead([-each for each in positions], shares, gaps, 0.2, 1.0) == -found


def test_who_loses_by_volatility_does_not_lead() -> None:
    assert lead([1.0, -1.0], [0.0, 0.0], [-2.0, -1.0], 0.2, 1.0) == 0.0
    assert lead([1.0, -1.0], [0.0, 0.0], [3.0, -1.0], 0.2, 1.0) == pytest.approx(0.5 * 0.75)


def test_the_better_share_leads_more() -> None:
    assert lead([1.0, -1.0], [0.1, 0.0], [1.0, 1.0], 0.2, 1.0) > 0.0
    assert lead([1.0, -1.0], [0.1, 0.0], [1.0, 1.0], 0.01, 1.0) == pytest.approx(0.5, abs=1e-3)
    assert abs(lead([1.0, -1.0], [0.1, 0.0], [1.0, 1.0], 100.0, 1.0)) < 1e-3
