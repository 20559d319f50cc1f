"""What guards a position: stop by structure and ATR, Fibonacci targets, and how much to close at each.

Levels of a rise from L to H: retracements H - k (H - L), extensions H + (k - 1)(H - L); of a fall mirrored:
L + k (H - L) and L - (k - 1)(H - L). Fibonacci ratios are a convention of traders, not a theory: nothing says that
markets keep to them. Stop: min(structure, entry - m ATR) for a purchase, mirrored for a short sale.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from kernels.arrays import Ints
from kernels.pivot import Leg, Sign
from kernels.schedule import split

RETRACEMENTS: Final = (0.236, 0.382, 0.5, 0.618, 0.786)
EXTENSIONS: Final = (1.272, 1.618, 2.618)
_TIERS: Final = ((1.5, 2.0), (3.0, 2.5), (5.0, 3.0))
"""ATR below so many per cent of price: so many ATR between entry and stop."""
_WIDEST: Final = 3.5
_STRONG: Final = 0.4
_MODERATE: Final = 0.25
"""Of ADX / 100: above 25 a trend is commonly said to be there, above 40 to be strong."""


class Levels(NamedTuple):
    """What guards a position; ``is_valid`` says whether stop, entry and targets lie in order and above 0.

    ``multiple`` is m, ``retracements`` and ``targets`` are those of ``RETRACEMENTS`` and ``EXTENSIONS``.
    """

    is_valid: bool
    stop: float
    targets: tuple[float, ...]
    retracements: tuple[float, ...]
    multiple: float


def retracements(swing: Leg, ratios: Sequence[float] = RETRACEMENTS) -> tuple[float, ...]:
    """Return the prices at which a share k of the leg is given back: end - k (end - start).

    Examples
    --------
    >>> retracements(Leg(100.0, 0, 200.0, 5), (0.0, 0.5, 1.0)), retracements(Leg(200.0, 0, 100.0, 5), (0.25,))
    ((200.0, 150.0, 100.0), (125.0,))
    """
    return tuple(swing.end - k * (swing.end - swing.start) for k in ratios)


def extensions(swing: Leg, ratios: Sequence[float] = EXTENSIONS) -> tuple[float, ...]:
    """Return the prices at which the leg has gone on to k times its length: end + (k - 1)(end - start).

    Examples
    --------
    >>> extensions(Leg(100.0, 0, 200.0, 5), (1.0, 1.5)), extensions(Leg(200.0, 0, 100.0, 5), (1.5,))
    ((200.0, 250.0), (50.0,))
    """
    return tuple(swing.end + (k - 1.0) * (swing.end - swing.start) for k in ratios)


def stop_multiple(atr_percent: float) -> float:
    """Return m, how many ATR the stop keeps from entry: 2.0, 2.5, 3.0, 3.5 by ATR % < 1.5, 3, 5, more.

    Examples
    --------
    >>> [stop_multiple(percent) for percent in (1.49, 1.5, 3.0, 5.0)]
    [2.0, 2.5, 3.0, 3.5]
    """
    if not 0.0 <= atr_percent < math.inf:
        raise ValueError(f"ATR of {atr_percent} %, expected finite and not negative")
    return next((multiple for below, multiple in _TIERS if atr_percent < below), _WIDEST)


def levels(side: Sign, entry: float, swing: Leg, average_range: float) -> Levels:
    """Return stop and targets of a position entered at ``entry``.

    A purchase stops at min(structure, entry - m ATR), structure being the start of the rise; valid only if
    stop < entry < every target. A short sale mirrored, with the fall.

    Parameters
    ----------
    side
        1 long, -1 short.
    entry, average_range
        Price of entry, > 0; ATR, >= 0.
    swing
        A rise for a purchase, a fall for a short sale: anything else is not valid.
    """
    if side not in (1, -1) or not (0.0 < entry < math.inf and 0.0 <= average_range < math.inf):
        raise ValueError(f"side {side}, entry {entry}, ATR {average_range}: expected 1 or -1, finite, > 0 and >= 0")
    multiple = stop_multiple(100.0 * average_range / entry)
    near = entry - side * multiple * average_range
    stop = min(swing.start, near) if side == 1 else max(swing.start, near)
    targets = extensions(swing)
    in_order = side * stop < side * entry < min(side * target for target in targets)
    is_leg = swing.start_bar < swing.end_bar and side * swing.start < side * swing.end
    return Levels(
        is_valid=in_order and is_leg and min(stop, *targets) > 0.0,
        stop=stop,
        targets=targets,
        retracements=retracements(swing),
        multiple=multiple,
    )


def trailed(side: Sign, stop: float, close: float, average_range: float) -> float:
    """Return the stop moved behind the close by m ATR, never away from it again.

    Examples
    --------
    >>> trailed(1, 95.0, 110.0, 1.0), trailed(1, 108.0, 105.0, 1.0), trailed(-1, 105.0, 100.0, 1.0)
    (108.0, 108.0, 102.0)
    """
    if side not in (1, -1) or not (0.0 < close < math.inf and 0.0 <= average_range < math.inf):
        raise ValueError(f"side {side}, close {close}, ATR {average_range}: expected 1 or -1, finite, > 0 and >= 0")
    behind = close - side * stop_multiple(100.0 * average_range / close) * average_range
    return max(stop, behind) if side == 1 else min(stop, behind)


def staged(strength: float) -> tuple[int, int, int]:
    """Return the per cent of a position to close at each target: the stronger the trend, the more waits for the last.

    Parameters
    ----------
    strength
        ADX over 100, in [0, 1].

    Examples
    --------
    >>> staged(0.5), staged(0.3), staged(0.1)
    ((25, 30, 45), (40, 30, 30), (60, 25, 15))
    """
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength {strength}, expected 0 to 1")
    if strength > _STRONG:
        return (25, 30, 45)
    return (40, 30, 30) if strength > _MODERATE else (60, 25, 15)


def staged_lots(lots: int, strength: float) -> Ints:
    """Return the lots to close at each target, summing to ``lots`` exactly."""
    return split(lots, staged(strength))
