"""Machiavellian: watches for a market that somebody bends, warns, and believes that a bent move straightens again.

Surveillance only: nothing here deceives anybody. ``kernels.surveillance`` looks at bars for toxic flow (VPIN), a jump
of Kyle's lambda, volume without price, price without volume, and pump and dump. A detector that shows s deviations
above its own past scores s^4 / (s^4 + (tolerance h)^4) in [0, 1], h being the deviations that half a score takes: set
so that real bars as they were seldom score above 0.7, 0 to 4 in 1,000 by detector (docs/surveillance.md). The greatest
is the severity of the vote, which the seat raises as RISK_ALERT above ``alert_severity``. Detectors that need orders
and trades are in ``qbmia.surveillance``; no source has such events yet.

The exposure is minus the recent run, in deviations, squashed by x / (1 + |x|), times the severity: in a market that
nobody bends it is next to nothing. Without volume, or with less than half a baseline, it abstains.
"""

import math
from typing import Any, Final

import numpy as np

from bus.messages import DecisionRequest, PerformanceFeedback
from kernels import surveillance
from kernels.arrays import Floats
from kernels.surveillance import DETECTORS, Signs
from market.strategy import ABSTENTION, Scene, Vote
from market.window import VOLUME
from qbmia.calibration import Calibration
from qbmia.config import MachiavellianConfig

HALVES: Final = np.array([3.4, 2.3, 5.2, 3.8, 4.8])
"""Deviations at which each detector scores one half."""
_HALVES: Final[list[float]] = HALVES.tolist()


class Machiavellian:
    """The watch over one symbol."""

    def __init__(self, config: MachiavellianConfig) -> None:
        self._config = config
        self._calibration = Calibration(config.calibration, config.learning_rate)
        self.clear()

    def take(self, row: Floats) -> None:
        """Look at the bar."""
        config = self._config
        self._signs = surveillance.update(self._state, row, memory=config.memory_bars, fast=config.fast_bars)
        self._traded += row[VOLUME] > 0.0

    def clear(self) -> None:
        """Forget the baseline."""
        self._state = surveillance.initial()
        self._signs = Signs(np.zeros(len(DETECTORS)), 0.0)
        self._traded = 0

    def vote(self, scene: Scene) -> Vote:
        """Fade the run by the severity of what bends it."""
        if 2 * self._traded < self._config.memory_bars:
            return ABSTENTION
        run = self._signs.run
        scores = _scores(self._signs, self._config.tolerance)
        severity = max(scores)
        exposure = -severity * run / (1.0 + abs(run))
        reasons = (("run", run), (DETECTORS[scores.index(severity)], severity))
        return self._calibration.vote(scene, exposure, 1.0, reasons, severity)

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Recalibrate."""
        self._calibration.learn(settled, vote, feedback)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            **self._calibration.snapshot(),
            "state": self._state.copy(),
            "deviations": self._signs.scores.copy(),
            "run": self._signs.run,
            "traded": self._traded,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._calibration.restore(state)
        self._state = state["state"].copy()
        self._signs = Signs(state["deviations"].copy(), state["run"])
        self._traded = state["traded"]


def score(signs: Signs, tolerance: float) -> Floats:
    """Return the detectors' scores in [0, 1], shape (5,)."""
    return np.array(_scores(signs, tolerance))


def _scores(signs: Signs, tolerance: float) -> list[float]:
    scores = []
    for deviations, half in zip(signs.scores.tolist(), _HALVES, strict=True):
        halves = deviations / (tolerance * half)
        square = halves * halves
        power = square * square
        scores.append(power / (1.0 + power) if power < math.inf else 1.0)
    return scores
