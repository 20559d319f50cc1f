"""How far a belief leans for an edge: one positive number, learned from the log score.

The belief is p proportional to (prior_down e^(-c a), prior_flat, prior_up e^(c a)), with a the edge and c the
calibration. The slope of ln p[outcome] in c is a (y - (p_up - p_down)), y = -1, 0, 1 for down, flat, up, so that

    c <- c exp(rate * a * (y - (p_up - p_down))),

kept within a factor ``RANGE`` of where it began: an exponentiated gradient (Kivinen and Warmuth 1997). It cannot
change sign, and a mirrored round moves it the same way.
"""

import math
from typing import Final

from bus.message import Probabilities

RANGE: Final = 10.0
_MOST_SLOPE: Final = 10.0


def recalibrate(
    calibration: float, initial: float, edge: float, belief: Probabilities, direction: int, rate: float
) -> float:
    """Return the calibration after a round whose belief came from ``edge`` and whose outcome was ``direction``.

    Examples
    --------
    >>> recalibrate(0.5, 0.5, 1.0, (0.25, 0.5, 0.25), 1, 0.1) == 0.5 * math.exp(0.1)
    True
    """
    slope = edge * (direction - (belief[2] - belief[0]))
    slope = min(max(slope, -_MOST_SLOPE), _MOST_SLOPE)
    return min(max(calibration * math.exp(rate * slope), initial / RANGE), initial * RANGE)
