"""What QUANTUM AMOS believes of each factor, and how a forecast moves the prior."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrays import Floats
from market.factors import DIRECTIONAL_FACTORS, FACTORS, Reading
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.posterior import Posterior, Situation, belief, contributions, signal_of, situation_of

PRIOR = (0.25, 0.4, 0.35)
WITHOUT_SENTIMENT = np.array([name != "sentiment" for name in FACTORS])
FLIPS: Floats = np.where(np.array(DIRECTIONAL_FACTORS), -1.0, 1.0)


def taught(rounds: int, *, seed: int = 1, mirrored: bool = False) -> Posterior:
    """Return a posterior after rounds in which trend and volatility knew something; sentiment was absent."""
    rng = np.random.default_rng(seed)
    posterior = Posterior(QuantumAmosConfig())
    for _ in range(rounds):
        factors = np.where(WITHOUT_SENTIMENT, rng.uniform(-1, 1, 8), 0.0)
        target = 0.6 * factors[0] - 0.3 * factors[1] + rng.normal()
        if mirrored:
            factors, target = FLIPS * factors, -target
        posterior.learn(Situation(factors, WITHOUT_SENTIMENT), target, 1.0)
    return posterior


def test_a_situation_is_what_was_measured_and_what_was_not() -> None:
    present = tuple(name != "correlation" for name in FACTORS)
    situation = situation_of(Reading(7, np.full(8, 0.5), present, np.zeros(10), 0.01))
    assert situation.present.tolist() == list(present)
    assert situation.factors.tolist() == [0.5] * 8


def test_an_absent_factor_keeps_its_prior_and_contributes_nothing() -> None:
    posterior, untaught = taught(200), Posterior(QuantumAmosConfig())
    absent = FACTORS.index("sentiment")
    ours, start = posterior.snapshot(), untaught.snapshot()
    np.testing.assert_array_equal(ours["state"][:, absent], start["state"][:, absent])
    assert ours["weights"][absent] == start["weights"][absent] == 0.125
    forecast = posterior.forecast(Situation(np.full(8, 0.5), WITHOUT_SENTIMENT))
    assert "sentiment" not in dict(contributions(forecast))
    loud = posterior.forecast(Situation(np.where(WITHOUT_SENTIMENT, 0.5, -1.0), WITHOUT_SENTIMENT))
    assert (loud.mean, loud.variance) == (forecast.mean, forecast.variance)


def test_contributions_sum_to_the_mean() -> None:
    forecast = taught(200).forecast(Situation(np.linspace(-1, 1, 8), WITHOUT_SENTIMENT))
    told = contributions(forecast)
    assert [name for name, _ in told] == [name for name in FACTORS if name != "sentiment"]
    assert math.fsum(value for _, value in told) == pytest.approx(forecast.mean, abs=1e-15)


def test_weight_goes_to_the_factor_that_knows() -> None:
    weights = taught(1_500).weights
    assert weights.sum() == pytest.approx(1.0)
    assert FACTORS[int(np.argmax(weights))] == "trend"
    assert weights[0] > 0.4


def test_a_mirrored_history_gives_the_mirrored_forecast() -> None:
    one, other = taught(100), taught(100, mirrored=True)
    factors = np.linspace(-0.9, 0.8, 8)
    ours = one.forecast(Situation(factors, WITHOUT_SENTIMENT))
    theirs = other.forecast(Situation(FLIPS * factors, WITHOUT_SENTIMENT))
    assert (ours.mean, ours.variance, ours.resolved) == (-theirs.mean, theirs.variance, theirs.resolved)
    np.testing.assert_array_equal(one.weights, other.weights)


def test_a_restored_posterior_goes_on_to_the_last_bit() -> None:
    posterior, twin = taught(50), Posterior(QuantumAmosConfig())
    twin.restore(posterior.snapshot())
    for each in (posterior, twin):
        each.learn(Situation(np.full(8, 0.3), WITHOUT_SENTIMENT), 1.2, 0.2)
    np.testing.assert_array_equal(posterior.snapshot()["state"], twin.snapshot()["state"])
    np.testing.assert_array_equal(posterior.weights, twin.weights)


def test_no_mean_leaves_the_prior() -> None:
    assert belief(PRIOR, 0.0, 1.0, 0.5) == PRIOR


def test_with_the_normal_law_as_prior_the_belief_is_the_forecast() -> None:
    normal = 0.5 * math.erfc(0.5 / math.sqrt(2))
    moved = belief((normal, 1 - 2 * normal, normal), 0.3, 1.0, 0.5)
    assert moved[2] == pytest.approx(0.5 * math.erfc(0.2 / math.sqrt(2)))
    assert moved[0] == pytest.approx(0.5 * math.erfc(0.8 / math.sqrt(2)))


@settings(deadline=None)
@given(mean=st.floats(-4, 4), variance=st.floats(0.2, 5), band=st.floats(0.05, 3))
def test_the_belief_is_a_distribution_and_a_mirror_mirrors_it(mean: float, variance: float, band: float) -> None:
    moved = belief(PRIOR, mean, variance, band)
    assert sum(moved) == pytest.approx(1.0, abs=1e-12)
    assert belief(PRIOR[::-1], -mean, variance, band) == moved[::-1]


@pytest.mark.parametrize(
    ("mean", "deviation", "signal"), [(0.0, 1.0, 0.0), (1.0, 1.0, 0.6826895), (-3.0, 1.5, -0.9545)]
)
def test_the_signal_is_the_balance_of_ups_and_downs(mean: float, deviation: float, signal: float) -> None:
    """The shares of the normal law within one and two standard deviations."""
    assert signal_of(mean, deviation) == pytest.approx(signal, abs=1e-6)
