"""How far QBMIA leans for what its crowd holds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.belief import tilt
from qbmia.calibration import RANGE, recalibrate
from tests.seats.driver import Table, make, walk

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


@pytest.mark.parametrize("persistence", [0.4, -0.4])
def test_a_market_that_persists_or_reverts_is_found(persistence: float) -> None:
    table = Table(make("qbmia"))
    for row in walk(2, 1_200, persistence=persistence):
        response = table.play(row)
    gains = [played.gain for played in table.played if played.gain is not None]
    assert sum(gains) / len(gains) > 0.003
    assert response.confidence > 0.25


def test_reasons_tell_shares_convergence_and_exploitability() -> None:
    table = Table(make("qbmia"))
    for row in walk(2, 80):
        response = table.play(row)
    reasons = dict(response.reasons)
    assert reasons["momentum"] + reasons["reversion"] + reasons["standing_aside"] == pytest.approx(1.0)
    assert reasons["residual"] <= 1e-10
    assert reasons["exploitability"] >= 0.0
