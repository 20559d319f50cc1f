"""The phase of an instrument's market on three scales: a heuristic after Holling (2001), and no law of markets.

Holling, "Understanding the complexity of economic, ecological, and social systems", sees adaptive cycles of growth,
conservation, release and reorganization, nested across scales. On each scale, a window of n bars, we read

- potential P, the rank of the last close in the window;
- connectedness C, that of the market the instrument moves in (``pads.connectedness``), or, alone, (1 + rho) / 2 with
  rho the lag-1 autocorrelation of its returns;
- resilience R = .7 (1 - rank of the window's volatility among its last ``history`` values) + .3 (1 - lag-1
  autocorrelation of the drawdown from the window's high, no less than 0),

all in [0, 1], without unit, and functions of bars up to the latest alone (``kernels.adaptive_cycle``). The scores

    growth P (1.1 - C) R, conservation P C (1.1 - R), release (1.1 - P) C (1.1 - R), reorganization (1.1 - P)(1.1 - C) R

are normalised to sum to 1. The phase changes to the best one where it scores ``least_score`` and more than the current
one by ``margin``.

Scales touch twice. Revolt: where the next faster scale is in release and this one in conservation, the score of
release is multiplied by 1 + ``revolt`` times the faster one's before all are normalised. Remember: where a scale
faster than the slowest is in reorganization, its potential becomes (1 - m) P + m P_slow, m = ``remember``: what the
large scale still holds is what the small one rebuilds from.

A scale has no phase before it has a whole window and ``min_history`` volatilities, and is not read at a bar up to which
a whole window of prices stood still. The operating phase is that of the configured scale, else of the next faster one
that has a phase; before any has one, growth; after a hole in the data, the last one there was.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from bus.messages import Phase
from kernels.adaptive_cycle import CONNECTEDNESS, POTENTIAL, RESILIENCE, VOLATILITY, read_scales
from kernels.arrays import Floats
from pads.closes import LogCloses, Ring
from pads.config import SCALES, PanarchyConfig

PHASES: Final = tuple(Phase)
_BEYOND: Final = 1.1
"""What potential, connectedness and resilience are subtracted from, so that no score vanishes altogether."""

Scores = tuple[float, float, float, float]


class State(NamedTuple):
    """Potential, connectedness and resilience on one scale, each in [0, 1]."""

    potential: float
    connectedness: float
    resilience: float


class Panarchy:
    """The scales of one instrument, fast to slow, and its operating phase."""

    def __init__(self, config: PanarchyConfig) -> None:
        self._config = config
        self._windows = np.array(config.windows)
        self._volatilities = np.zeros((len(SCALES), config.history - 1))
        self.scales = tuple(Scale(name, config, row) for name, row in zip(SCALES, self._volatilities, strict=True))
        self._held = np.zeros(len(SCALES), np.int64)
        self._operating = SCALES.index(config.scale)
        self.phase = Phase.GROWTH

    def update(self, closes: LogCloses, connectedness: tuple[float | None, ...]) -> Phase:
        """Read the latest bar on every scale and return the operating phase it leaves.

        ``connectedness`` is that of the market, by scale, None where the instrument is alone.
        """
        readings = read_scales(closes.last(self._config.slow + 1), self._windows, self._volatilities, self._held)
        for i, (scale, reading) in enumerate(zip(self.scales, readings, strict=True)):
            scale.take(reading, connectedness[i])
            self._held[i] = scale.held
        slowest = self.scales[-1].state
        faster: Scale | None = None
        for scale in self.scales:
            scale.judge(faster, slowest)
            faster = scale
        return self._operate()

    def suspect(self, phase: Phase) -> bool:
        """Enter a suspected phase if the scores bear it out; return whether they do.

        Its score must reach ``least_score`` and that of the current phase: a report takes the place of the margin.
        """
        scale = self.operating
        if scale is None or scale.scores is None or scale.phase in (None, phase):
            return False
        score = scale.score(phase)
        if score < self._config.least_score or score < scale.score(scale.phase):
            return False
        scale.phase = phase
        self._operate()
        return True

    @property
    def operating(self) -> "Scale | None":
        """The scale whose phase is the operating one, None where none has a phase."""
        for scale in reversed(self.scales[: self._operating + 1]):
            if scale.phase is not None:
                return scale
        return None

    def clear(self) -> None:
        """Give up every scale's phase, because bars are missing; volatilities stay, for they were measured."""
        for scale in self.scales:
            scale.clear()

    def explain(self) -> str:
        """Say in one line what the phase rests on."""
        scale = self.operating
        if scale is None:
            return "no scale has enough history"
        rest = "; ".join(f"{each.name} {each.phase or 'undefined'}" for each in self.scales if each is not scale)
        return f"{scale}; {rest}"

    def _operate(self) -> Phase:
        scale = self.operating
        self.phase = self.phase if scale is None or scale.phase is None else scale.phase
        return self.phase

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"scales": [scale.snapshot() for scale in self.scales], "phase": self.phase.value}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        for scale, each in zip(self.scales, state["scales"], strict=True):
            scale.restore(each)
        self._held[:] = [scale.held for scale in self.scales]
        self.phase = Phase(state["phase"])


