"""What guards a position, as it is told: prices cross from float64 to money here."""

from decimal import Decimal
from typing import Final

from bus.messages import Level, PositionLevels, Side
from kernels.bracket import EXTENSIONS, RETRACEMENTS
from pads.care import Guard

_DIGITS: Final = 10


def told(symbol: str, bar: int, guard: Guard, scale: float) -> PositionLevels:
    """Return the message on a guard whose prices are in units of which one is ``scale`` units of today."""

    def price(level: float) -> Decimal:
        return Decimal(f"{level / scale:.{_DIGITS}g}")

    drawn = [("retracement", *each) for each in zip(RETRACEMENTS, guard.retracements, strict=False)]
    drawn += [("extension", *each) for each in zip(EXTENSIONS, guard.targets, strict=False)]
    swing = guard.swing
    return PositionLevels(
        symbol=symbol,
        bar=bar,
        side=Side.BUY if guard.side > 0 else Side.SELL,
        entry=price(guard.entry),
        stop=price(guard.stop),
        swing_start=None if swing is None else price(swing.start),
        swing_end=None if swing is None else price(swing.end),
        levels=tuple(Level(kind=kind, ratio=Decimal(str(ratio)), price=price(level)) for kind, ratio, level in drawn),
        score=guard.score,
        grade=guard.grade,
    )
