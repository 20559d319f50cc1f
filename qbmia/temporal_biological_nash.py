"""Temporal-biological Nash: where a population of momentum, reversion and idle traders comes to rest.

Momentum and reversion at three memories and standing aside are seven strategies. Each has earned a discounted mean, in
units of volatility, of which the population hears some bars late; who holds what all hold pays for crowding. Logit
(quantal-response) dynamics x' = softmax(u(x) / temperature) - x lead to the one equilibrium of this game
(``kernels.logit``: McKelvey and Palfrey 1995, Fudenberg and Levine 1998, Sandholm 2010). The exposure, in [-1, 1], is
what the population holds there in sum, and the belief tilts the prior by it, times a learned calibration.

Reports the residual of the dynamics and the exploitability, what the best single strategy earns above the population,
in units of payoff. Dynamics that have not come to rest are not trusted: confidence 0.
"""

import numpy as np

from kernels.logit import rest
from market.strategy import ABSTENTION, Scene, Vote
from market.window import CLOSE
from qbmia.calibration import Windowed
from qbmia.config import TemporalBiologicalNashConfig


class TemporalBiologicalNash(Windowed):
    """The population of one symbol; all it has seen lies in the window of bars."""

    def __init__(self, config: TemporalBiologicalNashConfig, *, decay: float) -> None:
        self._config = config
        self._decay = decay
        self._memories = np.array(config.memories_bars, dtype=np.int64)
        super().__init__(config.calibration, config.learning_rate)

    def vote(self, scene: Scene) -> Vote:
        """Lean with what the population holds at rest; abstain where the window is shorter than the delay allows."""
        config = self._config
        if len(scene.rows) < 3 + config.delay_bars:
            return ABSTENTION
        found = rest(
            scene.rows[:, CLOSE],
            self._memories,
            decay=self._decay,
            discount=config.payoff_discount,
            delay=config.delay_bars,
            temperature=config.temperature,
            crowding=config.crowding,
        )
        reasons = (
            ("momentum", found.momentum),
            ("residual", found.residual),
            ("exploitability", found.exploitability),
        )
        return self._calibration.vote(scene, found.exposure, 1.0 if found.has_converged else 0.0, reasons)
