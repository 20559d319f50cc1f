"""What the factors of one symbol are believed to say about its next return.

Five of the eight standard factors, those that the bars of one symbol show: trend, momentum, volatility, liquidity and
anomaly. Each has a Gaussian belief (``kernels.gaussian``) about the return over the horizon in units of sigma
sqrt(h).

The pooled forecast N(m, v) moves the prior by what its mean adds: p_k proportional to prior_k q_k(m, v) / q_k(0, v),
with q the normal probabilities of the three outcomes. A mean of 0 leaves the prior as it is.
"""

import math
from typing import Any, Final, NamedTuple

from bus.message import Probabilities
from kernels import gaussian
from kernels.arrays import Floats
from kernels.gaussian import Forecast
from kernels.indicators import NAMES
from market.belief import reweigh
from quantum_amos.config import QuantumAmosConfig

FACTORS: Final = ("trend", "momentum", "volatility", "liquidity", "anomaly")
COLUMNS: Final = tuple(NAMES.index(name) for name in FACTORS)


class Situation(NamedTuple):
    """The factors, shape (5,), and the volatility of log returns per bar, when a question was answered."""

    factors: Floats
    sigma: float


class Posterior:
    """Gaussian beliefs of one symbol, updated by every settled round."""

    def __init__(self, config: QuantumAmosConfig) -> None:
        self._config = config
        self._start = gaussian.initial(
            len(FACTORS), prior_variance=config.prior_variance, noise_rounds=config.noise_rounds
        )
        self._state = self._start

    def forecast(self, factors: Floats) -> Forecast:
        """Pool what each factor says about the standardised return."""
        return gaussian.forecast(self._state, self._start, factors)

    def learn(self, situation: Situation, realized_return: float, horizon: int) -> None:
        """Take a settled round; one of horizon h counts 1/h, because successive returns overlap."""
        if situation.sigma == 0.0:
            return
        limit = self._config.outlier_sigmas
        target = realized_return / (situation.sigma * math.sqrt(horizon))
        self._state = gaussian.learn(
            self._state,
            self._start,
            situation.factors,
            min(max(target, -limit), limit),
            forgetting=self._config.forgetting,
            importance=1.0 / horizon,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"state": self._state.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._state = state["state"].copy()


def belief(prior: Probabilities, forecast: Forecast, band: float) -> Probabilities:
    """Return the prior moved by the mean of ``forecast``; ``band`` is in standardised returns."""
    if forecast.mean == 0.0:
        return prior
    moved = gaussian.band_probabilities(forecast.mean, forecast.variance, band)
    unmoved = gaussian.band_probabilities(0.0, forecast.variance, band)
    return reweigh(prior, (moved[0] / unmoved[0], moved[1] / unmoved[1], moved[2] / unmoved[2]))
