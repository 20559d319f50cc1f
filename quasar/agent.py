"""The QUASAR seat: a logistic regression over ten indicators that learns from every settled round."""

from typing import Any

from bus.agent import Agent
from bus.config import Settings
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.indicators import indicators
from market.belief import direction, tilt
from market.seat import Round, Seat, View
from quasar.config import QuasarConfig
from quasar.regression import FEATURES, Regression


class Quasar(Seat):
    """Believes what the indicators have come to mean, and is as confident as its record and its evidence allow."""

    def __init__(self, config: QuasarConfig, *, name: str = "quasar") -> None:
        super().__init__(name, config)
        self._config = config
        self._regressions: dict[str, Regression] = {}

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Tilt the prior by the regression; confidence is credibility times n / (n + evidence_rounds)."""
        values, _ = indicators(self.bars(symbol), self._config.volatility_decay)
        features = values[: len(FEATURES)]
        regression = self._regressions.get(symbol)
        if regression is None:
            regression = self._regressions[symbol] = Regression()
        lean, spread = regression.scores(features)
        evidence = regression.evidence
        grown = evidence / (evidence + self._config.evidence_rounds) if evidence > 0.0 else 0.0
        confidence = self.credibility(symbol) * grown
        return View(tilt(request.prior, lean, spread), confidence, regression.contributions(features), features)

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        """Teach the regression what came of the features it saw."""
        self._regressions[symbol].learn(
            settled.view.evidence,
            settled.request.prior,
            direction(feedback.outcome),
            horizon=settled.request.horizon,
            rate=self._config.learning_rate,
            shrinkage=self._config.shrinkage,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**super().snapshot(), "regressions": {key: each.snapshot() for key, each in self._regressions.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self._regressions = {key: Regression() for key in state["regressions"]}
        for key, each in self._regressions.items():
            each.restore(state["regressions"][key])


def build(settings: Settings) -> Agent:
    """Build the seat from its table."""
    return Quasar(settings.table("quasar", QuasarConfig))
