"""Q*: a desk that learns what each action is worth in each situation, and what it believes for it.

State: the cell of the ten features in causal quantile bins (``kernels.bins``), with the sign of the position.
Actions, reward and learning rule are those of ``kernels.qlearning``; a round of horizon h learns at 1/h of the rate,
because outcomes of successive rounds overlap. With both tables' mean Q at a flat position, unit u and visits n of the
situation,

    edge = (Q[BUY] - Q[SELL]) / (2 u) * n / (n + doubt),    lean = calibration * edge,

in bands and in log odds (shape: one number each). Divided by 2 u, the difference is the mean return of the round in
bands, plus what a position is worth afterwards. The belief is the prior tilted by the lean, the calibration a
positive number that the log score of past rounds has set (``quasar.calibration``), and the confidence n / (n +
doubt). A situation never met, or one without a direction, is the prior.

The policy is greedy: nothing is explored outside training, and nothing needs to be, because a return tells what every
action would have earned (``quasar.training`` explores).
"""

from typing import Any, Final

from bus.messages import Action, DecisionRequest, PerformanceFeedback
from kernels.arrays import Floats
from market.belief import direction, tilt
from market.strategy import Scene, Vote
from quasar.calibration import recalibrate
from quasar.config import QStarConfig
from quasar.learner import Learner, Situation, Step

ACTIONS: Final = tuple(Action)
"""In the order of ``kernels.qlearning``."""


class QStar:
    """Believes what its own action values say of buying against selling."""

    def __init__(self, config: QStarConfig) -> None:
        self._config = config
        self._learner = Learner(config)
        self._calibration = config.calibration

    def take(self, row: Floats) -> None:
        """Nothing: a situation is learned when its round settles."""

    def clear(self) -> None:
        """Nothing: what was learned stays, and a chain that breaks is seen by its bars."""

    def vote(self, scene: Scene) -> Vote:
        """Tilt the prior by the edge of the situation."""
        request, features = scene.request, scene.reading.features
        situation = self._learner.situation(features)
        position = (request.position > 0) - (request.position < 0)
        action = self._learner.act(situation, position)
        visits = self._learner.visits(situation)
        known = visits / (visits + self._config.doubt_visits) if visits > 0.0 else 0.0
        edge = self._learner.edge(situation) * known
        lean = self._calibration * edge
        confidence = known if scene.reading.sigma > 0.0 else 0.0
        evidence = [list(situation), position, action, edge, features]
        reasons = ((f"would {ACTIONS[action].lower()}", 1.0), ("edge", edge), ("visits", visits), ("lean", lean))
        return Vote(tilt(request.prior, lean), confidence, reasons, evidence)

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Learn what every action would have earned, and how far the edge was to be believed."""
        if vote.belief is None:
            return
        (number, turn), position, action, edge, features = vote.evidence
        config, weight = self._config, 1.0 / settled.horizon
        self._calibration = recalibrate(
            self._calibration,
            config.calibration,
            edge,
            vote.belief,
            direction(feedback.outcome),
            config.calibration_rate * weight,
        )
        move, cost = feedback.realized_return / settled.band, config.cost / settled.band
        step = Step(Situation(number, turn), position, action, move, cost)
        self._learner.settle(settled.bar, settled.horizon, step)
        self._learner.observe(features, weight)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"learner": self._learner.snapshot(), "calibration": self._calibration}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._learner.restore(state["learner"])
        self._calibration = state["calibration"]
