"""How far a strategy leans for the exposure it asks for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.belief import tilt
from market.strategy import Vote
from qbmia.calibration import RANGE, Calibration, has_moved, recalibrate
from tests.seats.driver import feedback, request, walk

PRIOR = (0.3, 0.45, 0.25)


@given(calibration=st.floats(0.05, 1), exposure=st.floats(-1, 1), direction=st.sampled_from([-1, 0, 1]))
def test_the_step_follows_the_slope_of_the_log_score(calibration: float, exposure: float, direction: int) -> None:
    def score(c: float) -> float:
        return math.log(tilt(PRIOR, c * exposure)[direction + 1])

    slope = (score(calibration + 1e-6) - score(calibration - 1e-6)) / 2e-6
    belief = tilt(PRIOR, calibration * exposure)
    new = recalibrate(calibration, calibration, exposure, belief, direction, 0.2)
    assert new == pytest.approx(calibration * math.exp(0.2 * slope), rel=1e-6)


def test_being_right_raises_it_and_being_wrong_lowers_it() -> None:
    belief = tilt(PRIOR, 0.2)
    assert recalibrate(0.4, 0.4, 0.5, belief, 1, 0.1) > 0.4 > recalibrate(0.4, 0.4, 0.5, belief, -1, 0.1)


def test_it_stays_in_its_range() -> None:
    calibration = 0.4
    for _ in range(1_000):
        calibration = recalibrate(calibration, 0.4, 1.0, PRIOR, -1, 1.0)
    assert calibration == 0.4 / RANGE
    for _ in range(1_000):
        calibration = recalibrate(calibration, 0.4, 1.0, PRIOR, 1, 1.0)
    assert calibration == 0.4 * RANGE


@given(exposure=st.floats(-1, 1), direction=st.sampled_from([-1, 0, 1]))
def test_a_mirrored_round_teaches_the_same(exposure: float, direction: int) -> None:
    belief = tilt(PRIOR, 0.4 * exposure)
    mirrored = tilt(PRIOR[::-1], -0.4 * exposure)
    assert recalibrate(0.4, 0.4, exposure, belief, direction, 0.1) == recalibrate(
        0.4, 0.4, -exposure, mirrored, -direction, 0.1
    )


@pytest.mark.parametrize("horizon", [1, 4])
def test_overlapping_rounds_count_by_their_horizon(horizon: int) -> None:
    calibration = Calibration(0.4, 0.1)
    belief = tilt(PRIOR, 0.2)
    message = feedback(0, horizon, 1, 0.02, 0.005)
    calibration.learn(request(0, horizon=horizon), Vote(belief, 1.0, (), 0.5), message)
    assert calibration.value == recalibrate(0.4, 0.4, 0.5, belief, 1, 0.1 / horizon)


def test_an_abstention_teaches_nothing() -> None:
    calibration = Calibration(0.4, 0.1)
    calibration.learn(request(0), Vote(None, 0.0), feedback(0, 1, 1, 0.02, 0.005))
    assert calibration.value == 0.4


def test_closes_that_differ_have_moved() -> None:
    rows = walk(1, 5)
    assert has_moved(rows)
    rows[:, 3] = 7.0
    assert not has_moved(rows)
    rows[2, 3] = 8.0
    assert has_moved(rows)
