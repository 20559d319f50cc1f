"""Replicator dynamics: closed forms, a published trajectory, and the laws of imitation."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import replicator as module
from kernels.arrays import Floats
from kernels.games import regret
from kernels.replicator import replicator, velocity


def drawn(seed: int, n: int) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(n, n)), draw.dirichlet(np.ones(n))


def plain(payoffs: Floats, start: Floats, steps: int, rate: float) -> Floats:
    """The formula, with plain numpy."""
    shares = start
    for _ in range(steps):
        grown = shares * np.exp(rate * (payoffs @ shares))
        shares = grown / grown.sum()
    return shares


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), steps=st.integers(0, 50), rate=st.floats(0.001, 0.5))
def test_steps_equal_plain_numpy(seed: int, n: int, steps: int, rate: float) -> None:
    payoffs, start = drawn(seed, n)
    found = replicator(payoffs.copy(), start.copy(), steps, rate)
    np.testing.assert_allclose(found, plain(payoffs.copy(), start.copy(), steps, rate), rtol=1e-10, atol=1e-13)
    again = cast("Any", module._replicator).py_func(payoffs.copy(), start.copy(), steps, rate)
    np.testing.assert_allclose(found, again, rtol=1e-12)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert (found >= 0).all()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 6))
def test_velocity_equals_plain_numpy(seed: int, n: int) -> None:
    payoffs, shares = drawn(seed, n)
    expected = shares * (payoffs @ shares - shares @ payoffs @ shares)
    np.testing.assert_allclose(velocity(payoffs, shares), expected, atol=1e-14)
    np.testing.assert_allclose(cast("Any", module._velocity).py_func(payoffs, shares), expected, atol=1e-14)
    assert velocity(payoffs, shares).sum() == pytest.approx(0.0, abs=1e-14)
    step = replicator(payoffs, shares, 1, 1e-6) - shares
    np.testing.assert_allclose(step / 1e-6, expected, atol=1e-4)


def test_fixed_payoffs_have_a_closed_form() -> None:
    earned, start = np.array([0.3, -0.2, 0.1]), np.array([0.2, 0.5, 0.3])
    found = replicator(np.repeat(earned[:, None], 3, axis=1), start, 70, 0.1)
    grown = start * np.exp(7.0 * earned)
    np.testing.assert_allclose(found, grown / grown.sum(), rtol=1e-12)


@pytest.mark.parametrize(("start", "expected"), [(0.5, 0.10180527), (0.9, 0.14074972)])
def test_a_published_trajectory(start: float, expected: float) -> None:
    """Nashpy, how-to/use-replicator-dynamics: A = [[3, 2], [4, 2]] at time 10; the error shrinks with the rate."""
    payoffs = np.array([[3.0, 2.0], [4.0, 2.0]])
    shares = [replicator(payoffs, np.array([start, 1 - start]), steps, 10 / steps)[0] for steps in (20_000, 40_000)]
    assert 2 * shares[1] - shares[0] == pytest.approx(expected, abs=2e-8)
    assert abs(shares[1] - expected) < abs(shares[0] - expected) < 1e-4


@settings(deadline=None, max_examples=30)
@given(hawks=st.floats(0.01, 0.99), worth=st.floats(0.5, 3), harm=st.floats(0.5, 3))
def test_hawks_and_doves_end_at_the_mixed_equilibrium(hawks: float, worth: float, harm: float) -> None:
    """Maynard Smith 1982: with a prize V and a cost of injury C > V, a share V / C are hawks."""
    cost = worth + harm
    payoffs = np.array([[(worth - cost) / 2, worth], [0.0, worth / 2]])
    found = replicator(payoffs, np.array([hawks, 1 - hawks]), 2_000, 0.2)
    np.testing.assert_allclose(found, [worth / cost, harm / cost], atol=1e-9)
    assert np.abs(velocity(payoffs, found)).max() <= 1e-9
    assert regret(payoffs, payoffs.T, found, found) <= 1e-8


def test_cycles_that_pay_wind_in_and_those_that_sum_to_zero_wind_out() -> None:
    start = np.array([0.5, 0.3, 0.2])
    paying = np.array([[0.0, -1.0, 2.0], [2.0, 0.0, -1.0], [-1.0, 2.0, 0.0]])
    np.testing.assert_allclose(replicator(paying, start, 4_000, 0.05), np.full(3, 1 / 3), atol=1e-9)
    fair = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    ends = [replicator(fair, start, steps, 0.05) for steps in (1_000, 2_000)]
    assert np.prod(start) > np.prod(ends[0]) > np.prod(ends[1]) > 0.0
    np.testing.assert_allclose(replicator(fair, np.full(3, 1 / 3), 1_000, 0.05), np.full(3, 1 / 3), atol=1e-12)


def test_what_nobody_plays_stays_unplayed() -> None:
    """It rests where somebody could gain: that is the exploitability, not the velocity."""
    payoffs = np.array([[1.0, 1.0], [3.0, 2.0]])
    alone = np.array([1.0, 0.0])
    np.testing.assert_array_equal(replicator(payoffs, alone, 100, 0.5), alone)
    assert not velocity(payoffs, alone).any()
    assert regret(payoffs, payoffs.T, alone, alone) == 2.0
    few = replicator(payoffs, np.array([1 - 1e-12, 1e-12]), 200, 0.5)
    assert few[1] == pytest.approx(1.0, abs=1e-9)


def test_a_share_below_the_smallest_float_comes_back() -> None:
    """Payoffs that favour the first, whoever is there, and the second once there are almost only first ones."""
    payoffs = np.array([[0.0, 3.0], [1.0, 0.0]])
    start = np.array([1e-320, 1.0])
    found = replicator(payoffs, start, 2_000, 1.0)
    np.testing.assert_allclose(found, [0.75, 0.25], atol=1e-9)


@pytest.mark.parametrize("scale", [1e-300, 1e150])
def test_extreme_payoffs_leave_numbers(scale: float) -> None:
    found = replicator(scale * np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([0.6, 0.4]), 50, 1e150)
    assert np.isfinite(found).all()
    assert found.sum() == 1.0
    assert found[0] >= 0.6


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 5), factor=st.floats(0.1, 10))
def test_laws_of_imitation(seed: int, n: int, factor: float) -> None:
    """What all gain alike matters not; payoffs are per unit of time; names do not matter; no step is the start."""
    payoffs, start = drawn(seed, n)
    draw = np.random.default_rng(seed + 1)
    found = replicator(payoffs, start, 20, 0.1)
    shifted = replicator(payoffs + draw.normal(size=(1, n)), start, 20, 0.1)
    np.testing.assert_allclose(found, shifted, atol=1e-12)
    np.testing.assert_allclose(found, replicator(payoffs / factor, start, 20, 0.1 * factor), atol=1e-12)
    order = draw.permutation(n)
    np.testing.assert_allclose(found[order], replicator(payoffs[order][:, order], start[order], 20, 0.1), atol=1e-12)
    np.testing.assert_array_equal(replicator(payoffs, start, 0, 0.1), start)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 5))
def test_common_interest_rises(seed: int, n: int) -> None:
    """Fisher's theorem for symmetric payoffs, at a small rate: the mean payoff never falls."""
    payoffs, shares = drawn(seed, n)
    payoffs = payoffs + payoffs.T
    means = [shares @ payoffs @ shares]
    for _ in range(30):
        shares = replicator(payoffs, shares, 1, 0.01)
        means.append(shares @ payoffs @ shares)
    assert (np.diff(means) >= -1e-12).all()


