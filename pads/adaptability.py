"""The member that knows what came in this phase before: outcome frequencies conditional on the phase of the panarchy.

In each phase the outcomes are taken to be draws of a distribution that lies around the prior pi, Dirichlet(m pi). After
n draws, n_k of outcome k, the next one has probability

    p_k(m) = (n_k + m pi_k) / (n + m).

Outcomes of rounds h bars long overlap, and h successive ones tell about as much as one: each counts 1 / h. How much
phases differ, m, is not known either: it has a few possible values, the last of them infinite, where p is the prior,
equally likely at first, and learns by Bayes' rule from how well each would have foretold what came, a round again
counting 1 / h (a power likelihood). The belief is the mean of p(m) over what is known of m. So where phases tell
nothing it goes to the prior, and no faster away from it than evidence grows (Good 1965, "The estimation of
probabilities").
"""

import math
from typing import Any, Final

from bus.message import Probabilities
from bus.messages import Phase
from pads.board import ABSENT, Opinion

STRENGTHS: Final = (3.0, 10.0, 30.0, 100.0, 300.0)
"""Possible m, in independent observations; infinity is the one beyond them."""

Counts = tuple[float, float, float]
_NOTHING: Final[Counts] = (0.0, 0.0, 0.0)


class PhaseMemory:
    """Discounted outcome counts by phase, and what is known of how much phases differ.

    Parameters
    ----------
    discount
        What is left of a phase's counts when the next outcome of that phase arrives.
    horizon
        Bars from a decision to its outcome.
    """

    def __init__(self, discount: float, horizon: int) -> None:
        self._discount = discount
        self._horizon = horizon
        self._counts: dict[Phase, Counts] = dict.fromkeys(Phase, _NOTHING)
        self._evidence = [0.0] * (len(STRENGTHS) + 1)

    def seen(self, phase: Phase) -> Counts:
        """Return the discounted counts of (down, flat, up) in a phase, h successive outcomes counting 1."""
        return self._counts[phase]

    def opinion(self, phase: Phase, prior: Probabilities) -> Opinion:
        """Return what outcomes came in this phase before, drawn towards the prior; none were, no belief.

        Confidence is the share that observations have in the belief.
        """
        counts = self._counts[phase]
        total = (counts[0] + counts[2]) + counts[1]
        if not total > 0.0:
            return ABSENT
        own = 0.0
        for weight, m in zip(self._weights(), STRENGTHS, strict=False):
            own += weight / (total + m)
        confidence = min(own * total, 1.0)
        rest = 1.0 - confidence
        down, flat, up = (
            own * counts[0] + rest * prior[0],
            own * counts[1] + rest * prior[1],
            own * counts[2] + rest * prior[2],
        )
        whole = (down + up) + flat
        return Opinion((down / whole, flat / whole, up / whole), confidence)

    def observe(self, phase: Phase, outcome: int, seen: Counts, prior: Probabilities) -> None:
        """Count an outcome of a phase; ``seen`` and ``prior`` are what its round was decided on."""
        total = (seen[0] + seen[2]) + seen[1]
        came, expected = seen[outcome], prior[outcome]
        discount, horizon = self._discount, self._horizon
        likelihoods = [(came + m * expected) / (total + m) for m in STRENGTHS]
        likelihoods.append(expected)
        self._evidence = [
            discount * evidence + math.log(likelihood) / horizon
            for evidence, likelihood in zip(self._evidence, likelihoods, strict=True)
        ]
        kept = [discount * count for count in self._counts[phase]]
        kept[outcome] += 1.0 / horizon
        self._counts[phase] = (kept[0], kept[1], kept[2])

    def _weights(self) -> list[float]:
        """Return the probabilities of the strengths, infinity's last."""
        top = max(self._evidence)
        powers = [math.exp(evidence - top) for evidence in self._evidence]
        total = sum(powers)
        return [power / total for power in powers]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "counts": {phase.value: list(counts) for phase, counts in self._counts.items()},
            "evidence": list(self._evidence),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        for phase in Phase:
            down, flat, up = state["counts"][phase.value]
            self._counts[phase] = (down, flat, up)
        self._evidence = list(state["evidence"])
