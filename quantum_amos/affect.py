"""How gains and losses leave a mood, and what the mood does.

A settled round is felt as the prospect value of what the agent would have made of it: x = stake * y, with y the
standardised return and the stake, in [-1, 1], the lean of the belief that it had published. Mood sums what was felt,

    mood <- d mood + w v(x),        valence = mood / (1 + |mood|) in (-1, 1),

w being 1/h for a horizon of h bars. Confidence and desire are multiplied by 1 + a valence, a in [0, 1], and kept in
[0, 1]: at worst a mood takes the share a away, at best it adds as much.

Long and short are felt alike: mirrored prices give the same mood. Gains and losses are not: a loss weighs lambda = 2.25
times as much (Tversky and Kahneman 1992), so that an agent without skill grows timid, and only one that earns 2.25
times what it loses stays as it was. That mood moves the next judgment rather than the belief follows Loewenstein,
Weber, Hsee and Welch 2001 ("Risk as feelings"); the rule itself is ours.
"""

from typing import Any

from kernels.prospect import Parameters, value


class Affect:
    """The mood of one symbol.

    Parameters
    ----------
    parameters
        How gains and losses are valued.
    decay
        d, what a settled round keeps of its say when the next one settles, in [0, 1).
    """

    def __init__(self, parameters: Parameters, decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._mood = 0.0

    @property
    def valence(self) -> float:
        """The mood in (-1, 1), 0 being indifferent."""
        return self._mood / (1.0 + abs(self._mood))

    def feel(self, outcome: float, importance: float) -> None:
        """Take a realised ``outcome`` x of a stake, in standardised returns, with its importance w."""
        seen = value(outcome, self._parameters.alpha, self._parameters.beta, self._parameters.loss_aversion)
        self._mood = self._decay * self._mood + importance * seen

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"mood": self._mood}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._mood = state["mood"]


def coloured(confidence: float, valence: float, strength: float) -> float:
    """Return the confidence that a mood leaves of one in [0, 1]: confidence (1 + strength valence), at most 1.

    Examples
    --------
    >>> coloured(0.5, -0.5, 0.5), coloured(0.9, 1.0, 0.5)
    (0.375, 1.0)
    """
    return min(confidence * (1.0 + strength * valence), 1.0)
