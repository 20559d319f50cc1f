"""How large a position may be, and how far it may still grow: what the book, refusals and the stop leave of a wish."""

import math
from typing import Any, Final, NamedTuple

from bus.messages import Side
from pads.restraint import Restraint
from portfolio.budget import DrawdownBudget


class Bound(NamedTuple):
    """How far a position may grow on one side, as an unsigned fraction of equity, and why no further."""

    extent: float = math.inf
    why: str = ""

    def narrowed(self, extent: float, why: str) -> "Bound":
        """Return the narrower of this bound and another."""
        return Bound(extent, why) if extent < self.extent else self


class Room(NamedTuple):
    """``limit`` is what a position may be at most, in fractions of equity; ``long`` and ``short`` bound its growth.

    A position beyond a bound may stay, one beyond the limit may not.
    """

    limit: float = math.inf
    short: Bound = Bound()
    long: Bound = Bound()

    def towards(self, change: float) -> Bound:
        """Return the bound on the side to which a position changes."""
        return self.long if change > 0.0 else self.short

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.limit, list(self.short), list(self.long)]

    @classmethod
    def restored(cls, state: list[Any]) -> "Room":
        """Return the room that ``snapshot`` gave."""
        limit, short, long = state
        return cls(limit, Bound(*short), Bound(*long))


BOUNDLESS: Final = Room()


def room_in(budget: DrawdownBudget, factor: float, bar: int, *restraints: Restraint) -> Room:
    """Return what the limits of the book leave at ``bar``, ``factor`` being the share of them that stress leaves.

    In the last tier of the drawdown budget nothing grows; elsewhere a side that is under a restraint does not.
    """
    limit = float(budget.position_weight) * factor
    ladder = budget.ladder
    if ladder.is_last:
        shut = Bound(0.0, f"drawdown {ladder.drawdown:.2%}: the last tier lets only what shrinks pass")
        return Room(limit, shut, shut)
    imposed = [each for each in restraints if each]
    return Room(limit, _bound(Side.SELL, bar, imposed), _bound(Side.BUY, bar, imposed)) if imposed else Room(limit)


def _bound(side: Side, bar: int, imposed: list[Restraint]) -> Bound:
    reasons = [why for why in (each.why(side, bar) for each in imposed) if why]
    return Bound(0.0, "; ".join(reasons)) if reasons else Bound()