class Scale:
    """One scale: what it reads at the latest bar, how the phases score, and the phase it is in.

    ``state`` and ``scores`` are None where the latest bar cannot be read.
    """

    def __init__(self, name: str, config: PanarchyConfig, volatilities: Floats) -> None:
        self.name = name
        self.state: State | None = None
        self.scores: Scores | None = None
        self.phase: Phase | None = None
        self._config = config
        self._volatilities = Ring(config.history - 1, volatilities)

    def __str__(self) -> str:
        if self.state is None or self.scores is None:
            return f"{self.name} {self.phase or 'undefined'}"
        scores = ", ".join(f"{phase} {score:.2f}" for phase, score in zip(PHASES, self.scores, strict=True))
        potential, connectedness, resilience = self.state
        return f"{self.name}: {scores} of P {potential:.2f}, C {connectedness:.2f}, R {resilience:.2f}"

    def score(self, phase: Phase) -> float:
        """Return the score of ``phase``, 0 where the latest bar cannot be read."""
        return 0.0 if self.scores is None else self.scores[PHASES.index(phase)]

    def take(self, values: Sequence[float], common: float | None) -> None:
        """Take what was measured at the latest bar, NaN where there was nothing to measure."""
        self.state = self.scores = None
        volatility = values[VOLATILITY]
        if math.isnan(volatility):
            return
        if len(self._volatilities) >= self._config.min_history - 1:
            own = values[CONNECTEDNESS]
            self.state = State(values[POTENTIAL], own if common is None else common, values[RESILIENCE])
        self._volatilities.append(volatility)

    @property
    def held(self) -> int:
        """Volatilities that the next one is ranked among."""
        return len(self._volatilities)

    def judge(self, faster: "Scale | None", slowest: State | None) -> None:
        """Score the phases, with what the other scales have to say, and change the phase where one is due."""
        if self.state is None:
            return
        found = self.scores = scores(self._remembering(slowest), self._revolting(faster))
        best = max(found)
        phase = PHASES[found.index(best)]
        if self.phase is None or (phase is not self.phase and self._exceeds(best, self.score(self.phase))):
            self.phase = phase

    def _exceeds(self, best: float, current: float) -> bool:
        return best >= self._config.least_score and best - current > self._config.margin

    def clear(self) -> None:
        """Give up the phase."""
        self.state = self.scores = self.phase = None

    def _remembering(self, slowest: State | None) -> State:
        assert self.state is not None
        if slowest is None or self.name == SCALES[-1] or self.phase is not Phase.REORGANIZATION:
            return self.state
        share = self._config.remember
        return self.state._replace(potential=(1.0 - share) * self.state.potential + share * slowest.potential)

    def _revolting(self, faster: "Scale | None") -> float:
        """Return what the score of release is multiplied by."""
        if faster is None or faster.phase is not Phase.RELEASE or self.phase is not Phase.CONSERVATION:
            return 1.0
        return 1.0 + self._config.revolt * faster.score(Phase.RELEASE)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            None if self.state is None else list(self.state),
            None if self.scores is None else list(self.scores),
            None if self.phase is None else self.phase.value,
            self._volatilities.snapshot(),
        ]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        read, scored, phase, volatilities = state
        self.state = None if read is None else State(*read)
        self.scores = None if scored is None else tuple(scored)
        self.phase = None if phase is None else Phase(phase)
        self._volatilities.restore(volatilities)


def scores(state: State, revolt: float = 1.0) -> Scores:
    """Return the normalised scores of growth, conservation, release and reorganization.

    Without connectedness and resilience all four vanish and score the same.

    Examples
    --------
    >>> [round(score, 3) for score in scores(State(1.0, 0.0, 1.0))]
    [0.909, 0.0, 0.0, 0.091]
    """
    p, c, r = state
    growth, conservation = p * (_BEYOND - c) * r, p * c * (_BEYOND - r)
    release, reorganization = revolt * (_BEYOND - p) * c * (_BEYOND - r), (_BEYOND - p) * (_BEYOND - c) * r
    total = growth + conservation + release + reorganization
    if not total > 0.0:
        return 0.25, 0.25, 0.25, 0.25
    return growth / total, conservation / total, release / total, reorganization / total
