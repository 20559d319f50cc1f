"""River: an online logistic regression that notices when what it has learned no longer holds.

With o = ln(pi_up / pi_down), the prior's own log odds, x the directional features and, so that the even ones count
without breaking the mirror, volatility times return and ADX times trend (shape (10,), all in [-1, 1]),

    P(up | not flat) = 1 / (1 + exp(-(o + w . x))),    p_flat = pi_flat,

learned by the river library's LogisticRegression with AdaGrad (Duchi, Hazan and Singer 2011): steps of
rate / sqrt(1 + sum of squared gradients), a penalty on squared weights, from w = 0, which is the prior. A flat round
teaches nothing of direction. A round of horizon h learns at 1/h of the rate.

The loss that is watched for drift (``quasar.drift``) is 1 where the side that the regression made likelier than the
prior was wrong, 0 where it was right, and 1/2 where there was none. With the alarm a in [0, 1] that a drift leaves,

    rate = learning_rate * (1 + (drift_boost - 1) a),    confidence = n / (n + doubt_rounds) * (1 - drift_doubt a),

n the rounds learned; a drift also starts the sum of squared gradients anew. While the alarm is above one half, a bar
whose anomaly score is high (``quasar.anomaly``) makes the vote suspect a release.
"""

import math
from operator import itemgetter
from typing import Any, Final

from bus.message import Probabilities
from bus.messages import DecisionRequest, PerformanceFeedback, Phase
from kernels.arrays import Floats
from market.belief import direction
from market.factors import DIRECTIONAL_FEATURES, FEATURES
from market.strategy import Scene, Vote
from quasar.anomaly import AnomalyTrees
from quasar.config import RiverConfig
from quasar.drift import DriftWatch
from quasar.library import AdaGrad, LogisticRegression, VectorDict

_ALARMING: Final = 0.5
_VOLATILITY: Final = FEATURES.index("volatility")
_RETURN: Final = FEATURES.index("return")
_ADX: Final = FEATURES.index("adx")
_TREND: Final = FEATURES.index("trend")
_PLACES: Final = tuple(place for place, flips in enumerate(DIRECTIONAL_FEATURES) if flips)
_NAMES: Final = tuple(FEATURES[place] for place in _PLACES)
_DIRECTED: Final = itemgetter(*_PLACES)
_LEAST: Final = 1e-12


class River:
    """Believes what the features have come to mean, and doubts it after a drift."""

    def __init__(self, config: RiverConfig) -> None:
        self._config = config
        self._optimizer = AdaGrad(config.learning_rate, eps=1.0)
        self._model = LogisticRegression(optimizer=self._optimizer, l2=config.shrinkage, intercept_lr=0.0)
        self._drift = DriftWatch(config.drift_delta, config.drift_threshold, config.drift_decay)
        self._trees = AnomalyTrees(config.trees, config.tree_height, config.tree_rounds, config.seed)
        self._rounds = 0.0

    def take(self, row: Floats) -> None:
        """Nothing: features are learned when their round settles."""

    def clear(self) -> None:
        """Nothing: what was learned stays."""

    def vote(self, scene: Scene) -> Vote:
        """Divide what the prior gives to both sides between them."""
        config, features, prior = self._config, scene.reading.features, scene.request.prior
        rate = self._upward(prior, directed(features))
        moving = prior[0] + prior[2]
        belief = (moving * (1.0 - rate), prior[1], moving * rate)
        total = (belief[0] + belief[2]) + belief[1]
        anomaly, alarm = self._trees.score(features), self._drift.alarm
        known = self._rounds / (self._rounds + config.doubt_rounds) if self._rounds > 0.0 else 0.0
        confidence = known * (1.0 - config.drift_doubt * alarm) if scene.reading.sigma > 0.0 else 0.0
        is_release = alarm > _ALARMING and anomaly > config.anomaly_score
        reasons = (("odds", _logit(rate) - _odds(prior)), ("drift", alarm), ("anomaly", anomaly))
        return Vote(
            (belief[0] / total, belief[1] / total, belief[2] / total),
            confidence,
            reasons,
            [features, rate],
            Phase.RELEASE if is_release else None,
        )

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Learn what came of the features, and whether the belief was wrong more often than it used to be."""
        if vote.belief is None:
            return
        features, rate = vote.evidence
        weight = 1.0 / settled.horizon
        side = direction(feedback.outcome)
        self._rounds += weight
        self._trees.learn(features)
        if side == 0:
            return
        if self._drift.take(_miss(rate, settled.prior, side), weight):
            self._optimizer.g2.clear()
        boost = 1.0 + (self._config.drift_boost - 1.0) * self._drift.alarm
        self._optimizer.lr.learning_rate = self._config.learning_rate * boost * weight
        self._model.intercept = _odds(settled.prior)
        self._model.learn_one(directed(features), side > 0)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "weights": dict(self._model.weights),
            "squares": dict(self._optimizer.g2),
            "steps": self._optimizer.n_iterations,
            "drift": self._drift.snapshot(),
            "trees": self._trees.snapshot(),
            "rounds": self._rounds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._model._weights = VectorDict(state["weights"])
        self._optimizer.g2.clear()
        self._optimizer.g2.update(state["squares"])
        self._optimizer.n_iterations = state["steps"]
        self._drift.restore(state["drift"])
        self._trees.restore(state["trees"])
        self._rounds = state["rounds"]

    def _upward(self, prior: Probabilities, features: dict[str, float]) -> float:
        """Return P(up | not flat)."""
        self._model.intercept = _odds(prior)
        return float(self._model.predict_proba_one(features)[True])


def directed(features: Floats) -> dict[str, float]:
    """Return the ten inputs of the regression, all of which flip in a mirror."""
    values = features.tolist()
    inputs: dict[str, float] = dict(zip(_NAMES, _DIRECTED(values), strict=True))
    inputs["volatility*return"] = values[_VOLATILITY] * values[_RETURN]
    inputs["adx*trend"] = values[_ADX] * values[_TREND]
    return inputs


def _odds(prior: Probabilities) -> float:
    return math.log(max(prior[2], _LEAST)) - math.log(max(prior[0], _LEAST))


def _logit(rate: float) -> float:
    return math.log(max(rate, _LEAST)) - math.log(max(1.0 - rate, _LEAST))


def _miss(rate: float, prior: Probabilities, side: int) -> float:
    """Return 1 where the side that was made likelier than by the prior was wrong, 1/2 where there was none, else 0."""
    odds = _logit(rate) - _odds(prior)
    if abs(odds) <= _LEAST:
        return 0.5
    return float((odds > 0.0) != (side > 0))
