"""What the agent would do: the action of highest prospect value, weighed on evidence that it has committed itself to.

Each action leads from the present exposure e (share of equity, signed; u is half the desired ceiling) to another, at a
cost c per share of equity that is traded:

| action | from | exposure after |
|---|---|---|
| HOLD | any | e |
| BUY, SELL | flat | +u, -u |
| INCREASE | open, below the ceiling | e and u more, up to the ceiling |
| DECREASE | open, above a ceiling of 0 | half of e, and no more than the ceiling |
| EXIT | open | 0 |
| SELL from long, BUY from short | open | u on the other side, through zero |
| HEDGE | open, in release | e less the share that a hedge elsewhere takes away, e itself being kept |

Its outcome in scenario q is  gain + exposure * return_q - cost, with gain = e ln(close / entry price): what was paid is
the reference point, the entry price for a position and the trading cost for a new one. return_q are equally likely
quantiles of the forecast, log returns standing for the money made. Outcomes are divided by the standard deviation of
the largest exposure that could result, and valued by cumulative prospect theory (``kernels.prospect``).

Commitment (Rao and Georgeff 1995; the degree of boldness after Kinny and Georgeff 1991): the scenarios are drawn from
the forecast at the factors that the agent committed itself to, not at the newest. It holds on to those until the
factors have moved away from them by more than a stated root mean square, then commits itself to the present ones. Bars
alone move a commitment, each once; a question, however often asked, does not. What is held, what it cost and what is
desired are always those of the moment: an intention to leave ends when there is nothing left to leave.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np

from bus.messages import Action, DecisionRequest, Phase
from kernels.arrays import Floats
from kernels.prospect import Parameters, rank_weights, worths
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.posterior import Situation

_STEP: Final = 0.5
"""Share of the ceiling that one BUY, SELL or INCREASE moves."""
_LESS: Final = 0.5
"""Share of a position that DECREASE keeps."""
_BASIS_POINT: Final = 1e-4
_LEAST_EXPOSURE: Final = 1e-12
"""A smaller share of equity is no stake."""


class Holding(NamedTuple):
    """A position: its signed share of equity, and what it has gained since entry, as a share of equity."""

    exposure: float
    gain: float


FLAT: Final = Holding(0.0, 0.0)


class Plan(NamedTuple):
    """An action, the exposure that results, and what the trade costs; both are shares of equity."""

    action: Action
    exposure: float
    cost: float


class Deliberation(NamedTuple):
    """Plans, HOLD being the first, and what each is worth; 1 is the worth of a sure gain of one standard deviation."""

    plans: tuple[Plan, ...]
    worths: tuple[float, ...]

    @property
    def best(self) -> Action:
        """The action worth most; HOLD where no other is worth more, or two are worth the same."""
        worths = self.worths
        top = max(worths)
        return self.plans[worths.index(top)].action if worths.count(top) == 1 else Action.HOLD

    @property
    def advantage(self) -> float:
        """How much more the best action is worth than HOLD, at least 0."""
        return max(self.worths) - self.worths[0] if self.best is not Action.HOLD else 0.0

    @property
    def raising(self) -> tuple[Action, ...]:
        """Actions after which the exposure is higher."""
        held = self.plans[0].exposure
        return tuple([plan.action for plan in self.plans if plan.exposure > held])

    @property
    def lowering(self) -> tuple[Action, ...]:
        """Actions after which the exposure is lower."""
        held = self.plans[0].exposure
        return tuple([plan.action for plan in self.plans if plan.exposure < held])

    def has(self, action: Action) -> bool:
        """Tell whether an action was open."""
        return action in [plan.action for plan in self.plans]

    def worth(self, action: Action) -> float:
        """Return what an action that was open is worth."""
        return self.worths[[plan.action for plan in self.plans].index(action)]

    def best_of(self, actions: Sequence[Action]) -> Action:
        """Return the one worth most of several actions that were open, HOLD of none."""
        return max(actions, key=self.worth, default=Action.HOLD)


def holding_of(request: DecisionRequest, close: float) -> Holding | None:
    """Return the position that a question tells of; None where its stake or its entry price is not known."""
    if request.position == 0:
        return FLAT
    exposure, entry_price = request.exposure, float(request.entry_price)
    is_told = abs(exposure) >= _LEAST_EXPOSURE and (exposure > 0.0) == (request.position > 0)
    if not (is_told and 0.0 < entry_price < math.inf):
        return None
    return Holding(exposure, exposure * (math.log(close) - math.log(entry_price)))


def plans(holding: Holding, ceiling: float, phase: Phase, config: QuantumAmosConfig) -> tuple[Plan, ...]:
    """Return what could be done with a position under a desired ``ceiling``, HOLD first."""
    exposure = holding.exposure
    size, side, is_release = abs(exposure), math.copysign(1.0, exposure), phase is Phase.RELEASE
    cost = config.cost_bps * _BASIS_POINT
    targets = [(Action.HOLD, exposure)]
    if exposure == 0.0 and ceiling > 0.0:
        targets += [(Action.BUY, _STEP * ceiling), (Action.SELL, -_STEP * ceiling)]
    if exposure != 0.0:
        if size < ceiling:
            targets.append((Action.INCREASE, side * min(size + _STEP * ceiling, ceiling)))
        targets.append((Action.EXIT, 0.0))
        if ceiling > 0.0:
            targets.append((Action.DECREASE, side * min(_LESS * size, ceiling)))
            targets.append((Action.SELL if side > 0.0 else Action.BUY, -side * _STEP * ceiling))
    dear = cost * config.release_cost if is_release else cost
    found = [Plan(action, target, dear * abs(target - exposure)) for action, target in targets]
    if exposure != 0.0 and is_release:
        share = config.hedge_share
        found.append(Plan(Action.HEDGE, exposure * (1.0 - share), cost * share * size))
    return tuple(found)


class Scenarios:
    """Equally likely quantiles of the standard normal law at (k - 1/2)/n, scaled to variance 1.

    Their sums are mirrored to the last bit: the lower half is the upper one with its sign turned.
    """

    def __init__(self, count: int) -> None:
        upper = [NormalDist().inv_cdf((k + 0.5) / count) for k in range((count + 1) // 2, count)]
        middle = [0.0] * (count % 2)
        points = np.array([*(-each for each in reversed(upper)), *middle, *upper])
        self.points: Floats = points / math.sqrt(float(np.mean(points * points)))

    def weights(self, parameters: Parameters) -> Floats:
        """Return what each of them weighs, as a gain and as a loss, shape (2, count)."""
        return rank_weights(len(self.points), parameters)


def deliberate(
    holding: Holding,
    options: tuple[Plan, ...],
    returns: Floats,
    deviation: float,
    weights: Floats,
    parameters: Parameters,
) -> Deliberation:
    """Weigh plans by prospect value.

    Parameters
    ----------
    returns
        Log return over the horizon in each scenario, rising, shape (s,).
    deviation
        Standard deviation of the log return over the horizon, positive.
    weights
        Of the scenarios (``Scenarios.weights``), shape (2, s).
    """
    widest = max([abs(plan.exposure) for plan in options])
    if len(options) == 1 or widest == 0.0:
        return Deliberation(options[:1], (0.0,))
    unit = 1.0 / (widest * deviation)
    exposures = [plan.exposure * unit for plan in options]
    sure = [(holding.gain - plan.cost) * unit for plan in options]
    return Deliberation(options, tuple(worths(np.array([exposures, sure]), returns, weights, parameters).tolist()))


class Commitment:
    """The situation that one symbol's intentions rest on, None before the first.

    Parameters
    ----------
    reconsideration
        Root mean square change of the factors beyond which the agent thinks again, an absent factor counting 0.
    """

    def __init__(self, reconsideration: float) -> None:
        self._reconsideration = reconsideration
        self.situation: Situation | None = None

    def observe(self, situation: Situation) -> None:
        """Take the situation at a new bar: keep to the old one, or commit to this."""
        if self.situation is not None:
            now, then = situation.factors.tolist(), self.situation.factors.tolist()
            if math.dist(now, then) / math.sqrt(len(now)) <= self._reconsideration:
                return
        self.situation = situation

    def clear(self) -> None:
        """Be free of it, because what happened since is unknown."""
        self.situation = None

    def snapshot(self) -> list[Any] | None:
        """Return the state as plain data."""
        return None if self.situation is None else list(self.situation)

    def restore(self, state: list[Any] | None) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.situation = None if state is None else Situation(*state)
