"""The mind of the agent about one symbol: belief, desire, intention and affect, and how they become an answer.

A belief-desire-intention agent (Rao and Georgeff 1995) with a cognitive-affective decision model. The names CADM and
BDIA come to us without a definition; what they mean here is our reading: beliefs are Gaussian posteriors over factors,
desire is a budget of risk, an intention the action of highest prospect value, held on to while the evidence stays what
it was, affect a mood that follows gains and losses, and a circuit of two qubits fuses what is believed with what is
meant.

With the pooled forecast N(m, v) of the standardised return, z = m/sqrt(v), its signal s = erf(z/sqrt 2), and its
certainty c, the share of doubt resolved:

- The stance is the intention of someone who holds nothing, which does not depend on how much is desired: neither what
  the firm owns nor what the agent would like to own moves what it believes.
- The circuit, given s, c and the stance, leans by L in [-1, 1]; sqrt(pi/2) L is the mean of a unit normal law that
  leans as much, to first order.
- The belief is the prior moved by the mean sqrt(v) ((1 - f) z + f sqrt(pi/2) L), f being the share of the fusion.
- Confidence is the seat's credibility times c, coloured by mood.
- The choice is made by the same circuit, given the intention for the position that is held: of the actions that the
  most probable legs stand for, the one worth most. Without fusion the intention is the choice itself. Without
  intention, or where the stake of a position is not told, the choice is left to the rule of every seat.
"""

import math
from typing import Any, Final, NamedTuple

from bus.messages import Action, DecisionRequest, Phase
from kernels.arrays import Floats
from kernels.gaussian import Forecast
from market.factors import Reading
from market.track import View
from quantum_amos.affect import Affect, coloured
from quantum_amos.choice import action_of, preference_of, push_of
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.desire import desire_of
from quantum_amos.fusion import Legs, Push, fuse
from quantum_amos.intention import (
    FLAT,
    Commitment,
    Deliberation,
    Holding,
    Plan,
    Scenarios,
    deliberate,
    holding_of,
    plans,
)
from quantum_amos.posterior import Posterior, Situation, belief, contributions, flags, signal_of, situation_of

_FIRST_ORDER: Final = math.sqrt(0.5 * math.pi)


class Outlook(NamedTuple):
    """What is believed at a bar, and the log returns over the horizon, shape (s,), that intentions are weighed on.

    ``deviation`` is their unit, sigma sqrt(h); ``signal`` is that of the forecast.
    """

    forecast: Forecast
    signal: float
    returns: Floats
    deviation: float


