"""Moving a belief by evidence, scoring it, and what it is worth."""

import doctest
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bus.errors import Invalid
from bus.message import Probabilities
from bus.messages import Outcome
from market import belief as module
from market.belief import SCORE_FLOOR, TYPICAL_MOVE_BANDS, MoveSizes, direction, log_score, reweigh, tilt

PRIORS = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.01, 1)).map(
    lambda w: (w[0] / sum(w), w[1] / sum(w), w[2] / sum(w))
)


def test_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0


@given(prior=PRIORS)
def test_no_evidence_is_the_prior(prior: Probabilities) -> None:
    assert tilt(prior, 0.0) == prior
    assert reweigh(prior, (3.0, 3.0, 3.0)) == prior


@given(prior=PRIORS, lean=st.floats(-50, 50), spread=st.floats(-50, 50))
def test_a_tilt_is_a_distribution_and_a_mirror_mirrors_it(prior: Probabilities, lean: float, spread: float) -> None:
    down, flat, up = tilt(prior, lean, spread)
    assert down + flat + up == pytest.approx(1.0, abs=1e-12)
    assert min(down, flat, up) >= 0.0
    assert tilt(prior[::-1], -lean, spread) == (up, flat, down)


@given(prior=PRIORS, lean=st.floats(-3, 3), spread=st.floats(-3, 3))
def test_lean_is_half_the_log_odds_of_the_sides(prior: Probabilities, lean: float, spread: float) -> None:
    down, flat, up = tilt(prior, lean, spread)
    assert math.log(up / down) - math.log(prior[2] / prior[0]) == pytest.approx(2 * lean, abs=1e-9)
    assert math.log(up / flat) - math.log(prior[2] / prior[1]) == pytest.approx(lean + spread, abs=1e-9)


@pytest.mark.parametrize("lean", [math.nan, math.inf])
def test_evidence_without_a_number_is_refused(lean: float) -> None:
    with pytest.raises(Invalid, match="finite"):
        tilt((0.3, 0.4, 0.3), lean)


def test_log_score_is_floored() -> None:
    assert log_score((0.2, 0.5, 0.3), Outcome.UP) == math.log(0.3)
    assert log_score((0.0, 0.5, 0.5), Outcome.DOWN) == math.log(SCORE_FLOOR)


def test_directions() -> None:
    assert [direction(outcome) for outcome in (Outcome.DOWN, Outcome.FLAT, Outcome.UP)] == [-1, 0, 1]


def test_a_typical_move_is_that_of_normal_returns() -> None:
    density = math.exp(-0.125) / math.sqrt(2 * math.pi)
    tail = 0.5 * math.erfc(0.5 / math.sqrt(2))
    assert pytest.approx(2 * density / tail, abs=1e-3) == TYPICAL_MOVE_BANDS


def test_sizes_begin_at_the_typical_move_and_follow_what_happens() -> None:
    sizes = MoveSizes()
    assert sizes.expected_return((0.0, 0.0, 1.0), 0.01) == pytest.approx(0.01 * TYPICAL_MOVE_BANDS)
    assert sizes.expected_return((0.3, 0.4, 0.3), 0.01) == 0.0
    sizes.learn(Outcome.UP, 0.05, 0.01)
    sizes.learn(Outcome.DOWN, -0.03, 0.01)
    sizes.learn(Outcome.FLAT, 0.009, 0.01)
    assert sizes.expected_return((0.0, 0.0, 1.0), 0.01) == pytest.approx(0.01 * (TYPICAL_MOVE_BANDS + 5) / 2)
    assert sizes.expected_return((1.0, 0.0, 0.0), 0.01) == pytest.approx(-0.01 * (TYPICAL_MOVE_BANDS + 3) / 2)


def test_restored_sizes_are_the_same() -> None:
    sizes, twin = MoveSizes(), MoveSizes()
    sizes.learn(Outcome.UP, 0.05, 0.01)
    twin.restore(sizes.snapshot())
    sizes.learn(Outcome.DOWN, -0.05, 0.01)
    assert twin.snapshot() != sizes.snapshot()
    twin.learn(Outcome.DOWN, -0.05, 0.01)
    assert twin.snapshot() == sizes.snapshot()


@given(prior=PRIORS, weights=st.tuples(*[st.floats(1e-6, 1e6)] * 3))
def test_reweighing_multiplies_odds(prior: Probabilities, weights: tuple[float, float, float]) -> None:
    assume(len(set(weights)) > 1)
    down, flat, up = reweigh(prior, weights)
    assert up * prior[0] * weights[0] == pytest.approx(down * prior[2] * weights[2], rel=1e-9)
    assert up * prior[1] * weights[1] == pytest.approx(flat * prior[2] * weights[2], rel=1e-9)
