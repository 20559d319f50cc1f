"""What QUANTUM AMOS believes of each factor, and how the forecast moves the prior."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.arrays import Floats
from kernels.gaussian import Forecast
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.posterior import FACTORS, Posterior, Situation, belief
from tests.seats.driver import Table, make, walk

PRIOR = (0.25, 0.4, 0.35)
NONE: Floats = np.zeros(5)


def pooled(mean: float, variance: float = 1.0) -> Forecast:
    return Forecast(mean, variance, 0.0, NONE, NONE)


def test_no_mean_leaves_the_prior() -> None:
    assert belief(PRIOR, pooled(0.0), 0.5) == PRIOR


def test_with_the_normal_law_as_prior_the_belief_is_the_forecast() -> None:
    normal = 0.5 * math.erfc(0.5 / math.sqrt(2))
    moved = belief((normal, 1 - 2 * normal, normal), pooled(0.3), 0.5)
    assert moved[2] == pytest.approx(0.5 * math.erfc(0.2 / math.sqrt(2)))
    assert moved[0] == pytest.approx(0.5 * math.erfc(0.8 / math.sqrt(2)))


@given(mean=st.floats(-4, 4), variance=st.floats(0.2, 5), band=st.floats(0.05, 3))
def test_the_belief_is_a_distribution_and_a_mirror_mirrors_it(mean: float, variance: float, band: float) -> None:
    moved = belief(PRIOR, pooled(mean, variance), band)
    assert sum(moved) == pytest.approx(1.0, abs=1e-12)
    assert belief(PRIOR[::-1], pooled(-mean, variance), band) == moved[::-1]


def test_an_outlier_counts_as_the_limit() -> None:
    config = QuantumAmosConfig(outlier_sigmas=3.0)
    wild, tame = Posterior(config), Posterior(config)
    wild.learn(Situation(np.full(5, 0.5), 0.01), -0.8, 1)
    tame.learn(Situation(np.full(5, 0.5), 0.01), -0.03, 1)
    np.testing.assert_array_equal(wild.snapshot()["state"], tame.snapshot()["state"])


def test_without_a_scale_nothing_is_learned() -> None:
    posterior = Posterior(QuantumAmosConfig())
    before = posterior.snapshot()["state"]
    posterior.learn(Situation(NONE, 0.0), 0.02, 1)
    np.testing.assert_array_equal(posterior.snapshot()["state"], before)


def test_reasons_name_every_factor_and_the_forecast() -> None:
    seat = make("quantum_amos")
    table = Table(seat)
    for row in walk(3, 90):
        response = table.play(row)
    assert [name for name, _ in response.reasons] == [*FACTORS, "mean", "deviation", "resolved"]
    resolved = dict(response.reasons)["resolved"]
    assert 0.0 < resolved < 1.0
    assert response.confidence == resolved * seat.credibility("SPX")


def test_a_market_of_long_drifts_is_found() -> None:
    rng = np.random.default_rng(5)
    drift = np.repeat(rng.choice([-1.0, 1.0], 40) * 0.006, 50)
    rows = walk(6, 2_000)
    factor = np.exp(np.cumsum(drift))
    rows[:, :4] *= factor[:, None]
    table = Table(make("quantum_amos"))
    responses = [table.play(row) for row in rows]
    gains = [played.gain for played in table.played if played.gain is not None]
    assert sum(gains[500:]) / len(gains[500:]) > 0.003
    assert responses[63].confidence == 0.0
    assert max(each.confidence for each in responses[-200:]) > 0.25