def test_input_is_left_alone() -> None:
    payoffs, start = drawn(1, 3)
    kept = payoffs.copy(), start.copy()
    velocity(payoffs, start)
    assert replicator(payoffs, start, 5, 0.1) is not start
    np.testing.assert_array_equal(payoffs, kept[0])
    np.testing.assert_array_equal(start, kept[1])


@pytest.mark.parametrize(("change", "complaint"), [
    ({"payoffs": np.zeros((2, 3))}, r"\(n, n\)"),
    ({"payoffs": np.zeros(2)}, r"\(n, n\)"),
    ({"payoffs": np.zeros((0, 0)), "start": np.zeros(0)}, r"\(n, n\)"),
    ({"payoffs": np.array([[math.nan, 0.0], [0.0, 0.0]])}, "finite"),
    ({"start": np.array([0.5, 0.6])}, "add up to 1"),
    ({"start": np.array([math.nan, 0.5])}, "probabilities"),
    ({"start": np.array([1.5, -0.5])}, "probabilities"),
    ({"start": np.full((2, 1), 0.5)}, r"\(n,\)"),
    ({"steps": -1}, "steps"),
    ({"rate": 0.0}, "rate"),
    ({"rate": math.nan}, "rate"),
    ({"rate": math.inf}, "rate"),
])  # fmt: skip
def test_wrong_input_is_refused(change: dict[str, Any], complaint: str) -> None:
    given_ = {"payoffs": np.eye(2), "start": np.full(2, 0.5), "steps": 1, "rate": 0.1, **change}
    with pytest.raises(ValueError, match=complaint):
        replicator(**given_)
    if not {"steps", "rate"} & change.keys():
        with pytest.raises(ValueError, match=complaint):
            velocity(given_["payoffs"], given_["start"])
