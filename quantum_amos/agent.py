"""The QUANTUM AMOS seat: Gaussian beliefs about what each factor says of the next return."""

import math
from typing import Any

import numpy as np

from bus.agent import Agent
from bus.config import Settings
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.indicators import indicators
from market.seat import Round, Seat, View
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.posterior import COLUMNS, FACTORS, Posterior, Situation, belief


class QuantumAmos(Seat):
    """Believes the pooled forecast, and is as confident as its record and the doubt it has resolved allow."""

    def __init__(self, config: QuantumAmosConfig, *, name: str = "quantum_amos") -> None:
        super().__init__(name, config)
        self._config = config
        self._columns = np.array(COLUMNS)
        self._posteriors: dict[str, Posterior] = {}

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Move the prior by the forecast; confidence is credibility times the share of doubt resolved.

        Where closes never moved there is no scale for a forecast: the prior, without confidence.
        """
        values, sigma = indicators(self.bars(symbol), self._config.volatility_decay)
        factors = values[self._columns]
        posterior = self._posteriors.get(symbol)
        if posterior is None:
            posterior = self._posteriors[symbol] = Posterior(self._config)
        forecast = posterior.forecast(factors)
        believed = request.prior
        if sigma > 0.0:
            believed = belief(request.prior, forecast, request.band / (sigma * math.sqrt(request.horizon)))
        reasons = (
            *zip(FACTORS, forecast.means.tolist(), strict=True),
            ("mean", forecast.mean),
            ("deviation", math.sqrt(forecast.variance)),
            ("resolved", forecast.resolved),
        )
        confidence = self.credibility(symbol) * forecast.resolved
        return View(believed, confidence, reasons, (factors, sigma))

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        """Update every factor's belief by the return it preceded."""
        situation = Situation(*settled.view.evidence)
        self._posteriors[symbol].learn(situation, feedback.realized_return, settled.request.horizon)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**super().snapshot(), "posteriors": {key: each.snapshot() for key, each in self._posteriors.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self._posteriors = {key: Posterior(self._config) for key in state["posteriors"]}
        for key, each in self._posteriors.items():
            each.restore(state["posteriors"][key])


def build(settings: Settings) -> Agent:
    """Build the seat from its table."""
    return QuantumAmos(settings.table("quantum_amos", QuantumAmosConfig))
