"""Quantum Nash: a game between the desk and the crowd about the last move, and where its equilibrium puts the desk.

**Cells.** ``kernels.crowd`` tells at each close whether the crowd chased or faded the last move, and what standing with
the move earned in the bar that followed: W_chase and W_fade, shrunk, in volatilities a bar, from bars up to now.

**Game.** Rows are the desk (with the move, flat, against it), columns the crowd (chasing, fading); k is the price of
standing where the other stands, c that of standing anywhere:

    desk   with (W_chase - c - k, W_fade - c)    flat (0, 0)    against (-W_chase - c, -W_fade - c - k)
    crowd  with (W_chase - k, -W_fade)    flat (W_chase, -W_fade)    against (W_chase, -W_fade - k)

**Classical.** All equilibria by support enumeration; one whose regret exceeds 1e-9 is not used. Among several the one
with the highest sum of payoffs stands (payoff dominance); those that tie within 1e-9 are averaged. With x the desk's
mixture and d the direction of the move, its exposure is d (x_with - x_against).

**Quantum.** The 2x2 core (desk with or against, crowd chasing or fading, the first of each to cooperate) is played
after Eisert, Wilkens and Lewenstein (1999) over the strategies C, D, Q and the miracle move M, entangled by
gamma = (pi / 2) |crowd correlation|: the standard factor ``correlation``, how alike this market and the others move,
or, with no other market to compare, herding, the crowd's mean action. The equilibrium of that 4x4 game, selected alike,
gives the expected measurement m in [-1, 1] of the desk's qubit, 1 for with. Whether the desk takes part at all is as in
the classical game, so the exposure becomes d (1 - x_flat) m. Mostly that is less than the classical one: where the desk
would go with the move for certain, an entangled crowd's Q leaves it there by cos^2 gamma. Without quantum the exposure
is the classical one.

The belief tilts the prior by the exposure times a learned calibration. Rows and columns know the move and not the
market's direction, so mirrored prices flip d alone. Vote: exposure in [-1, 1]; ``kernels.desk`` reckons it in one call.
Sources: Porter, Nudelman and Shoham 2008; Eisert, Wilkens and Lewenstein 1999; Harsanyi and Selten 1988 (payoff
dominance).
"""

import math
from typing import Any, Final

import numpy as np

from bus.messages import DecisionRequest, PerformanceFeedback
from kernels import crowd
from kernels.arrays import Floats
from kernels.desk import stand
from kernels.ewl import COOPERATE, DEFECT, MIRACLE, QUANTUM
from market.factors import FACTORS
from market.strategy import ABSTENTION, Scene, Vote
from qbmia.calibration import Calibration
from qbmia.config import QuantumNashConfig

_STRATEGIES: Final = np.array([COOPERATE, DEFECT, QUANTUM, MIRACLE])
_CORRELATION: Final = FACTORS.index("correlation")


class QuantumNash:
    """The desk's equilibrium against one symbol's crowd."""

    def __init__(self, config: QuantumNashConfig, *, decay: float, quantum: bool) -> None:
        self._config = config
        self._decay = decay
        self._quantum = quantum
        self._calibration = Calibration(config.calibration, config.learning_rate)
        self._state = crowd.initial()

    def take(self, row: Floats) -> None:
        """Count the bar into its cell."""
        config = self._config
        crowd.update(self._state, row, memory=config.memory_bars, decay=self._decay, discount=config.discount)

    def clear(self) -> None:
        """Forget the crowd."""
        self._state = crowd.initial()

    def vote(self, scene: Scene) -> Vote:
        """Lean with the desk's equilibrium; abstain while both cells are thin or no equilibrium has its certificate."""
        config, reading = self._config, scene.reading
        seen = stand(
            self._state,
            shrinkage=config.shrinkage_bars,
            crowding=config.crowding,
            cost=config.cost,
            correlation=float(reading.factors[_CORRELATION]) if reading.present[_CORRELATION] else None,
            strategies=_STRATEGIES if self._quantum else None,
        )
        if max(seen.chases, seen.fades) < config.least_bars or math.isnan(seen.exposure):
            return ABSTENTION
        reasons = (
            ("chasing", seen.chasing),
            ("fading", seen.fading),
            ("correlation", seen.correlation),
            ("degenerate", seen.is_degenerate),
        )
        return self._calibration.vote(scene, seen.direction * seen.exposure, 1.0, reasons)

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Recalibrate."""
        self._calibration.learn(settled, vote, feedback)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**self._calibration.snapshot(), "state": self._state.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._calibration.restore(state)
        self._state = state["state"].copy()
