"""The game of momentum and reversion: payoffs against plain numpy, and the equilibrium against its definition."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import logit as module
from kernels.arrays import Floats
from kernels.logit import TOLERANCE, equilibrium, payoffs, rest
from tests.seats.driver import walk

MEMORIES = np.array([3, 8, 21])
GAME = st.integers(1, 7).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-2, 2), min_size=n, max_size=n), st.lists(st.floats(-1, 1), min_size=n, max_size=n)
    )
)


def closes(seed: int, bars: int = 64) -> Floats:
    return walk(seed, bars)[:, 3].copy()


def expected_payoffs(prices: Floats, memory: int, decay: float, discount: float, delay: int) -> tuple[float, float]:
    moves = np.diff(np.log(prices))
    sigma = np.array(
        [np.sqrt(np.average(moves[: t + 1] ** 2, weights=decay ** np.arange(t, -1, -1.0))) for t in range(len(moves))]
    )
    mean = moves[0]
    signals = []
    for t, move in enumerate(moves):
        mean = mean + (move - mean) / memory
        z = mean * np.sqrt(2 * memory - 1) / sigma[t]
        signals.append(z / (1 + abs(z)))
    gains = (np.array(signals[:-1]) * moves[1:] / sigma[1:])[: len(moves) - 1 - delay]
    return float(np.average(gains, weights=discount ** np.arange(len(gains) - 1, -1, -1.0))), signals[-1]


@pytest.mark.parametrize(("seed", "delay"), [(0, 0), (1, 0), (2, 0), (0, 1), (1, 5), (2, 40)])
def test_payoffs_equal_plain_numpy(seed: int, delay: int) -> None:
    earned, holdings = payoffs(closes(seed), MEMORIES, decay=0.94, discount=0.97, delay=delay)
    for i, memory in enumerate(MEMORIES):
        payoff, signal = expected_payoffs(closes(seed), int(memory), 0.94, 0.97, delay)
        np.testing.assert_allclose(earned[2 * i : 2 * i + 2], [payoff, -payoff], atol=1e-12)
        np.testing.assert_allclose(holdings[2 * i : 2 * i + 2], [signal, -signal], atol=1e-12)
    assert earned[-1] == holdings[-1] == 0.0


def test_compiled_and_plain_agree() -> None:
    plain = cast("Any", module._payoffs).py_func(closes(5), MEMORIES, 0.94, 0.97, 0)
    for one, other in zip(payoffs(closes(5), MEMORIES, decay=0.94, discount=0.97), plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)
    found = equilibrium(plain[0], plain[1], temperature=0.1, crowding=0.1)
    again = cast("Any", module._equilibrium).py_func(plain[0].copy(), plain[1].copy(), 0.1, 0.1, TOLERANCE, 2_000)
    np.testing.assert_allclose(found.shares, again[0], atol=1e-14)


def test_momentum_earns_in_a_trend_and_reversion_in_a_zigzag() -> None:
    trend = 100 * 1.01 ** np.arange(64.0)
    earned, holdings = payoffs(trend, MEMORIES, decay=0.94, discount=0.97)
    assert (earned[0:-1:2] > 0.6).all()
    assert (holdings[0:-1:2] > 0.6).all()
    zigzag = 100 * 1.01 ** (np.arange(64.0) % 2)
    earned, _ = payoffs(zigzag, MEMORIES, decay=0.94, discount=0.97)
    assert (earned[1:-1:2] > 0.0).all()


def test_constant_closes_earn_and_hold_nothing() -> None:
    earned, holdings = payoffs(np.full(64, 5.0), MEMORIES, decay=0.94, discount=0.97)
    assert not earned.any()
    assert not holdings.any()
    rest = equilibrium(earned, holdings, temperature=0.1, crowding=0.1)
    np.testing.assert_allclose(rest.shares, np.full(7, 1 / 7))
    assert rest.exposure == 0.0
    assert rest.exploitability == pytest.approx(0.0, abs=1e-15)


def test_a_mirror_flips_the_exposure_only() -> None:
    rests = []
    for prices in (closes(9), 1.0 / closes(9)):
        earned, holdings = payoffs(prices, MEMORIES, decay=0.94, discount=0.97)
        rests.append(equilibrium(earned, holdings, temperature=0.1, crowding=0.1))
    np.testing.assert_allclose(rests[0].shares, rests[1].shares, atol=1e-12)
    assert rests[0].exposure == pytest.approx(-rests[1].exposure, abs=1e-12)


@settings(deadline=None)
@given(game=GAME, temperature=st.floats(0.01, 5), crowding=st.floats(0, 1))
def test_the_dynamics_rest_at_the_quantal_response_equilibrium(
    game: tuple[list[float], list[float]], temperature: float, crowding: float
) -> None:
    earned, holdings = np.array(game[0]), np.array(game[1])
    rest = equilibrium(earned, holdings, temperature=temperature, crowding=crowding)
    assert rest.has_converged
    assert rest.shares.sum() == pytest.approx(1.0, abs=1e-12)
    utility = earned - crowding * rest.exposure * holdings
    reply = np.exp((utility - utility.max()) / temperature)
    np.testing.assert_allclose(rest.shares, reply / reply.sum(), atol=2e-10)
    assert rest.exposure == pytest.approx(float(rest.shares @ holdings), abs=1e-12)
    assert rest.exploitability == pytest.approx(float(utility.max() - rest.shares @ utility), abs=1e-9)
    assert rest.exploitability >= -1e-12


def test_two_strategies_have_the_logistic_share() -> None:
    rest = equilibrium(np.array([0.3, 0.0]), np.array([1.0, 0.0]), temperature=0.5, crowding=0.0)
    assert rest.shares[0] == pytest.approx(1 / (1 + np.exp(-0.6)), abs=1e-9)


def test_crowding_lowers_what_the_crowd_holds() -> None:
    earned, holdings = np.array([0.3, -0.3, 0.0]), np.array([1.0, -1.0, 0.0])
    held = [equilibrium(earned, holdings, temperature=0.1, crowding=each).exposure for each in (0.0, 0.2, 1.0)]
    assert held[0] > held[1] > held[2] > 0.0


def test_a_cold_crowd_takes_the_best_reply() -> None:
    rest = equilibrium(np.array([0.2, 0.1, 0.0]), np.zeros(3), temperature=0.01, crowding=0.0)
    assert rest.shares[0] > 0.9999


def test_dynamics_that_are_cut_short_say_so() -> None:
    hot = cast("Any", module._equilibrium)
    _, _, residual, _ = hot(np.array([0.3, 0.0]), np.array([1.0, 0.0]), 0.1, 1.0, TOLERANCE, 1)
    assert residual > TOLERANCE


@pytest.mark.parametrize(
    ("prices", "memories", "decay", "discount"),
    [
        (np.ones(2), MEMORIES, 0.9, 0.9),
        (np.ones((5, 1)), MEMORIES, 0.9, 0.9),
        (np.ones(9), np.array([0]), 0.9, 0.9),
        (np.ones(9), MEMORIES, 1.0, 0.9),
        (np.ones(9), MEMORIES, 0.9, 0.0),
    ],
)
def test_wrong_payoff_input_is_refused(prices: Floats, memories: Any, decay: float, discount: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        payoffs(prices, memories, decay=decay, discount=discount)


@pytest.mark.parametrize("delay", [-1, 62])
def test_a_delay_must_leave_a_payoff(delay: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        payoffs(closes(1), MEMORIES, decay=0.94, discount=0.97, delay=delay)


def test_a_delayed_payoff_forgets_what_is_too_fresh_to_be_known() -> None:
    prices = closes(4)
    broken = np.concatenate([prices[:-3], prices[-3:] * 1.2])
    usual, moved = (payoffs(each, MEMORIES, decay=0.94, discount=0.97, delay=3) for each in (prices, broken))
    np.testing.assert_array_equal(usual[0], moved[0])
    assert (usual[1] != moved[1])[:-1].all()


@pytest.mark.parametrize(
    ("earned", "held", "temperature", "crowding"),
    [(np.ones(2), np.ones(3), 0.1, 0.1), (np.ones(2), np.ones(2), 0.0, 0.1), (np.ones(2), np.ones(2), 0.1, -0.1)],
)
def test_wrong_games_are_refused(earned: Floats, held: Floats, temperature: float, crowding: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        equilibrium(earned, held, temperature=temperature, crowding=crowding)


@pytest.mark.parametrize(("seed", "delay", "crowding"), [(0, 0, 0.0), (1, 1, 0.1), (2, 5, 1.0)])
def test_in_one_call_it_is_what_its_parts_say_to_the_last_bit(seed: int, delay: int, crowding: float) -> None:
    rows = walk(seed, 64)
    earned, holdings = payoffs(closes(seed), MEMORIES, decay=0.94, discount=0.97, delay=delay)
    parts = equilibrium(earned, holdings, temperature=0.1, crowding=crowding)
    terms: dict[str, Any] = {"decay": 0.94, "discount": 0.97, "temperature": 0.1, "crowding": crowding}
    found = rest(rows[:, 3], MEMORIES, delay=delay, **terms)
    assert tuple(found) == (sum(parts.shares.tolist()[0:-1:2]), parts.exposure, parts.residual, parts.exploitability)
    assert found.has_converged is parts.has_converged
    plain = cast("Any", module._rest).py_func(closes(seed), MEMORIES, delay, 2_000, *terms.values(), TOLERANCE)
    np.testing.assert_allclose(found, plain, atol=1e-12)


def test_in_one_call_wrong_input_is_refused() -> None:
    good: dict[str, Any] = {"decay": 0.94, "discount": 0.97, "delay": 0, "temperature": 0.1, "crowding": 0.1}
    for wrong in ({"decay": 1.0}, {"discount": 0.0}, {"delay": 62}, {"temperature": 0.0}, {"crowding": -1.0}):
        with pytest.raises(ValueError, match="expected"):
            rest(closes(1), MEMORIES, **good | wrong)
    for memories in (np.array([], np.int64), np.array([3, 0])):
        with pytest.raises(ValueError, match="memor"):
            rest(closes(1), memories, **good)
