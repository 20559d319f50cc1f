"""QAR: eight factors as binary markets, and situations that were met before, pooled in log odds.

Evidence (log odds against the prior's, shape (5 + 1,) of direction and (3 + 1,) of movement):

- each of the eight factors' markets (``quasar.markets``), with the cycle factor from the quantum Fourier transform of
  the window (``quasar.phase``);
- the recall of past situations (``quasar.memory``), ln(r_up / r_down) - ln(pi_up / pi_down) of direction and
  ln((r_up + r_down) / r_flat) less the prior's of movement.

With weights w and v, one a piece,

    lean = sum w_i x_i,  spread = sum v_j y_j,
    p proportional to (pi_down e^(spread - lean), pi_flat, pi_up e^(spread + lean)):

a logarithmic opinion pool (Genest and Zidek 1986), whose weights follow the gradient of the log score
(``kernels.logistic``). Nothing learned is the prior. Confidence is n / (n + market_doubt), n the rounds learned.

Without the quantum part the cycle factor is the one of ``market.factors``, which is the same number by Fourier sums,
and recall is by squared cosine without amplification.
"""

import math
from typing import Any, Final

import numpy as np

from bus.message import Probabilities
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels import logistic
from kernels.arrays import Floats
from market.belief import direction, tilt
from market.factors import DIRECTIONAL_FACTORS, FACTORS
from market.strategy import Scene, Vote
from market.window import CLOSE
from quasar.config import QarConfig
from quasar.markets import FactorMarkets
from quasar.memory import Memory, Recall, situation
from quasar.phase import Cycle, cycle

_DIRECTIONAL: Final = [place for place, flips in enumerate(DIRECTIONAL_FACTORS) if flips]
_NEUTRAL: Final = [place for place, flips in enumerate(DIRECTIONAL_FACTORS) if not flips]
_CYCLE: Final = FACTORS.index("cycle")
_SIDED: Final = len(_DIRECTIONAL) + 1
"""Pieces of evidence on direction; they come first."""
_PLACES: Final = np.array(
    [_DIRECTIONAL.index(k) if flips else _SIDED + _NEUTRAL.index(k) for k, flips in enumerate(DIRECTIONAL_FACTORS)]
)
"""Where each factor's piece of evidence is."""
_LEAST: Final = 1e-6


class Qar:
    """Believes the pool of its markets and its memory."""

    def __init__(self, config: QarConfig, *, quantum: bool) -> None:
        self._config = config
        self._quantum = quantum
        self._markets = FactorMarkets(config.market_discount, config.market_doubt)
        self._memory = Memory(config.memory_situations, config.match_fidelity, config.recall_doubt, quantum=quantum)
        self._weights: Floats = np.full(len(FACTORS) + 2, config.weight)
        self._squares: Floats = np.zeros(len(FACTORS) + 2)
        self._rounds = 0.0

    def take(self, row: Floats) -> None:
        """Nothing: the window of bars comes with the question."""

    def clear(self) -> None:
        """Nothing: what was learned stays."""

    def vote(self, scene: Scene) -> Vote:
        """Pool what the markets and the memory say."""
        request, reading = scene.request, scene.reading
        factors = reading.factors.copy()
        wave = Cycle(0, 0.0, float(factors[_CYCLE]))
        if self._quantum:
            wave = cycle(scene.rows[:, CLOSE])
            factors[_CYCLE] = wave.factor
        here = situation(factors, reading.features, self._config.contrast)
        recalled = self._memory.recall(here, request.prior, request.horizon)
        evidence = self._evidence(factors, recalled.belief, request.prior)
        lean, spread = logistic.scores(self._weights, evidence, _SIDED)
        known = self._rounds / (self._rounds + self._config.market_doubt) if self._rounds > 0.0 else 0.0
        confidence = known if reading.sigma > 0.0 else 0.0
        reasons = self._reasons(evidence, lean, recalled, wave)
        return Vote(tilt(request.prior, lean, spread), confidence, reasons, [factors, evidence, here])

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Settle the markets, move the weights of the pool, and remember the situation."""
        if vote.belief is None:
            return
        factors, evidence, here = vote.evidence
        config, side, weight = self._config, direction(feedback.outcome), 1.0 / settled.horizon
        self._weights, self._squares = logistic.learn(
            self._weights, self._squares, evidence, settled.prior, side,
            directional=_SIDED, rate=config.learning_rate * weight, shrinkage=config.shrinkage,
        )  # fmt: skip
        self._markets.learn(factors, settled.prior, side, weight)
        self._memory.keep(here, side)
        self._rounds += weight

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "markets": self._markets.snapshot(),
            "memory": self._memory.snapshot(),
            "weights": self._weights.copy(),
            "squares": self._squares.copy(),
            "rounds": self._rounds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._markets.restore(state["markets"])
        self._memory.restore(state["memory"])
        self._weights, self._squares = state["weights"].copy(), state["squares"].copy()
        self._rounds = state["rounds"]

    def _evidence(self, factors: Floats, recalled: Probabilities, prior: Probabilities) -> Floats:
        """Return log odds against the prior's: five factors and recall of direction, three and recall of movement."""
        out = np.empty(len(FACTORS) + 2)
        self._markets.write_evidence(factors, _PLACES, out)
        out[_SIDED - 1] = _side_odds(recalled) - _side_odds(prior)
        out[-1] = _move_odds(recalled) - _move_odds(prior)
        return out

    def _reasons(self, evidence: Floats, lean: float, recalled: Recall, wave: Cycle) -> tuple[tuple[str, float], ...]:
        remembered = float(self._weights[_SIDED - 1] * evidence[_SIDED - 1])
        return (
            ("factor markets", lean - remembered),
            ("recall", remembered),
            ("matching situations", recalled.matching),
            ("cycle", wave.factor),
        )


def _side_odds(belief: Probabilities) -> float:
    return math.log(max(belief[2], _LEAST)) - math.log(max(belief[0], _LEAST))


def _move_odds(belief: Probabilities) -> float:
    return math.log(max(belief[0] + belief[2], _LEAST)) - math.log(max(belief[1], _LEAST))
