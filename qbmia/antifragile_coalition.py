"""Antifragile coalition: leans with those players of the market who gain from volatility and calm the others' tail.

``kernels.players`` keeps four of them, reversion, momentum, trend and breakout, each a position in [-1, 1] and what it
has earned bar by bar, in volatilities. Over the last n bars:

- a coalition S is worth v(S) = -ES of the equal-weight mean of its members' earnings (Rockafellar and Uryasev 2002);
- phi are the Shapley values of that game (Shapley 1953), and the split phi is in the core if no coalition would be
  better off alone (Gillies 1959);
- g_i is player i's Jensen gap, E f(sigma+d) + E f(sigma-d) - 2 f(sigma), in standard errors: positive for who gains
  from volatility (Taleb and Douady 2013).

Exposure = sum_i pi_i a_i position_i, pi = softmax(phi / temperature) the lead of each in the coalition, and
a_i = g_i / (g_i + ``gap_errors``) for g_i > 0, else 0: a player who loses by volatility does not lead at all. The vote
is trusted in full if the Shapley split is in the core and by half if it is not, since then some would rather leave.
"""

from typing import Any, Final

from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.arrays import Floats
from kernels.players import Players
from market.strategy import ABSTENTION, Scene, Vote
from market.window import CLOSE
from qbmia.calibration import Calibration
from qbmia.config import AntifragileCoalitionConfig

_TOLERANCE: Final = 1e-9
_UNSTABLE: Final = 0.5


class AntifragileCoalition:
    """The players of one symbol."""

    def __init__(self, config: AntifragileCoalitionConfig, *, decay: float) -> None:
        self._config = config
        self._players = Players(config.history_bars, decay)
        self._calibration = Calibration(config.calibration, config.learning_rate)

    def take(self, row: Floats) -> None:
        """Let every player earn."""
        self._players.update(float(row[CLOSE]))

    def clear(self) -> None:
        """Forget what they earned."""
        self._players.clear()

    def vote(self, scene: Scene) -> Vote:
        """Lean with the antifragile players; abstain while there is too little to judge them by."""
        config = self._config
        if len(self._players) < config.least_bars:
            return ABSTENTION
        found = self._players.lead(config.level, config.temperature, config.gap_errors)
        is_stable = found.excess <= _TOLERANCE
        reasons = (
            ("value", found.value),
            ("best_gap", found.best_gap),
            ("in_core", float(is_stable)),
        )
        return self._calibration.vote(scene, found.exposure, 1.0 if is_stable else _UNSTABLE, reasons)

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Recalibrate."""
        self._calibration.learn(settled, vote, feedback)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**self._calibration.snapshot(), **self._players.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._calibration.restore(state)
        self._players.restore(state)
