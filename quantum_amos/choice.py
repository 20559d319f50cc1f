"""From an intention to the legs it argues for, and from the legs back to one of the seven actions.

An argument of size g >= 0, in worths, pushes its leg by g/(g + half), ``half`` being the argument of middling strength.
"""

from typing import Final

from bus.messages import Action
from quantum_amos.fusion import Legs, Push
from quantum_amos.intention import Deliberation

_LEAST_LEAD: Final = 1e-12
"""Rounding: what is no more probable by this much is not more probable."""
_HALF_ADVANTAGE: Final = 0.1
"""Worth over HOLD that argues with half strength."""
_HALF_PREFERENCE: Final = 1.0
"""Worth of one side over the other that argues with half strength."""
_NO_PUSH: Final = Push(0.0, 0.0)


def push_of(deliberation: Deliberation, strength: float) -> Push:
    """Return how an intention argues for the legs, by what the best action is worth over HOLD.

    An action after which the exposure is higher argues for the long leg, one that lowers it for the short leg.
    """
    best = deliberation.best
    if best is Action.HOLD:
        return _NO_PUSH
    push = _pushed(deliberation.advantage, _HALF_ADVANTAGE, strength)
    return Push(push, 0.0) if best in deliberation.raising else Push(0.0, push)


def preference_of(stance: Deliberation, strength: float) -> Push:
    """Return how the intention of someone who holds nothing argues for a side, by what one is worth over the other.

    Whether either is worth more than HOLD, which to the loss averse it seldom is, says nothing of the side.
    """
    long, short = stance.worth(Action.BUY), stance.worth(Action.SELL)
    return Push(
        _pushed(max(long - short, 0.0), _HALF_PREFERENCE, strength),
        _pushed(max(short - long, 0.0), _HALF_PREFERENCE, strength),
    )


def action_of(legs: Legs, deliberation: Deliberation) -> Action:
    """Return the action worth most of those that the most probable legs stand for.

    The long leg stands for what raises the exposure, the short one for what lowers it, HEDGE among them. Both together
    stand for HEDGE where that is open, and otherwise, as none of them does, for HOLD.
    """
    can_hedge = deliberation.has(Action.HEDGE)
    none, both = (legs.none, legs.both) if can_hedge else (legs.none + legs.both, 0.0)
    side = max(legs.long, legs.short)
    if both > max(none, side) + _LEAST_LEAD:
        return Action.HEDGE
    if side <= none + _LEAST_LEAD or abs(legs.long - legs.short) <= _LEAST_LEAD:
        return Action.HOLD
    return deliberation.best_of(deliberation.raising if legs.long > legs.short else deliberation.lowering)


def _pushed(argument: float, half: float, strength: float) -> float:
    return strength * argument / (argument + half)