class Mind:
    """Everything the agent keeps of one symbol.

    Parameters
    ----------
    scenarios
        The quantiles that intentions are weighed over.
    is_quantum
        Whether the circuit interferes; otherwise its classical counterpart answers.
    """

    def __init__(self, config: QuantumAmosConfig, scenarios: Scenarios, *, is_quantum: bool) -> None:
        self._config = config
        self._scenarios = scenarios
        self._is_quantum = is_quantum
        self._parameters = config.prospect.parameters()
        self._weights = scenarios.weights(self._parameters)
        self._sides = plans(FLAT, 1.0, Phase.GROWTH, config)
        self._posterior = Posterior(config)
        self._commitment = Commitment(config.reconsideration)
        self._affect = Affect(self._parameters, config.mood_decay)

    def observe(self, reading: Reading) -> None:
        """Let the commitment meet what was measured at a new bar."""
        self._commitment.observe(situation_of(reading))

    def forget(self) -> None:
        """Drop the commitment, because what happened since is unknown."""
        self._commitment.clear()

    def view(self, request: DecisionRequest, reading: Reading, close: float, credibility: float) -> View:
        """Return what to answer; nothing is changed by it, so it may be asked as often as anyone likes.

        Where closes never moved there is no scale for a forecast: the prior, without confidence.
        """
        if reading.sigma == 0.0:
            return View(request.prior, 0.0, (("still", 1.0),), choice=Action.HOLD)
        outlook = self._outlook(reading, reading.sigma * math.sqrt(request.horizon))
        forecast, config = outlook.forecast, self._config
        deviation, valence = math.sqrt(forecast.variance), self._affect.valence
        stance = self._weighed(outlook, FLAT, self._sides)
        lean = self._fused(outlook, preference_of(stance, config.parts.intention))
        mean = self._mean(forecast, lean)
        desire = desire_of(request, outlook.deviation, valence, config)
        meant = self._meant(request, close, desire.ceiling, outlook, stance)
        legs = None if meant is None else self._fused(outlook, push_of(meant, config.parts.intention))
        reasons = (
            *contributions(forecast),
            ("mean", forecast.mean),
            ("deviation", deviation),
            ("resolved", forecast.resolved),
            ("desire", desire.scale),
            ("affect", valence),
            *(() if meant is None else (("intention", max(meant.worths)),)),
            *(() if legs is None else (("hold", math.sqrt(legs.none)),)),
            *(() if lean is None else (("lean", lean.lean),)),
        )
        return View(
            belief(request.prior, mean, forecast.variance, request.band / outlook.deviation),
            coloured(credibility * forecast.resolved, valence, config.parts.affect),
            reasons,
            [reading.factors, list(reading.present), reading.sigma, signal_of(mean, deviation)],
            choice=None if meant is None else self._choice(forecast, meant, legs),
        )

    def learn(self, evidence: list[Any], realized_return: float, horizon: int) -> None:
        """Take what a round came to; one of horizon h counts 1/h, because successive returns overlap."""
        factors, present, sigma, stake = evidence
        limit = self._config.outlier_sigmas
        target = min(max(realized_return / (sigma * math.sqrt(horizon)), -limit), limit)
        self._posterior.learn(Situation(factors, flags(tuple(present))), target, 1.0 / horizon)
        self._affect.feel(stake * target, 1.0 / horizon)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "posterior": self._posterior.snapshot(),
            "commitment": self._commitment.snapshot(),
            "affect": self._affect.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._posterior.restore(state["posterior"])
        self._commitment.restore(state["commitment"])
        self._affect.restore(state["affect"])

    def _outlook(self, reading: Reading, deviation: float) -> Outlook:
        situation = situation_of(reading)
        forecast = committed = self._posterior.forecast(situation)
        if self._commitment.situation is not None:
            committed = self._posterior.forecast(self._commitment.situation)
        signal = signal_of(forecast.mean, math.sqrt(forecast.variance))
        returns = deviation * (committed.mean + math.sqrt(committed.variance) * self._scenarios.points)
        return Outlook(forecast, signal, returns, deviation)

    def _weighed(self, outlook: Outlook, holding: Holding, options: tuple[Plan, ...]) -> Deliberation:
        return deliberate(holding, options, outlook.returns, outlook.deviation, self._weights, self._parameters)

    def _fused(self, outlook: Outlook, push: Push) -> Legs | None:
        """Return the legs that belief and intention leave; None without fusion."""
        if self._config.parts.fusion == 0.0:
            return None
        certainty = math.sqrt(outlook.forecast.resolved)
        return fuse(outlook.signal, certainty, push, is_quantum=self._is_quantum)

    def _meant(
        self, request: DecisionRequest, close: float, ceiling: float, outlook: Outlook, stance: Deliberation
    ) -> Deliberation | None:
        """Return the intention for the position of the moment, None where its stake is not told."""
        holding = holding_of(request, close)
        if holding is None:
            return None
        if holding is FLAT and ceiling > 0.0 and request.phase is not Phase.RELEASE:
            return stance
        return self._weighed(outlook, holding, plans(holding, ceiling, request.phase, self._config))

    def _mean(self, forecast: Forecast, legs: Legs | None) -> float:
        """Return the mean, in standardised returns, that the belief leans by."""
        if legs is None:
            return forecast.mean
        share = self._config.parts.fusion
        return (1.0 - share) * forecast.mean + share * math.sqrt(forecast.variance) * _FIRST_ORDER * legs.lean

    def _choice(self, forecast: Forecast, meant: Deliberation, legs: Legs | None) -> Action | None:
        if self._config.parts.intention == 0.0:
            return None
        if legs is not None:
            return action_of(legs, meant)
        return meant.best if forecast.resolved > 0.0 else Action.HOLD
