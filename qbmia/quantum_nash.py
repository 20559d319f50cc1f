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
market's direction, so mirrored prices flip d alone. Vote: exposure in [-1, 1]. Sources: Porter, Nudelman and Shoham
2008; Eisert, Wilkens and Lewenstein 1999; Harsanyi and Selten 1988 (payoff dominance).
"""

import math
from typing import Any, Final

import numpy as np

from bus.messages import DecisionRequest, PerformanceFeedback
from kernels import crowd
from kernels.arrays import Floats
from kernels.crowd import Crowd
from kernels.ewl import COOPERATE, DEFECT, MIRACLE, QUANTUM
from kernels.selection import entangled_position, payoff_dominant
from market.factors import FACTORS, Reading
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
        seen = crowd.read(self._state, self._config.shrinkage_bars)
        if max(seen.chases, seen.fades) < self._config.least_bars:
            return ABSTENTION
        row, column = game(seen, self._config.crowding, self._config.cost)
        selected = payoff_dominant(row, column)
        if not selected.certified:
            return ABSTENTION
        correlation = crowd_correlation(seen, scene.reading)
        with_move, aside, against = selected.row.tolist()
        exposure = with_move - against
        if self._quantum and aside < 1.0:
            gamma = entanglement(correlation)
            measured = entangled_position(row[::2], column[::2], gamma, _STRATEGIES)
            if measured is None:
                return ABSTENTION
            exposure = (1.0 - aside) * measured
        reasons = (
            ("chasing", seen.chasing),
            ("fading", seen.fading),
            ("correlation", correlation),
            ("degenerate", float(selected.is_degenerate)),
        )
        return self._calibration.vote(scene, seen.direction * exposure, 1.0, reasons)

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


def game(seen: Crowd, crowding: float, cost: float) -> tuple[Floats, Floats]:
    """Return the payoffs of desk and crowd, shape (3, 2) each, in volatilities a bar."""
    chase, fade = seen.chasing, seen.fading
    desk = [[chase - cost - crowding, fade - cost], [0.0, 0.0], [-chase - cost, -fade - cost - crowding]]
    others = [[chase - crowding, -fade], [chase, -fade], [chase, -fade - crowding]]
    return np.array(desk), np.array(others)


def crowd_correlation(seen: Crowd, reading: Reading) -> float:
    """Return how alike markets move, or how alike this one's crowd acts where there is no other, in [-1, 1]."""
    return float(reading.factors[_CORRELATION]) if reading.present[_CORRELATION] else seen.herding


def entanglement(correlation: float) -> float:
    """Return gamma = (pi / 2) |correlation|, in [0, pi / 2]."""
    return 0.5 * math.pi * min(abs(correlation), 1.0)
