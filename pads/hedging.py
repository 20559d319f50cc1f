"""A kept position and what could take off its risk: the minimum-variance hedge in the best-correlated instrument.

The hedge of n units of a at price P_a is -beta n P_a/P_b units of b, beta = cov(a, b)/var(b) (Johnson 1960). Only
instruments whose current bar is at least as recent are candidates: an order in one that lags would be filled at a price
from before the decision.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from pads.comovement import Comovement
from pads.config import HedgeConfig
from pads.room import BOUNDLESS, Room
from pads.sizing import Sizer


class Candidate(NamedTuple):
    """An instrument that could serve: units held, whether an order for it works, last close, last opening, room."""

    symbol: str
    position: Decimal
    is_working: bool
    close: float
    opened_ns: int
    room: Room = BOUNDLESS


class Hedge(NamedTuple):
    """Signed units of ``symbol`` to trade, and the absolute correlation that speaks for it."""

    symbol: str
    change: Decimal
    correlation: float


def find_hedge(
    own: Candidate,
    others: Iterable[Candidate],
    comovement: Comovement,
    equity: float,
    config: HedgeConfig,
    sizer: Sizer,
) -> Hedge | None:
    """Return the trade that brings the best-correlated instrument that can serve to its minimum-variance hedge.

    One cannot serve where it lags, is correlated too little, is held on the wrong side or may not be sold short. None
    where no instrument can, and where the best already stands as it should or has an order at work. Equally correlated
    ones are taken in the order given.
    """
    best: Candidate | None = None
    correlation = wanted = 0.0
    for other in others:
        relation = comovement.relation(own.symbol, other.symbol)
        if relation is None or other.opened_ns < own.opened_ns:
            continue
        strength = abs(relation.correlation)
        hedge = -relation.beta * float(own.position) * own.close / equity
        is_fit = sizer.may_hold(hedge) and float(other.position) * hedge >= 0.0
        if is_fit and strength >= config.min_correlation and strength > correlation:
            best, correlation, wanted = other, strength, hedge
    if best is None or best.is_working:
        return None
    change = sizer.growth(wanted, best.position, best.close, equity, best.room)
    return Hedge(best.symbol, change, correlation) if change else None
