"""What Q* knows and how it learns: situations, action values, trajectories and the memory of past transitions."""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from kernels import bins, qlearning, replay
from kernels.arrays import Floats, Ints
from kernels.qlearning import STEP, mirrored
from kernels.replay import FOLLOW, PRIORITY, ROW, TRANSITION
from market.factors import DIRECTIONAL_FEATURES
from quasar.config import QStarConfig
from quasar.values import NOWHERE, ActionValues

DIRECTIONAL: Final = np.array(DIRECTIONAL_FEATURES)
_STEPS: Final = 12
"""Steps that a trace remembers; at the default rates the next would count 2 %."""
_FIRST_STEP: Final = 0.2
_LEAST_STEP: Final = 0.005
_MOST_MOVE: Final = 100.0


class Situation(NamedTuple):
    """Where the market is: its cell, read as it stands (``turn`` 1), mirrored (-1), or its own mirror image (0)."""

    number: int
    turn: int


class Step(NamedTuple):
    """A round that was played: where, with what in hand, what was done, and what came of it, in bands."""

    situation: Situation
    position: int
    action: int
    move: float
    cost: float


class Learner:
    """Action values of one symbol; everything in it is in terms of situations, positions and returns in bands.

    Rounds form chains: the next state of a round at bar t with horizon h is that of the round at t + h.
    """

    def __init__(self, config: QStarConfig) -> None:
        self._config = config
        self.table = ActionValues(config.situations)
        self._cuts: Floats | None = None
        self._seen = 0.0
        self._memory: Floats = np.zeros((config.memory_rounds, TRANSITION))
        self._kept = 0
        self._chance: Ints = np.array([config.seed], np.int64)
        self._pending: dict[int, tuple[int, Step]] = {}
        self._traces: dict[int, Floats] = {}

    def situation(self, features: Floats) -> Situation:
        """Return the situation that the features tell of, by the quantiles of those learned before."""
        if self._cuts is None:
            return Situation(0, 0)
        return Situation(*bins.cell(features, self._cuts, DIRECTIONAL, self._config.bins))

    def visits(self, situation: Situation) -> float:
        """Return how often a situation was met."""
        row = self.table.find(situation.number)
        return 0.0 if row == NOWHERE else float(self.table.visits[row])

    def edge(self, situation: Situation) -> float:
        """Return by how much a flat desk had better buy than sell, per unit and in bands: about the mean return."""
        row = self.table.find(situation.number)
        if row == NOWHERE or situation.turn == 0:
            return 0.0
        return situation.turn * qlearning.lead(self.table.values, row) / (4.0 * self._config.unit)

    def act(self, situation: Situation, position: int) -> int:
        """Return the greedy action, HOLD where nothing is known or no direction is given."""
        row = self.table.find(situation.number)
        if row == NOWHERE or situation.turn == 0:
            return qlearning.HOLD
        action = qlearning.greedy(self.table.values, row, position * situation.turn)
        return action if situation.turn > 0 else mirrored(action)

    def observe(self, features: Floats, weight: float) -> None:
        """Let the quantiles take a situation's features; ``weight`` is 1/h for a round of horizon h."""
        if self._cuts is None:
            self._cuts = bins.begin(features, DIRECTIONAL)
            return
        self._seen += weight
        step = weight * max(_FIRST_STEP / math.sqrt(self._seen), _LEAST_STEP)
        self._cuts = bins.follow(features, self._cuts, DIRECTIONAL, self._config.bins, step)

    def settle(self, bar: int, horizon: int, step: Step) -> None:
        """Learn from a round that settled: it completes the one that led to it, and waits for the one it leads to."""
        chain = bar % horizon
        before = self._pending.pop(chain, None)
        if step.situation.turn == 0:
            self._traces.pop(chain, None)
            return
        row, is_taken = self.table.visit(step.situation.number, 1.0 / horizon)
        if is_taken:
            self._drop(row)
            before = None if before is not None and self._row(before[1]) == NOWHERE else before
        if before is not None and before[0] + horizon == bar:
            self._complete(chain, before[1], step, 1.0 / horizon)
        else:
            self._traces.pop(chain, None)
        if abs(step.move) > _MOST_MOVE:
            step = step._replace(move=math.copysign(_MOST_MOVE, step.move))
        self._pending = {key: kept for key, kept in self._pending.items() if kept[0] + 2 * horizon > bar}
        self._pending[chain] = (bar, step)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "table": self.table.snapshot(),
            "cuts": None if self._cuts is None else self._cuts.copy(),
            "seen": self._seen,
            "memory": self._memory.copy(),
            "kept": self._kept,
            "chance": self._chance.copy(),
            "pending": [[chain, bar, list(step.situation), *step[1:]] for chain, (bar, step) in self._pending.items()],
            "traces": [[chain, trace.copy()] for chain, trace in self._traces.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.table.restore(state["table"])
        self._cuts = None if state["cuts"] is None else state["cuts"].copy()
        self._seen = state["seen"]
        self._memory = state["memory"].copy()
        self._kept = state["kept"]
        self._chance = state["chance"].copy()
        self._pending = {
            chain: (bar, Step(Situation(*situation), *rest)) for chain, bar, situation, *rest in state["pending"]
        }
        self._traces = {chain: trace.copy() for chain, trace in state["traces"]}

    def _row(self, step: Step) -> int:
        return self.table.find(step.situation.number)

    def _complete(self, chain: int, before: Step, after: Step, weight: float) -> None:
        """Learn the step to ``after`` along its trajectory, remember it, and learn again from some others."""
        config, turn = self._config, before.situation.turn
        trace = self._traces.get(chain)
        if trace is None:
            trace = self._traces[chain] = np.zeros((_STEPS, STEP))
        replay.settle(
            self.table.values, trace, self._memory, self._chance, self._kept % len(self._memory),
            self._row(before), before.position * turn, before.action if turn > 0 else mirrored(before.action),
            before.move * turn, before.cost, self._row(after), turn * after.situation.turn, after.position * turn,
            draws=config.replays, unit=config.unit, discount=config.discount, fading=config.trace_decay,
            rate=config.learning_rate * weight,
        )  # fmt: skip
        self._kept += 1

    def _drop(self, row: int) -> None:
        """Forget what refers to a row that was given away."""
        refers = (self._memory[:, ROW] == row) | (self._memory[:, FOLLOW] == row)
        self._memory[refers, PRIORITY] = 0.0
        self._pending = {key: kept for key, kept in self._pending.items() if self._row(kept[1]) != NOWHERE}
        for trace in self._traces.values():
            trace[trace[:, 0] == row, 3] = 0.0
