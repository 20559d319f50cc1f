"""How far a belief leans for the exposure a strategy asks for: one positive number, learned from the log score.

The belief is p proportional to (prior_down e^(-c a), prior_flat, prior_up e^(c a)), with a the exposure in [-1, 1] and
c the calibration. The slope of ln p[outcome] in c is a (y - (p_up - p_down)), y = -1, 0, 1 for down, flat, up, so that

    c <- c exp(rate * a * (y - (p_up - p_down))),

kept within a factor ``RANGE`` of where it began: an exponentiated gradient (Kivinen and Warmuth 1997). It cannot
change sign, so a strategy is believed more or less, never the reverse; a mirrored round moves it the same way. Rounds
of horizon h overlap: each counts 1/h.
"""

import math
from typing import Any, Final

from bus.message import Probabilities
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.arrays import Floats
from market.belief import direction, tilt
from market.strategy import Reasons, Scene, Vote
from market.window import CLOSE

RANGE: Final = 10.0


def recalibrate(
    calibration: float, initial: float, exposure: float, belief: Probabilities, direction: int, rate: float
) -> float:
    """Return the calibration after a round whose belief came from ``exposure`` and whose outcome was ``direction``."""
    slope = exposure * (direction - (belief[2] - belief[0]))
    return min(max(calibration * math.exp(rate * slope), initial / RANGE), initial * RANGE)


def has_moved(rows: Floats) -> bool:
    """Tell whether the closes of a window, shape (n, 5), differ."""
    if rows[0, CLOSE] != rows[-1, CLOSE]:
        return True
    closes = rows[:, CLOSE]
    return bool(closes.min() != closes.max())


class Calibration:
    """One symbol's calibration of one strategy.

    Parameters
    ----------
    initial
        Lean of the belief per unit of exposure to begin with, > 0.
    rate
        How fast the log score moves it, >= 0.
    """

    def __init__(self, initial: float, rate: float) -> None:
        self.initial = initial
        self._rate = rate
        self.value = initial

    def vote(self, scene: Scene, exposure: float, confidence: float, reasons: Reasons, severity: float = 0.0) -> Vote:
        """Lean with ``exposure``; where prices never moved there is nothing to believe but the prior."""
        prior = scene.request.prior
        if not has_moved(scene.rows):
            return Vote(prior, 0.0, reasons, 0.0)
        belief = tilt(prior, self.value * exposure)
        return Vote(belief, confidence, (*reasons, ("exposure", exposure)), exposure, None, severity)

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Believe the strategy more where it was right, less where it was wrong."""
        if vote.belief is not None:
            rate = self._rate / settled.horizon
            side = direction(feedback.outcome)
            self.value = recalibrate(self.value, self.initial, vote.evidence, vote.belief, side, rate)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"calibration": self.value}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.value = state["calibration"]


class Windowed:
    """A strategy of one symbol that measures all it needs in the window of bars; what it learns is its calibration."""

    def __init__(self, initial: float, rate: float) -> None:
        self._calibration = Calibration(initial, rate)

    def take(self, row: Floats) -> None:
        """Nothing: the window has it."""

    def clear(self) -> None:
        """Nothing: the window forgets."""

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Recalibrate."""
        self._calibration.learn(settled, vote, feedback)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return self._calibration.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._calibration.restore(state)
