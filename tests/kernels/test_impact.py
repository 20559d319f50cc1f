"""The square-root law, and Y learned from orders with a planted one."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import impact as module
from kernels.arrays import Floats
from kernels.impact import Prior, calibrated, coefficient, count, deviation, impact, initial, update

PRIOR = Prior(mean=1.0, deviation=0.5, noise=0.5, memory=1.0, clip=4.0, least=0.1, most=3.0)
POSITIVE = st.floats(1e-4, 1e4)


def planted(seed: int, orders: int, y: float, noise: float = 0.5) -> Floats:
    """Orders of 0.1 to 20 % of a day's volume whose cost follows the law, with noise of half a day's move."""
    rng = np.random.default_rng(seed)
    sigma, volume = rng.uniform(0.005, 0.04, orders), rng.uniform(1e5, 1e7, orders)
    quantity = volume * rng.uniform(0.001, 0.2, orders)
    cost = sigma * (y * np.sqrt(quantity / volume) + rng.normal(0.0, noise, orders))
    return np.column_stack([sigma, quantity, volume, cost])


def test_the_law() -> None:
    assert impact(0.7, 0.02, 2_500.0, 1e6) == pytest.approx(0.7 * 0.02 * 0.05, rel=1e-15)
    assert impact(1.0, 0.02, 0.0, 1e6) == 0.0
    assert impact(1.0, 0.02, 4e4, 1e6) == pytest.approx(2.0 * impact(1.0, 0.02, 1e4, 1e6), rel=1e-15)


@pytest.mark.parametrize("y", [0.3, 0.8, 1.7])
def test_a_planted_coefficient_is_found(y: float) -> None:
    state = calibrated(planted(1, 5_000, y), PRIOR)
    assert count(state) == 5_000
    assert deviation(state) < 0.03
    assert abs(coefficient(state, PRIOR) - y) < 3.0 * deviation(state)


def test_the_stated_deviation_is_kept() -> None:
    """Y drawn from the prior itself lies within 1.96 posterior deviations in about 95 of 100 worlds."""
    free = PRIOR._replace(least=0.0, most=100.0, clip=100.0, mean=3.0)
    rng = np.random.default_rng(7)
    inside = 0
    for seed in range(400):
        y = float(rng.normal(free.mean, free.deviation))
        state = calibrated(planted(seed, 30, y), free)
        inside += abs(coefficient(state, free) - y) <= 1.96 * deviation(state)
    assert 0.92 <= inside / 400 <= 0.98


def test_without_forgetting_it_is_the_bayesian_regression() -> None:
    prior = PRIOR._replace(clip=1e6)
    orders = planted(3, 40, 0.9)
    x, z = np.sqrt(orders[:, 1] / orders[:, 2]), orders[:, 3] / orders[:, 0]
    precision = 1 / prior.deviation**2 + (x @ x) / prior.noise**2
    mean = (prior.mean / prior.deviation**2 + (x @ z) / prior.noise**2) / precision
    state = calibrated(orders, prior)
    assert coefficient(state, prior) == pytest.approx(mean, rel=1e-12)
    assert deviation(state) == pytest.approx(precision**-0.5, rel=1e-12)


def test_memory_follows_a_change_and_never_falls_below_the_prior() -> None:
    prior = PRIOR._replace(memory=0.99, noise=0.1)
    orders = np.vstack([planted(1, 1_000, 0.5, 0.1), planted(2, 1_000, 1.5, 0.1)])
    assert coefficient(calibrated(orders[:1_000], prior), prior) == pytest.approx(0.5, abs=0.1)
    assert coefficient(calibrated(orders, prior), prior) == pytest.approx(1.5, abs=0.1)
    lasting = PRIOR._replace(noise=0.1)
    assert coefficient(calibrated(orders, lasting), lasting) == pytest.approx(1.0, abs=0.1)
    tiny = orders.copy()
    tiny[:, 1] = 1e-9
    assert deviation(calibrated(tiny, prior)) <= prior.deviation


@settings(deadline=None, max_examples=60)
@given(sigma=POSITIVE, quantity=POSITIVE, volume=POSITIVE, cost=st.floats(-1e6, 1e6))
def test_one_order_moves_it_towards_what_it_showed_within_bounds(
    sigma: float, quantity: float, volume: float, cost: float
) -> None:
    state = initial(PRIOR)
    plain = state.copy()
    assert update(state, PRIOR, sigma, quantity, volume, cost)
    assert cast("Any", module._update).py_func(plain, *PRIOR[:5], sigma, quantity, volume, cost)
    np.testing.assert_allclose(state, plain, rtol=1e-13)
    found = coefficient(state, PRIOR)
    assert PRIOR.least <= found <= PRIOR.most
    surprise = cost / sigma - math.sqrt(quantity / volume)
    assert (found - PRIOR.mean) * surprise >= -1e-9 * abs(surprise)
    assert deviation(state) <= PRIOR.deviation


def test_one_wild_order_counts_as_one_at_the_clip() -> None:
    at = 0.02 * (0.1 + 4.0 * math.hypot(0.5, 0.5 * 0.1))
    wild, edge = initial(PRIOR), initial(PRIOR)
    update(wild, PRIOR, 0.02, 1e4, 1e6, 0.8)
    update(edge, PRIOR, 0.02, 1e4, 1e6, at)
    np.testing.assert_allclose(wild, edge, rtol=1e-12)
    assert wild[1] == pytest.approx(4.0 + 0.1 * (0.1 + 4.0 * math.hypot(0.5, 0.5 * 0.1)) / 0.25, rel=1e-12)


@pytest.mark.parametrize("field", Prior._fields)
def test_every_part_of_the_prior_counts(field: str) -> None:
    values = {"mean": 1.2, "deviation": 0.2, "noise": 1.0, "memory": 0.9, "clip": 0.5, "least": 0.9, "most": 1.0}
    changed = PRIOR._replace(**{field: values[field]})
    answers = [
        (coefficient(calibrated(orders, prior), prior))
        for prior in (PRIOR, changed)
        for orders in (planted(5, 99, 0.4), planted(6, 99, 2.0))
    ]
    assert answers[:2] != answers[2:]


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("place", range(3))
def test_an_order_that_says_nothing_changes_nothing(place: int, wrong: float) -> None:
    state, values = initial(PRIOR), [0.02, 1e4, 1e6]
    values[place] = wrong
    sigma, quantity, volume = values
    assert not update(state, PRIOR, sigma, quantity, volume, 0.001)
    assert not update(state, PRIOR, 0.02, 1e4, 1e6, math.nan)
    assert state.tolist() == initial(PRIOR).tolist()
    assert coefficient(state, PRIOR) == PRIOR.mean


def test_a_copied_state_goes_on_to_the_last_bit() -> None:
    orders = planted(4, 60, 0.8)
    state = calibrated(orders[:30], PRIOR)
    for order in orders[30:]:
        sigma, quantity, volume, cost = order.tolist()
        update(state, PRIOR, sigma, quantity, volume, cost)
    assert state.tobytes() == calibrated(orders, PRIOR).tobytes()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("deviation", 0.0),
        ("noise", 0.0),
        ("memory", 0.0),
        ("memory", 1.1),
        ("clip", 0.0),
        ("mean", 9.0),
        ("least", -1.0),
        ("most", math.inf),
        ("mean", math.nan),
    ],
)
def test_a_wrong_prior_is_refused(field: str, wrong: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        initial(PRIOR._replace(**{field: wrong}))


def test_wrong_shapes_and_amounts_are_refused() -> None:
    for call in (
        lambda: update(np.zeros(2), PRIOR, 1.0, 1.0, 1.0, 0.0),
        lambda: calibrated(np.zeros((3, 3)), PRIOR),
        lambda: impact(1.0, 0.02, 1.0, 0.0),
        lambda: impact(1.0, math.nan, 1.0, 1.0),
        lambda: impact(1.0, 0.02, -1.0, 1.0),
    ):
        with pytest.raises(ValueError, match="expected"):
            cast("Any", call)()
