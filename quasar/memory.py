"""Situations that were met, what came after them, and how they are recalled.

A situation is a state of four qubits: sixteen amplitudes in proportion to (1, c f, c g), with f the eight factors, g
the features that are no factors, c the contrast, and the constant 1, which keeps a market and its mirror image apart.
The likeness of two is their fidelity |<a|b>|^2. The memory is read as a state of its own,

    |s> = sum_i sqrt(F_i / sum F) |i>,

so that to measure it recalls situation i with probability F_i / sum F. Situations of at least ``match`` fidelity are
marked; a is their probability, theta = asin sqrt a, and k = floor(pi / (4 theta)) steps of amplitude amplification
(``kernels.amplitude``) change the weights exactly so:

    w_i = F_i / sum F * sin^2((2 k + 1) theta) / a          of those that match,
    w_i = F_i / sum F * cos^2((2 k + 1) theta) / (1 - a)    of the others.

Among those that match, likeness orders them as before; where more than half of the probability matches, or nothing
does, k = 0 and nothing changes. Without the quantum part w_i = F_i / sum F, F_i the square of the cosine, which is the
same number.

What is recalled, r = sum_i w_i [outcome i], counts as 1 / sum w_i^2 rounds, over the horizon, beside ``doubt`` rounds
of the prior.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from bus.message import Probabilities
from kernels import recall
from kernels.arrays import Floats, Ints
from kernels.recall import Recalled
from market.factors import FACTORS, FEATURES

SIZE: Final = 16
_OTHERS: Final = np.array([place for place, name in enumerate(FEATURES) if name not in FACTORS])


class Recall(NamedTuple):
    """What came after situations like this one: probabilities of (down, flat, up), and in how many steps it was found.

    ``matching`` is the probability of those that match after the last step.
    """

    belief: Probabilities
    steps: int
    matching: float


class Memory:
    """A ring of situations and outcomes.

    Parameters
    ----------
    capacity
        How many are kept.
    match
        Least fidelity of one that matches.
    doubt
        Rounds of the prior that what is recalled is mixed with.
    quantum
        Whether amplitudes are amplified.
    """

    def __init__(self, capacity: int, match: float, doubt: float, *, quantum: bool) -> None:
        self._match = match
        self._doubt = doubt
        self._quantum = quantum
        # One column a situation, so that all of them are compared at once.
        self._states: Floats = np.zeros((SIZE, capacity))
        self._weights: Floats = np.empty(capacity)
        self._outcomes: Ints = np.zeros(capacity, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, len(self._outcomes))

    def keep(self, situation: Floats, direction: int) -> None:
        """Remember what came after a situation: -1, 0 or 1 for down, flat or up; the oldest gives way."""
        place = self._count % len(self._outcomes)
        self._states[:, place] = situation
        self._outcomes[place] = direction
        self._count += 1

    def recall(self, situation: Floats, prior: Probabilities, horizon: int) -> Recall:
        """Return what came after situations like this one.

        The prior where nothing is remembered, and where no factor and no feature says anything.
        """
        held = len(self)
        if held == 0 or situation[0] == 1.0:
            return Recall(prior, 0, 0.0)
        found = self._recalled(situation, self._weights[:held])
        rounds = 1.0 / (found.squares * horizon)
        down, flat, up = (rounds * share + self._doubt * p for share, p in zip(found[:3], prior, strict=True))
        total = (down + up) + flat
        return Recall((down / total, flat / total, up / total), found.steps, found.matching)

    def weights(self, situation: Floats) -> tuple[Floats, int, float]:
        """Return the weight of each situation held, steps of amplification, and the weight of those that match."""
        weights = np.empty(len(self))
        found = self._recalled(situation, weights)
        return weights, found.steps, found.matching

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        held = len(self)
        return {"states": self._states.T[:held].copy(), "outcomes": self._outcomes[:held].copy(), "count": self._count}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        held = len(state["outcomes"])
        self._states.T[:held], self._outcomes[:held] = state["states"], state["outcomes"]
        self._count = state["count"]

    def _recalled(self, situation: Floats, weights: Floats) -> Recalled:
        return recall.recall(situation, self._states, self._outcomes, self._match, weights, is_amplified=self._quantum)


def situation(factors: Floats, features: Floats, contrast: float) -> Floats:
    """Return the state of a situation, shape (16,), norm 1; an absent factor is 0."""
    return recall.situation(factors, features, _OTHERS, contrast)
