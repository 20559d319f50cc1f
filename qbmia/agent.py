"""The QBMIA seat: asks the game of momentum and reversion what the crowd holds, and leans with it."""

from typing import Any

import numpy as np

from bus.agent import Agent
from bus.config import Settings
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.logit import Equilibrium, equilibrium, payoffs
from market.belief import direction, tilt
from market.seat import Round, Seat, View
from market.window import CLOSE
from qbmia.calibration import recalibrate
from qbmia.config import QbmiaConfig


class Qbmia(Seat):
    """Believes that the next move goes with the exposure of a crowd in quantal-response equilibrium."""

    def __init__(self, config: QbmiaConfig, *, name: str = "qbmia") -> None:
        super().__init__(name, config)
        self._config = config
        self._memories = np.array(config.memories_bars, dtype=np.int64)
        self._calibrations: dict[str, float] = {}

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Lean with the crowd's exposure; without confidence where the dynamics did not come to rest."""
        config = self._config
        earned, holdings = payoffs(
            self.bars(symbol)[:, CLOSE].copy(),
            self._memories,
            decay=config.volatility_decay,
            discount=config.payoff_discount,
        )
        rest = equilibrium(earned, holdings, temperature=config.temperature, crowding=config.crowding)
        lean = self._calibrations.get(symbol, config.calibration) * rest.exposure
        confidence = self.credibility(symbol) if rest.has_converged else 0.0
        return View(tilt(request.prior, lean), confidence, self._reasons(rest, lean), rest.exposure)

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        """Believe the crowd more where it was right, less where it was wrong."""
        belief = settled.view.belief
        if belief is None:
            return
        self._calibrations[symbol] = recalibrate(
            self._calibrations.get(symbol, self._config.calibration),
            self._config.calibration,
            settled.view.evidence,
            belief,
            direction(feedback.outcome),
            self._config.learning_rate / settled.request.horizon,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**super().snapshot(), "calibrations": dict(self._calibrations)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self._calibrations = dict(state["calibrations"])

    def _reasons(self, rest: Equilibrium, lean: float) -> tuple[tuple[str, float], ...]:
        shares = rest.shares.tolist()
        return (
            ("momentum", sum(shares[0:-1:2])),
            ("reversion", sum(shares[1:-1:2])),
            ("standing_aside", shares[-1]),
            ("exposure", rest.exposure),
            ("lean", lean),
            ("residual", rest.residual),
            ("exploitability", rest.exploitability),
        )


def build(settings: Settings) -> Agent:
    """Build the seat from its table."""
    return Qbmia(settings.table("qbmia", QbmiaConfig))
