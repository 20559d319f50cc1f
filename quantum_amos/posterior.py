"""What the factors of one symbol are believed to say about its next return.

Each of the eight standard factors (``market.factors``) has a Gaussian belief about the return over the horizon, in
units of sigma sqrt(h), and a weight in the pool of them that it earns by exponentiated gradient on the pool's log score
(``kernels.gaussian`` has the formulas). A factor that is absent keeps both and has no say.

The pooled forecast N(m, v) moves the prior by what its mean adds: p_k proportional to prior_k q_k(m, v) / q_k(0, v),
with q the normal probabilities of the three outcomes. A mean of 0 leaves the prior as it is.
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bus.message import Probabilities
from kernels import gaussian
from kernels.arrays import Bools, Floats
from kernels.gaussian import Forecast
from market.belief import reweigh
from market.factors import FACTORS, Reading
from quantum_amos.config import QuantumAmosConfig


class Situation(NamedTuple):
    """The factors, and which of them there are, both of shape (8,)."""

    factors: Floats
    present: Bools


def situation_of(reading: Reading) -> Situation:
    """Return what a belief rests on, of all that was measured."""
    return Situation(reading.factors, flags(reading.present))


@cache
def flags(present: tuple[bool, ...]) -> Bools:
    """Return which factors there are as an array, the same one each time, not to be changed."""
    return np.array(present)


class Posterior:
    """Gaussian beliefs of one symbol, updated by every settled round."""

    def __init__(self, config: QuantumAmosConfig) -> None:
        self._config = config
        self._start = gaussian.initial(
            len(FACTORS), prior_variance=config.prior_variance, noise_rounds=config.noise_rounds
        )
        self._state = self._start.copy()
        self._equal = np.full(len(FACTORS), 1.0 / len(FACTORS))
        self._weights = self._equal.copy()

    @property
    def weights(self) -> Floats:
        """Weight that each factor has earned, shape (8,), summing to 1."""
        return self._weights

    def forecast(self, situation: Situation) -> Forecast:
        """Pool what each factor says about the standardised return."""
        return gaussian.forecast(self._state, self._start, situation.factors, situation.present, self._weights)

    def learn(self, situation: Situation, target: float, importance: float) -> None:
        """Take a settled round: its standardised return, and its importance, 1/h where rounds of h bars overlap."""
        config = self._config
        gaussian.settle(
            self._state, self._start, self._weights, self._equal, situation.factors, situation.present, target,
            forgetting=config.forgetting, importance=importance, rate=config.learning_rate * importance,
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"state": self._state.copy(), "weights": self._weights.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._state, self._weights = state["state"].copy(), state["weights"].copy()


def contributions(forecast: Forecast) -> tuple[tuple[str, float], ...]:
    """Return how much of the pooled mean comes from each factor that is present; they sum to it."""
    variance = forecast.variance
    parts = zip(FACTORS, forecast.shares.tolist(), forecast.means.tolist(), forecast.variances.tolist(), strict=True)
    return tuple([(name, variance * share * mean / own) for name, share, mean, own in parts if share > 0.0])


def belief(prior: Probabilities, mean: float, variance: float, band: float) -> Probabilities:
    """Return the prior moved by a forecast of ``mean`` and ``variance``; ``band`` is in standardised returns."""
    if mean == 0.0:
        return prior
    moved = gaussian.band_probabilities(mean, variance, band)
    unmoved = gaussian.band_probabilities(0.0, variance, band)
    return reweigh(prior, (moved[0] / unmoved[0], moved[1] / unmoved[1], moved[2] / unmoved[2]))


def signal_of(mean: float, deviation: float) -> float:
    """Return P(return > 0) - P(return < 0) under the forecast, in [-1, 1]."""
    return math.erf(mean / (deviation * math.sqrt(2.0)))
