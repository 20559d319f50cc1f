"""Beliefs over (down, flat, up): how evidence moves one away from the prior, what it scores, and what it is worth.

Sums run (down + up) + flat, so that mirrored evidence gives the mirrored belief to the last bit.
"""

import math
from typing import Any, Final

from bus.errors import Invalid
from bus.message import Probabilities
from bus.messages import Outcome

SCORE_FLOOR: Final = 1e-3
"""A probability counts as at least this much in a log score, as on the board."""
TYPICAL_MOVE_BANDS: Final = 2.282
"""Mean size of a move beyond the band, in bands: 2 phi(.5)/(1 - Phi(.5)), for normal returns and a band of sigma/2."""
OUTCOMES: Final = (Outcome.DOWN, Outcome.FLAT, Outcome.UP)


def reweigh(prior: Probabilities, likelihood: tuple[float, float, float]) -> Probabilities:
    """Return the prior times ``likelihood``, normalised; equal likelihoods give the prior itself.

    Parameters
    ----------
    prior
        Probabilities of (down, flat, up).
    likelihood
        Positive finite factors of the same three, on any common scale.

    Raises
    ------
    Invalid
        The factors are not finite, or leave nothing of the prior.

    Examples
    --------
    >>> reweigh((0.25, 0.5, 0.25), (2.0, 1.0, 4.0))
    (0.25, 0.25, 0.5)
    """
    if likelihood[0] == likelihood[1] == likelihood[2]:
        return prior
    down, flat, up = prior[0] * likelihood[0], prior[1] * likelihood[1], prior[2] * likelihood[2]
    total = (down + up) + flat
    if not (total > 0 and math.isfinite(total)):
        raise Invalid(f"likelihood {likelihood} leaves nothing of prior {prior}; give positive finite factors")
    return down / total, flat / total, up / total


def tilt(prior: Probabilities, lean: float, spread: float = 0.0) -> Probabilities:
    """Return p proportional to (prior_down e^(spread-lean), prior_flat, prior_up e^(spread+lean)).

    ``lean`` is half the change of ln(p_up/p_down); ``spread`` moves probability from flat to both sides. Zero for
    both gives the prior.

    Examples
    --------
    >>> tilt((0.3, 0.4, 0.3), 0.0)
    (0.3, 0.4, 0.3)
    """
    top = max(0.0, spread + abs(lean))
    return reweigh(prior, (math.exp(spread - lean - top), math.exp(-top), math.exp(spread + lean - top)))


def direction(outcome: Outcome) -> int:
    """Return -1, 0 or 1 for down, flat or up."""
    return OUTCOMES.index(outcome) - 1


def log_score(belief: Probabilities, outcome: Outcome) -> float:
    """Return ln of the probability given to what happened, in nats, floored at ``SCORE_FLOOR``."""
    return math.log(max(belief[OUTCOMES.index(outcome)], SCORE_FLOOR))


class MoveSizes:
    """Causal mean sizes of up and down moves in units of the band, each begun with one typical move."""

    def __init__(self) -> None:
        self._down = [TYPICAL_MOVE_BANDS, 1.0]
        self._up = [TYPICAL_MOVE_BANDS, 1.0]

    def learn(self, outcome: Outcome, realized_return: float, band: float) -> None:
        """Count a settled round; a flat outcome says nothing about the size of moves."""
        if outcome is Outcome.FLAT:
            return
        side = self._up if outcome is Outcome.UP else self._down
        side[0] += abs(realized_return) / band
        side[1] += 1.0

    def expected_return(self, belief: Probabilities, band: float) -> float:
        """Return p_up times the mean up move less p_down times the mean down move, flat counting 0: a log return."""
        up = self._up[0] / self._up[1]
        down = self._down[0] / self._down[1]
        return band * (belief[2] * up - belief[0] * down)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"down": list(self._down), "up": list(self._up)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._down, self._up = list(state["down"]), list(state["up"])
