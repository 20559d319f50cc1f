"""Weights that are earned: sums, absence, and the regret that Hedge promises."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.fixed_share import fixed_share

LIKELIHOODS = st.lists(st.lists(st.floats(1e-3, 1.0), min_size=3, max_size=3), min_size=1, max_size=60)
INITIAL = [0.5, 0.3, 0.2]


@given(LIKELIHOODS)
def test_regret_of_the_mixture_is_at_most_the_log_of_the_best_one_s_initial_weight(rounds: list[list[float]]) -> None:
    weights = list(INITIAL)
    mixture = 0.0
    own = [0.0, 0.0, 0.0]
    for likelihoods in rounds:
        mixture -= math.log(sum(w * p for w, p in zip(weights, likelihoods, strict=True)))
        own = [loss - math.log(p) for loss, p in zip(own, likelihoods, strict=True)]
        weights = fixed_share(weights, INITIAL, likelihoods, 0.0)
    for loss, start in zip(own, INITIAL, strict=True):
        assert mixture - loss <= -math.log(start) + 1e-9


@given(LIKELIHOODS, st.floats(0.0, 1.0))
def test_weights_stay_a_distribution(rounds: list[list[float]], alpha: float) -> None:
    weights = list(INITIAL)
    for likelihoods in rounds:
        weights = fixed_share(weights, INITIAL, likelihoods, alpha)
    assert math.fsum(weights) == pytest.approx(1.0, abs=1e-12)
    assert all(0.0 <= weight <= 1.0 for weight in weights)


def test_one_that_was_absent_keeps_its_weight_to_the_last_bit() -> None:
    after = fixed_share(INITIAL, INITIAL, [0.9, None, 0.1], 0.01)
    assert after[1] == INITIAL[1]
    assert after[0] + after[2] == pytest.approx(0.7)
    assert after[0] / after[2] > INITIAL[0] / INITIAL[2]


def test_alpha_one_returns_to_the_start() -> None:
    assert fixed_share([0.1, 0.1, 0.8], INITIAL, [0.2, 0.3, 0.5], 1.0) == pytest.approx(INITIAL)
