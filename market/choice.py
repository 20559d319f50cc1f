"""The rule by which a seat turns its belief into one of the seven actions.

Conviction of a side is its share of p_up + p_down. It counts only where it exceeds the prior's own conviction, so
that a seat without evidence holds however the prior leans. With T the phase's threshold, a side is

    suspected  at (1/2 + T)/2,    meant  at T,    certain  at (T + 1)/2.

| position | evidence | action |
|---|---|---|
| flat | up, down meant | BUY, SELL |
| open | its own side meant | INCREASE |
| open | other side suspected | HEDGE in release, where leaving costs most; DECREASE in every other phase |
| open | other side meant | EXIT |
| long | down certain | SELL, through zero |
| short | up certain | EXIT; the way through zero to long is a BUY once flat |
| any | anything less | HOLD |
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bus.message import Probabilities
from bus.messages import Action, Phase

THRESHOLDS: Final[Mapping[Phase, float]] = MappingProxyType(
    {Phase.GROWTH: 0.55, Phase.REORGANIZATION: 0.60, Phase.CONSERVATION: 0.65, Phase.RELEASE: 0.75}
)
_LEAST_EVIDENCE: Final = 1e-9


def conviction(belief: Probabilities) -> float:
    """Return p_up / (p_up + p_down), or one half where both are zero."""
    sides = belief[0] + belief[2]
    return belief[2] / sides if sides > 0 else 0.5


def choose(belief: Probabilities, prior: Probabilities, position: Decimal, phase: Phase) -> Action:
    """Return the action that ``belief`` asks for, given the prior, the signed units held and the phase."""
    up = conviction(belief)
    evidence = up - conviction(prior)
    if abs(evidence) <= _LEAST_EVIDENCE:
        return Action.HOLD
    is_up = evidence > 0
    strength = up if is_up else 1.0 - up
    threshold = THRESHOLDS[phase]
    if position == 0:
        return (Action.BUY if is_up else Action.SELL) if strength >= threshold else Action.HOLD
    if is_up == (position > 0):
        return Action.INCREASE if strength >= threshold else Action.HOLD
    return _against(strength, threshold, phase, is_long=position > 0)


def _against(strength: float, threshold: float, phase: Phase, *, is_long: bool) -> Action:
    if strength >= (threshold + 1.0) / 2:
        return Action.SELL if is_long else Action.EXIT
    if strength >= threshold:
        return Action.EXIT
    if strength >= (0.5 + threshold) / 2:
        return Action.HEDGE if phase is Phase.RELEASE else Action.DECREASE
    return Action.HOLD
