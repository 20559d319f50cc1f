import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pads.prior import OutcomeHistory, outcome_of, typical_move

OBSERVATIONS = st.lists(st.tuples(st.integers(0, 2), st.floats(-5.0, 5.0)), max_size=40)


def history(observed: list[tuple[int, float]], discount: float = 0.995) -> OutcomeHistory:
    kept = OutcomeHistory(discount, typical_move(0.5))
    for outcome, move in observed:
        kept.observe(outcome, move)
    return kept


@pytest.mark.parametrize(
    ("log_return", "outcome"), [(-0.02, 0), (-0.01, 1), (0.0, 1), (0.01, 1), (0.0100001, 2), (-0.0100001, 0)]
)
def test_outcomes_by_the_band(log_return: float, outcome: int) -> None:
    assert outcome_of(log_return, 0.01) == outcome


def test_the_typical_move_is_the_mean_of_a_normal_tail() -> None:
    tail = np.abs(np.random.default_rng(1).standard_normal(2_000_000))
    assert typical_move(0.5) == pytest.approx(tail[tail > 0.5].mean() / 0.5, abs=0.005)


def test_without_history_the_prior_is_uniform_and_moves_are_symmetric() -> None:
    assert history([]).frequencies() == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    down, flat, up = history([]).mean_moves()
    assert (down, flat) == (-up, 0.0)


def test_add_one_smoothing() -> None:
    assert history([(2, 1.0), (2, 1.0), (0, -1.0)], discount=1.0).frequencies() == pytest.approx((2 / 6, 1 / 6, 3 / 6))


def test_earlier_outcomes_are_discounted() -> None:
    assert history([(0, -1.0), (2, 1.0)], discount=0.5).frequencies() == pytest.approx((1.5 / 4.5, 1 / 4.5, 2 / 4.5))


def test_frequencies_around_a_base_are_drawn_towards_it() -> None:
    kept = history([(2, 1.0)], discount=1.0)
    assert kept.frequencies((0.2, 0.3, 0.5)) == pytest.approx((0.6 / 4, 0.9 / 4, 2.5 / 4))


def test_mean_moves_include_one_typical_move() -> None:
    down, flat, up = history([(2, 4.0), (1, 0.5), (2, 6.0)], discount=1.0).mean_moves()
    assert up == pytest.approx((4.0 + 6.0 + typical_move(0.5)) / 3)
    assert flat == pytest.approx(0.25)
    assert down == pytest.approx(-typical_move(0.5))


@given(OBSERVATIONS)
def test_the_prior_is_a_positive_distribution(observed: list[tuple[int, float]]) -> None:
    prior = history(observed).frequencies()
    assert math.fsum(prior) == pytest.approx(1.0)
    assert min(prior) > 0


@given(OBSERVATIONS)
def test_mirrored_outcomes_give_the_mirrored_history_to_the_last_bit(observed: list[tuple[int, float]]) -> None:
    kept, mirrored = history(observed), history([(2 - outcome, -move) for outcome, move in observed])
    assert mirrored.frequencies() == kept.frequencies()[::-1]
    assert mirrored.mean_moves() == tuple(-move for move in reversed(kept.mean_moves()))


@given(OBSERVATIONS, OBSERVATIONS)
def test_a_restored_history_goes_on_the_same(before: list[tuple[int, float]], later: list[tuple[int, float]]) -> None:
    kept = history(before)
    copy = history([])
    copy.restore(kept.snapshot())
    for outcome, move in later:
        kept.observe(outcome, move)
        copy.observe(outcome, move)
    assert (copy.frequencies(), copy.mean_moves()) == (kept.frequencies(), kept.mean_moves())
