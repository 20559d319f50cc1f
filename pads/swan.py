"""Whether the latest move is a black swan: a loss that earlier returns make next to impossible.

Returns against the position are losses; those before the latest one are the sample, and peaks over a threshold tell
how their tail thins out (``kernels.extreme``). Nothing is assumed of a sample too short.
"""

import math
from decimal import Decimal

import numpy as np

from kernels.extreme import exceedance_probability
from pads.closes import LogCloses
from pads.config import SwanConfig


def exceedance(closes: LogCloses, position: Decimal, config: SwanConfig) -> float | None:
    """Return the probability that a move exceeds the latest one against ``position``, in units of its sign.

    None without a position, without a move against it, and where earlier returns are too few or too much alike to tell.
    """
    returns = np.diff(closes.last(config.window + 2))
    if len(returns) - 1 < config.min_returns or not returns[-1]:
        return None
    is_fall = returns[-1] < 0.0
    losses = -returns if is_fall else returns
    # Judged without a position too, so that the kernels are compiled before the first one hangs on them.
    probability = exceedance_probability(losses[:-1], float(losses[-1]), config.tail)
    is_against = position > 0 if is_fall else position < 0
    return None if math.isnan(probability) or not is_against else probability
